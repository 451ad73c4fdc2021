/**
 * Loaded (`node --import`) into every process that the demo starts, before its own code: ends the process when the demo is
 * gone, however it went. The demo holds the other end of the standard input; the kernel closes it when the demo dies, even by
 * SIGKILL. Nothing is ever written to that input.
 */
import process from "node:process";

/** How long an orderly stop may take before the process is ended without one. */
const GRACE_MS = 2_000;

function stop(): void {
  process.kill(process.pid, "SIGTERM");
  setTimeout(() => process.kill(process.pid, "SIGKILL"), GRACE_MS).unref();
}

process.stdin.once("end", stop);
process.stdin.once("error", stop);
process.stdin.resume();
// A process that has nothing else to do ends as if this were not here.
if ("unref" in process.stdin && typeof process.stdin.unref === "function") {
  process.stdin.unref();
}
