/**
 * Takes items of a queue again and again; works on each by writes that are guarded by the delivery, and acknowledges it
 * together with a result. Journals what it has, what it did and what it was refused. An item "poison-…" kills it.
 */
import { setTimeout as delay } from "node:timers/promises";
import { connect, isCoordinationError } from "@corral/client";
import { isGrantLostError, isWriteOutcomeUnknownError, Queue, utf8 } from "@corral/queues";
import { config, journal, onStop } from "./child.mjs";

const { connectString, sessionTimeoutMs, maxDeliveries, workMs } = config;
const client = await connect(connectString, { sessionTimeoutMs });
const stopping = new AbortController();
const queue = new Queue(client, "/queue", { codec: utf8, maxDeliveries, identity: config.id });
const working = work();
onStop(async () => {
  stopping.abort();
  await working;
  await client.close();
});
client.on("state", ({ state }) => journal("state", { state }));
journal("ready");

/** "done", "refused" or "unknown": nothing else may come of a write under a delivery. */
async function outcomeOf(write) {
  try {
    return [await write(), "done"];
  } catch (error) {
    if (isGrantLostError(error) || isCoordinationError(error, "GrantLost")) return [undefined, "refused"];
    if (isWriteOutcomeUnknownError(error) || isCoordinationError(error, "ConnectionLoss"))
      return [undefined, "unknown"];
    throw error;
  }
}

async function work() {
  for await (const delivery of queue.consume({ signal: stopping.signal })) {
    const { value, deliveries, fencingToken: token } = delivery;
    journal("taken", { value, deliveries, token });
    if (value.startsWith("poison")) process.kill(process.pid, "SIGKILL");
    for (let i = 0; i < 3; i++) {
      await delay(workMs);
      // Whatever it believes by now: the tree must refuse it if it is wrong.
      const act = () => client.transaction().guard(delivery).set("/resource", `${value} ${token}`).commit();
      const [results, outcome] = await outcomeOf(act);
      journal("act", { value, token, outcome, zxid: results?.[1].stat.mzxid });
    }
    const [, outcome] = await outcomeOf(() =>
      delivery.acknowledge({ with: (transaction) => transaction.create(`/results/${value}`, String(token)) }),
    );
    journal("acknowledge", { value, token, outcome });
    await delivery.release();
  }
}
