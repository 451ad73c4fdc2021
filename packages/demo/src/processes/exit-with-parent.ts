/**
 * Loaded (`node --import`) into every process that the demo starts, before its own code: ends the process when the demo is
 * gone, however it went. The demo holds the other end of the standard input; the kernel closes it when the demo dies, even by
 * SIGKILL. Nothing is ever written to that input.
 *
 * A demo that was killed cannot remove its temporary directory, so those who outlive it do. Each does so at its own very
 * end: whoever is last leaves nothing.
 */
import { rmSync } from "node:fs";
import process from "node:process";

/** How long an orderly stop may take before the process is ended without one. */
const GRACE_MS = 2_000;

/** The demo's directory, unless it is to be kept. */
const legacy = process.env.CORRAL_DEMO_LEGACY;

function stop(): void {
  process.once("exit", removeLegacy);
  setTimeout(() => {
    removeLegacy();
    process.kill(process.pid, "SIGKILL");
  }, GRACE_MS).unref();
  // Before the process's own code has begun there is nobody to stop it in order, and the signal would allow no last act.
  if (process.listenerCount("SIGTERM") === 0) process.exit(1);
  process.kill(process.pid, "SIGTERM");
}

function removeLegacy(): void {
  // Another process may be removing it, or writing to it, at the same time: try again until it is gone.
  if (legacy !== undefined) rmSync(legacy, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
}

process.stdin.once("end", stop);
process.stdin.once("error", stop);
process.stdin.resume();
// A process that has nothing else to do ends as if this were not here.
if ("unref" in process.stdin && typeof process.stdin.unref === "function") {
  process.stdin.unref();
}
