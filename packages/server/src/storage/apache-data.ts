/**
 * The data of an Apache ZooKeeper. Some of its files have the names of ours: who takes its directory over would find an empty tree
 * beside the data that he meant, or be told that they are damaged.
 */
import type { Disk } from "@corral/io";
import { epochFileName } from "./file-names.ts";
import { withFile } from "./whole-file.ts";

/** Where Apache keeps its files within its data directory. */
const apacheDirectory = "version-2";
/** What its logs and snapshots begin with. */
const apacheMarks: readonly string[] = ["ZKLG", "ZKSN"];

/** The name by which `directory` is known to be Apache's; undefined if it is not. Rejects if the disk does. */
export async function findApacheData(disk: Disk, directory: string): Promise<string | undefined> {
  const names = await disk.list(directory);
  if (names.includes(epochFileName)) return undefined;
  if (names.includes(apacheDirectory)) return apacheDirectory;
  for (const name of names.filter((one) => /^(log|snapshot)\.[0-9a-f]+$/.test(one))) {
    const head = await withFile(disk, `${directory}/${name}`, (file) => file.read(0, 4));
    if (apacheMarks.includes(head.toString("latin1"))) return name;
  }
  return undefined;
}

/** A sentence for whoever named the directory; `remedy`: another, what he can do about it. */
export function holdsApacheData(directory: string, what: string, remedy = ""): string {
  const copy = "Copy the tree over with corral import.";
  return `${directory} holds the data of an Apache ZooKeeper (${what}), which Corral does not read. ${remedy}${copy}`;
}
