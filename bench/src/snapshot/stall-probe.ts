/**
 * Loaded into a server's process before its own program (`node --import`): measures how long the event loop was held up at
 * most, and how much of that it computed itself, for on a machine with other work it may just have had no turn. At SIGUSR2
 * it writes both, in ms, to the file that STALL_FILE names, and begins anew.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const file = process.env.STALL_FILE;
if (file === undefined) throw new Error("STALL_FILE names the file to write to.");
const resolutionMs = 1;
const delay = monitorEventLoopDelay({ resolution: resolutionMs });
delay.enable();

/** CPU time of this thread, ms, from Linux's /proc; NaN where there is no such thing. */
function ownCpuMs(): number {
  try {
    return Number.parseInt(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "latin1"), 10) / 1e6;
  } catch {
    return Number.NaN; // not Linux
  }
}

let computedMs = 0;
let lastMs = ownCpuMs();
setInterval(() => {
  const nowMs = ownCpuMs();
  computedMs = Math.max(computedMs, nowMs - lastMs);
  lastMs = nowMs;
}, resolutionMs).unref();

process.on("SIGUSR2", () => {
  const stallMs = Math.max(0, delay.max / 1e6 - resolutionMs);
  writeFileSync(`${file}.tmp`, JSON.stringify({ stallMs, computedMs }));
  renameSync(`${file}.tmp`, file);
  delay.reset();
  computedMs = 0;
});
