/**
 * A master as its own process, for one-primary.test.ts. Beside the real master runs a writer that is as unruly as a
 * process can be that stalls between deciding to write and writing: it never looks at its deadline, its state or its
 * signal, and stops writing under an epoch only when a write is refused. Each write goes through the same epoch check as
 * the master's own, and is journalled before it is sent and after it is answered.
 *
 * Runs built code: `npm test` builds first; by hand, `npm run build`.
 */
import { appendFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { connect, isCoordinationError } from "@corral/client";
import { guardedTransaction, isStaleEpoch, Master } from "@corral/master-worker";

const { id, connectString, sessionTimeoutMs, journalFile, ledger } = JSON.parse(process.argv[2]);

/** Synchronous: what comes after it in the program comes after it on the disk, also when the process is killed. */
function journal(entry) {
  appendFileSync(journalFile, `${JSON.stringify({ id, pid: process.pid, ...entry })}\n`);
}

const client = await connect(connectString, { sessionTimeoutMs });
const master = new Master(client, { id });

async function write(epoch) {
  for (let n = 1; ; n++) {
    journal({ event: "attempt", epoch, n });
    try {
      const path = `${ledger}/${id}-${process.pid}-${epoch}-${n}`;
      await guardedTransaction(client, master.layout, epoch).create(path, JSON.stringify({ id, epoch, n })).commit();
      journal({ event: "outcome", epoch, n, outcome: "applied" });
    } catch (error) {
      const outcome = isStaleEpoch(error) ? "stale" : isCoordinationError(error) ? error.code : "failed";
      journal({ event: "outcome", epoch, n, outcome, message: String(error) });
      if (outcome === "stale" || outcome === "ClientClosed" || outcome === "failed") return;
    }
    await delay(5);
  }
}

master.events.on("elected", ({ epoch, zxid }) => {
  journal({ event: "elected", epoch, zxid: String(zxid) });
  void write(epoch);
});
master.events.on("lost", ({ epoch, why }) => journal({ event: "lost", epoch, why }));
master.events.on("staleWriteRefused", ({ epoch, action }) => journal({ event: "staleWriteRefused", epoch, action }));
master.events.on("trouble", ({ error }) => journal({ event: "trouble", message: String(error) }));
master.start();
journal({ event: "started" });

async function end() {
  await master.close();
  await client.close();
  process.exit(0);
}
process.on("SIGTERM", end);
// The test is gone, however it went: so is this process.
process.stdin.on("end", () => process.exit(1)).resume();
