/** No herd: whoever leaves wakes one, however many wait. Counted where the events pass, on their way from the server. */

import { type Client, connect } from "@corral/client";
import { Election } from "@corral/leader-election";
import { Mutex } from "@corral/locks";
import { FaultProxy, TestServer } from "@corral/testing";
import { expect, test } from "vitest";

const waiters = 100;

test.each([
  ["mutex", (client: Client) => new Mutex(client, "/queue").acquire()],
  ["election", (client: Client) => new Election(client, "/queue").campaign()],
])(`§6.14 with ${waiters} waiting for a %s, each departure wakes exactly one`, async (_recipe, take) => {
  await using server = await TestServer.start();
  await using proxy = await FaultProxy.start(server.connectString);
  const clients = await Promise.all(Array.from({ length: waiters + 1 }, () => connect(proxy.connectString)));
  let events = 0;
  let watching = 0;
  const everybodyWatches = new Promise<void>((resolve) => {
    proxy.onFrame((frame) => {
      if (frame.kind === "event") events++;
      // Each waiter reads the one before it, the holder itself: the reads leave the watches.
      if (frame.kind === "reply" && frame.operation === "getData" && ++watching === waiters + 1) resolve();
    });
  });
  const first = await take(clients[0] as Client);
  const others = clients.slice(1).map((client) => take(client));
  await everybodyWatches;
  expect(events).toBe(0);
  let holder = first;
  for (let departures = 1; departures <= 20; departures++) {
    await holder.release();
    holder = await Promise.race(others);
    others.splice(await indexOfSettled(others, holder), 1);
    // For the one that was woken, and one, perhaps still on its way, to the one that left, by the watch on its own node.
    expect(events).toBeGreaterThanOrEqual(departures);
    expect(events).toBeLessThanOrEqual(2 * departures);
  }
  await Promise.all(clients.map((client) => client.close()));
  await Promise.allSettled(others);
});

async function indexOfSettled<T>(promises: readonly Promise<T>[], value: T): Promise<number> {
  const pending = Symbol("pending");
  const states = await Promise.all(promises.map((p) => Promise.race([p, Promise.resolve(pending)])));
  return states.findIndex((state) => Object.is(state, value));
}
