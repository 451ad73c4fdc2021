/** No herd: an item wakes as many consumers as it takes, however many wait. Counted where the events pass. */
import { type Client, connect } from "@corral/client";
import { DelayQueue, type Delivery, Queue, utf8 } from "@corral/queues";
import { FaultProxy, TestServer } from "@corral/testing";
import { expect, test } from "vitest";

const path = "/queue";
const codec = utf8;

/** Resolves when there are so many names below `of`. */
async function untilThereAre(client: Client, of: string, count: number): Promise<void> {
  for await (const names of client.watchChildren(of)) if ((names ?? []).length === count) return;
}

/** Resolves when nothing passes any more: each client has been answered some times since. */
async function quiet(clients: readonly Client[]): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.all(clients.map((client) => client.sync("/")));
}

/** Events per item, with so many consumers waiting. */
async function eventsPerItem(waiters: number, items: number): Promise<{ most: number; total: number }> {
  await using server = await TestServer.start();
  await using proxy = await FaultProxy.start(server.connectString);
  await using producer = await connect(server.connectString);
  const clients = await Promise.all(Array.from({ length: waiters }, () => connect(proxy.connectString)));
  const taken: Promise<Delivery<string>>[] = [];
  const arrivals: Delivery<string>[] = [];
  let arrived = (): void => {};
  for (const client of clients) {
    const taking = new Queue(client, path, { codec }).take();
    taken.push(taking);
    taking.then(
      (delivery) => {
        arrivals.push(delivery);
        arrived();
      },
      () => undefined,
    );
  }
  await untilThereAre(producer, `${path}/takers`, waiters);
  await quiet(clients);
  let events = 0;
  proxy.onFrame(({ kind }) => {
    if (kind === "event") events++;
  });
  const queue = new Queue(producer, path, { codec });
  let most = 0;
  for (let item = 1; item <= items; item++) {
    const before = events;
    const next = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    await queue.put(`item ${item}`);
    await next;
    await arrivals.at(-1)?.acknowledge();
    await untilThereAre(producer, `${path}/takers`, waiters - item);
    await quiet(clients);
    most = Math.max(most, events - before);
  }
  expect(arrivals).toHaveLength(items);
  const total = events;
  await Promise.all(clients.map((client) => client.close()));
  await Promise.allSettled(taken);
  return { most, total };
}

test("an item wakes no more consumers when a hundred wait than when three do", async () => {
  const few = await eventsPerItem(3, 2);
  const many = await eventsPerItem(100, 15);
  // The first in line: the item came; its own claim came, and went. The next: it is the first now. Perhaps, if it is quick:
  // the item went, and the claim.
  expect(few.most).toBeLessThanOrEqual(6);
  expect(many.most).toBeLessThanOrEqual(6);
  expect(many.total).toBeLessThanOrEqual(15 * 6);
});

test("of many producers that wait for room, a place that gets free wakes a few", async () => {
  await using server = await TestServer.start();
  await using proxy = await FaultProxy.start(server.connectString);
  await using consumer = await connect(server.connectString);
  const clients = await Promise.all(Array.from({ length: 40 }, () => connect(proxy.connectString)));
  const options = { codec, maxItems: 1 };
  const queue = new Queue(consumer, path, options);
  await queue.put("first");
  const puts = Promise.allSettled(clients.map((client, i) => new Queue(client, path, options).put(`${i}`)));
  await untilThereAre(consumer, `${path}/putters`, clients.length);
  await quiet(clients);
  let events = 0;
  proxy.onFrame(({ kind }) => {
    if (kind === "event") events++;
  });
  const rounds = 10;
  for (let i = 1; i <= rounds; i++) {
    await (await queue.take()).acknowledge();
    await untilThereAre(consumer, `${path}/putters`, clients.length - i);
    await quiet(clients);
  }
  expect(events).toBeLessThanOrEqual(rounds * 6);
  await Promise.all(clients.map((client) => client.close()));
  await puts;
});

test("many who wait for an item that is not due yet send nothing while they wait", async () => {
  await using server = await TestServer.start();
  await using proxy = await FaultProxy.start(server.connectString);
  await using producer = await connect(server.connectString);
  const clients = await Promise.all(Array.from({ length: 30 }, () => connect(proxy.connectString)));
  const queue = new DelayQueue(producer, path, { codec });
  const delayMs = 700;
  const putMs = producer.clock.elapsedMs();
  await queue.put("later", { delayMs });
  const takes = clients.map((client) => new DelayQueue(client, path, { codec }).take());
  const over = Promise.allSettled(takes);
  await untilThereAre(producer, `${path}/takers`, clients.length);
  await quiet(clients);
  let requests = 0;
  let beforeDue = 0;
  proxy.onFrame((frame) => {
    if (frame.kind !== "request" || frame.operation === "ping") return;
    requests++;
    if (producer.clock.elapsedMs() - putMs < delayMs) beforeDue++;
  });
  const delivery = await Promise.race(takes);
  expect(producer.clock.elapsedMs() - putMs).toBeGreaterThanOrEqual(delayMs);
  expect(beforeDue).toBe(0);
  expect(requests).toBeLessThanOrEqual(20);
  await delivery.acknowledge();
  await Promise.all(clients.map((client) => client.close()));
  await over;
});
