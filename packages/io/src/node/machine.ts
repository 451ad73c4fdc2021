/** Node's view of the machine behind the `Machine` port. */
import { readdir, readFile } from "node:fs/promises";
import { arch, hostname, release, type, userInfo } from "node:os";
import { getHeapStatistics } from "node:v8";
import type { Machine, MachineFacts } from "../ports/machine.ts";

/** This machine and this process. */
export const nodeMachine: Machine = { facts, files };

function facts(): MachineFacts {
  const user = currentUser();
  return {
    hostName: hostname(),
    runtime: `Node.js ${process.version}`,
    osName: type(),
    osVersion: release(),
    architecture: arch(),
    userName: user.name,
    homeDirectory: user.home,
    workingDirectory: process.cwd(),
    processId: process.pid,
    residentBytes: process.memoryUsage.rss(),
    heapUsedBytes: process.memoryUsage().heapUsed,
    heapLimitBytes: getHeapStatistics().heap_size_limit,
  };
}

/** A user without an entry in the system's list, as in many containers, has no name. */
function currentUser(): { readonly name: string; readonly home: string } {
  try {
    const { username, homedir } = userInfo();
    return { name: username, home: homedir };
  } catch {
    return { name: String(process.getuid?.() ?? ""), home: process.env.HOME ?? "" };
  }
}

async function files(): Promise<{ open: number; limit: number | undefined } | undefined> {
  if (process.platform !== "linux") return undefined;
  const [entries, limits] = await Promise.all([readdir("/proc/self/fd"), readFile("/proc/self/limits", "utf8")]);
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  return { open: entries.length, limit: soft === undefined || soft === "unlimited" ? undefined : Number(soft) };
}
