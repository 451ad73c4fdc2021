/**
 * Counts up, one by one, and takes ids, and journals each: before it asks, and with what it was told. Goes on through
 * everything until it is asked to stop; then it waits for the answer that it is owed.
 */
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "@corral/client";
import { AtomicCounter, IdAllocator } from "@corral/counters";
import { config, journal, onStop } from "./child.mjs";

const { connectString, sessionTimeoutMs } = config;
const client = await connect(connectString, { sessionTimeoutMs });
let stopping = false;
const counting = count();
onStop(async () => {
  stopping = true;
  await counting;
  await client.close();
});
client.on("state", ({ state, sessionId }) => journal("state", { state, sessionId }));
journal("connected", { sessionId: client.sessionId });

async function count() {
  const counter = new AtomicCounter(client, "/count");
  const ids = new IdAllocator(client, "/ids", { blockSize: 3 });
  while (!stopping) {
    journal("counting");
    const { previous, next } = await counter.increment();
    journal("counted", { previous, next });
    journal("id", { given: await ids.next() });
    // Some of the machine is for the others.
    await delay(1);
  }
}
