/** What figures mean nothing without: the machine, its disk, the versions. */
import { execFileSync } from "node:child_process";
import { statfsSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { describePace } from "./pace.ts";

const fileSystems: Readonly<Record<number, string>> = {
  61267: "ext4",
  16914836: "tmpfs, which is no disk: figures of writes mean nothing",
  1481003842: "xfs",
  2435016766: "btrfs",
  2035054128: "overlayfs",
};

/** Lines about this machine, and how quick it is now; `directory` is where the servers keep their data. */
export async function describeMachine(directory: string): Promise<string[]> {
  const all = cpus();
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  const disk = statfsSync(directory).type;
  return [
    `${all.length} × ${all[0]?.model.trim() ?? "unknown processor"}, ${gibibytes} GiB, ${type()} ${release()}`,
    `data on ${fileSystems[disk] ?? `file system 0x${disk.toString(16)}`}`,
    `Node ${process.versions.node}`,
    await describePace(),
  ];
}

/** Java's version, as it tells it; undefined if there is no Java. */
export function javaVersion(): string | undefined {
  try {
    const text = execFileSync("java", ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return text.split("\n")[0]?.trim();
  } catch {
    return undefined; // not installed, or too old to know the option
  }
}
