/**
 * Loaded into a server's process before its own program (`node --import`): measures how long the event loop was held up at
 * most. At SIGUSR2 it writes that, in ms, to the file that STALL_FILE names, and begins anew.
 */
import { renameSync, writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const file = process.env.STALL_FILE;
if (file === undefined) throw new Error("STALL_FILE names the file to write to.");
const resolutionMs = 1;
const delay = monitorEventLoopDelay({ resolution: resolutionMs });
delay.enable();
process.on("SIGUSR2", () => {
  const stallMs = Math.max(0, delay.max / 1e6 - resolutionMs);
  delay.reset();
  writeFileSync(`${file}.tmp`, String(stallMs));
  renameSync(`${file}.tmp`, file);
});
