/**
 * What every script of this directory begins with: its configuration, its journal, and its end. The other side is
 * test/support/test-processes.ts. The scripts run built code: `npm test` builds first; by hand, `npm run build`.
 */
import { openSync, writeSync } from "node:fs";

const { id, journal: journalFile, ...rest } = JSON.parse(process.argv[2]);
const file = openSync(journalFile, "a");

/** What the test has given. */
export const config = { id, ...rest };

/** Synchronous: what comes after it in the program comes after it in the file, also when the process is killed. */
export function journal(event, fields = {}) {
  const atUs = Number(process.hrtime.bigint() / 1000n);
  const text = JSON.stringify({ id, pid: process.pid, atUs, event, ...fields }, (_key, value) =>
    typeof value === "bigint" ? String(value) : value,
  );
  writeSync(file, `${text}\n`);
}

/** Calls `end` at SIGTERM, then exits with code 0. */
export function onStop(end) {
  process.once("SIGTERM", async () => {
    await end();
    process.exit(0);
  });
}

// The test is gone, however it went: so is this process.
process.stdin.on("end", () => process.exit(1)).resume();
