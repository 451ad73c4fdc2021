/** What a server that runs tells of itself, and what the system tells of its process. */
import { readFileSync } from "node:fs";
import { connect } from "node:net";

/** The numbers of `mntr`, by their keys without `zk_`. The server must answer that word. */
export async function monitorOf(port: number): Promise<ReadonlyMap<string, number>> {
  const text = await new Promise<string>((resolve, reject) => {
    let answer = "";
    const socket = connect({ host: "127.0.0.1", port }, () => socket.write("mntr"));
    socket.on("data", (chunk) => {
      answer += chunk.toString();
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
  });
  return new Map([...text.matchAll(/^zk_(\S+)\t(\S+)$/gm)].map(([, key = "", value]) => [key, Number(value)]));
}

/** Resident memory of a process in MiB, from Linux's /proc; NaN where there is no such thing. */
export function residentMiB(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) / 1_024;
  } catch {
    return Number.NaN; // not Linux, or the process has ended
  }
}
