/**
 * Takes part in two-phase commits until it is stopped: as a participant, or as a coordinator that begins one after the
 * other. Journals what it prepares, carries out, begins and hears; how it votes follows from the transaction's id.
 */
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "@corral/client";
import { TwoPhaseCommit } from "@corral/transactions";
import { config, journal, onStop } from "./child.mjs";

const { connectString, role, participants, sessionTimeoutMs, voteTimeoutMs } = config;
const client = await connect(connectString, { sessionTimeoutMs });
const transactions = new TwoPhaseCommit(client, "/tx", { keep: 100_000, identity: config.id });
const stopping = new AbortController();
onStop(async () => {
  stopping.abort();
  await client.close();
});
client.on("state", ({ state }) => journal("state", { state }));

/** Work takes a few ms, so that there is something to be killed in. */
const work = () => delay(Math.random() * 20);

if (role === "coordinator") {
  for (let n = 0; !stopping.signal.aborted; n++) {
    // One of four is refused, the first among them, by each participant in turn.
    const refuser = n % 4 === 0 ? (n / 4) % participants.length : undefined;
    const parts = Object.fromEntries(participants.map((name, i) => [name, { refuses: i === refuser, i }]));
    try {
      const begun = await transactions.begin(parts, { voteTimeoutMs, timeoutMs: 10_000 });
      journal("begun", { tx: begun.id });
      const { kind } = await begun.outcome({ timeoutMs: 10_000 });
      journal("told", { tx: begun.id, kind });
    } catch (error) {
      if (!stopping.signal.aborted) journal("trouble", { error: String(error) });
    }
  }
} else {
  await transactions.serve(
    role,
    {
      prepare: async ({ id, work: part }) => {
        await work();
        journal("prepared", { tx: id });
        return part.refuses ? "abort" : "commit";
      },
      commit: async ({ id }) => {
        await work();
        journal("committed", { tx: id });
      },
      rollback: async ({ id }) => {
        await work();
        journal("rolled back", { tx: id });
      },
    },
    { identity: config.id, signal: stopping.signal },
  );
  journal("serving");
}
