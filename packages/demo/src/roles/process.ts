/** What every process that the demo starts needs around its few lines of its own. */
import type { LogFields, Logger } from "@corral/io";

/** JSON lines on standard error, which the demo keeps in a file. */
export const stderrLogger: Logger = {
  debug: () => {},
  info: (fields, message) => write("info", fields, message),
  warn: (fields, message) => write("warn", fields, message),
  error: (fields, message) => write("error", fields, message),
};

function write(level: string, fields: LogFields, message: string): void {
  const line = JSON.stringify({ level, time: new Date().toISOString(), message, ...fields }, plainValue);
  process.stderr.write(`${line}\n`);
}

/** What JSON has no form for: big integers, and what an error carries. */
function plainValue(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") {
    return value.toString();
  }
  return value instanceof Error ? { name: value.name, message: value.message, stack: value.stack } : value;
}

/** Runs `body` until it is done or SIGTERM aborts its signal. Whatever it throws ends the process with exit code 1. */
export async function runProcess(body: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort(new Error("Told to stop.")));
  // Ctrl-C is the demo's to handle; it reaches this process only if somebody sends it on purpose.
  process.on("SIGINT", () => {});
  try {
    await body(stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) {
      stderrLogger.error({ err: error }, "This process met what it cannot handle");
      process.exitCode = 1;
    }
  }
}

/** Resolves when the signal aborts. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }
}
