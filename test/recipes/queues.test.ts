/** Queues on every engine: order, once and only once, redelivery, dead letters, bounds, cancellation without a trace. */
import {
  type Client,
  DelayQueue,
  type Delivery,
  isGrantLostError,
  isWaitTimeoutError,
  PriorityQueue,
  Queue,
  raw,
  utf8,
} from "@corral/queues";
import { insist } from "@corral/recipe-kit";
import { expect, test } from "vitest";
import { describeOnEveryEngine } from "../engines/engines.ts";
import type { Namespace } from "../engines/namespace.ts";

const patience = { timeoutMs: 60_000 };
const path = "/queue";
const codec = utf8;

async function connectMany(namespace: Namespace, count: number): Promise<Client[]> {
  return await Promise.all(Array.from({ length: count }, () => namespace.connect()));
}

/** Takes and acknowledges so many. */
async function drain(queue: Queue<string>, count: number): Promise<string[]> {
  const values: string[] = [];
  for (let i = 0; i < count; i++) {
    const delivery = await queue.take(patience);
    values.push(delivery.value);
    await delivery.acknowledge();
  }
  return values;
}

async function childrenOf(client: Client, of: string): Promise<string[]> {
  return await insist(client, async () => {
    await client.sync(of);
    return await client.children(of);
  });
}

/** Resolves when there are so many names below `of`. */
async function untilThereAre(client: Client, of: string, count: number): Promise<void> {
  for await (const names of client.watchChildren(of)) if ((names ?? []).length === count) return;
}

describeOnEveryEngine("a queue", (engine) => {
  test("gives one consumer what was put, in order, once, and is empty then", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = (await connectMany(namespace, 2)) as [Client, Client];
    const producer = new Queue(a, path, { codec });
    const consumer = new Queue(b, path, { codec });
    const values = Array.from({ length: 40 }, (_, i) => `item ${i}`);
    for (const value of values.slice(0, 20)) await producer.put(value, patience);
    await producer.putAll(values.slice(20), patience);
    expect(await insist(a, () => producer.size())).toBe(40);
    expect(await drain(consumer, 40)).toEqual(values);
    expect(await consumer.tryTake(patience)).toBeUndefined();
    expect(await childrenOf(a, `${path}/entries`)).toEqual([]);
    await untilThereAre(a, `${path}/taken`, 0);
    await untilThereAre(a, `${path}/takers`, 0);
  });

  test("gives each item to one of many consumers, while many producers put", async () => {
    await using namespace = await engine.namespace();
    const clients = await connectMany(namespace, 6);
    const total = 90;
    const got: string[] = [];
    const stop = new AbortController();
    const consuming = clients.slice(0, 4).map(async (client) => {
      const queue = new Queue(client, path, { codec });
      for await (const delivery of queue.consume({ signal: stop.signal })) {
        expect(delivery.held).toBe(true);
        await delivery.acknowledge();
        got.push(delivery.value);
        if (got.length === total) stop.abort();
      }
    });
    await Promise.all(
      clients.slice(3).map(async (client, p) => {
        const queue = new Queue(client, path, { codec });
        for (let i = 0; i < total / 3; i++) await queue.put(`${p}.${i}`, patience);
      }),
    );
    await Promise.all(consuming);
    expect(got).toHaveLength(total);
    expect(new Set(got).size).toBe(total);
  });

  test("wakes who waits when something comes, and leaves nothing behind of who has given up", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = (await connectMany(namespace, 2)) as [Client, Client];
    const queue = new Queue(a, path, { codec });
    await expect(queue.take({ timeoutMs: engine.isFaulty ? 500 : 50 })).rejects.toSatisfy(isWaitTimeoutError);
    const enough = new AbortController();
    const cancelled = queue.take({ signal: enough.signal });
    await untilThereAre(b, `${path}/takers`, 1);
    const waiting = new Queue(b, path, { codec }).take(patience);
    await untilThereAre(b, `${path}/takers`, 2);
    enough.abort(new Error("enough"));
    await expect(cancelled).rejects.toThrow("enough");
    await queue.put("x", patience);
    const delivery = await waiting;
    expect(delivery.value).toBe("x");
    await delivery.acknowledge();
    await untilThereAre(a, `${path}/takers`, 0);
    await untilThereAre(a, `${path}/taken`, 0);
  });

  test("delivers again what was given back, in its old place, and counts", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = (await connectMany(namespace, 2)) as [Client, Client];
    const queue = new Queue(a, path, { codec, maxDeliveries: 50 });
    await queue.putAll(["one", "two"], patience);
    const first = await queue.take(patience);
    expect([first.value, first.deliveries, first.isLast]).toEqual(["one", 1, false]);
    const second = await queue.take(patience);
    expect(second.value).toBe("two");
    await first.release();
    await first.release();
    expect(first.held).toBe(false);
    await second.release();
    const again = await new Queue(b, path, { codec, maxDeliveries: 50 }).take(patience);
    expect(again.value).toBe("one");
    expect(again.deliveries).toBeGreaterThanOrEqual(2);
    expect(again.fencingToken).toBeGreaterThan(first.fencingToken);
    await again.acknowledge();
    await expect(first.acknowledge()).rejects.toMatchObject({ name: "AbortError" });
    expect(await drain(queue, 1)).toEqual(["two"]);
  });

  test("delivers again what a dead consumer had, and refuses that consumer's acknowledgement", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = (await connectMany(namespace, 3)) as [Client, Client, Client];
    const queue = new Queue(a, path, { codec });
    await queue.put("x", patience);
    const lost = await queue.take(patience);
    const next = new Queue(b, path, { codec }).take(patience);
    await untilThereAre(c, `${path}/takers`, 1);
    const ended = new Promise((resolve) => lost.signal.addEventListener("abort", resolve));
    await namespace.expireSession(a);
    const again = await next;
    await ended;
    expect(lost.signal.reason).toSatisfy(isGrantLostError);
    expect([again.value, again.deliveries]).toEqual(["x", 2]);
    await expect(lost.acknowledge()).rejects.toSatisfy(isGrantLostError);
    await insist(c, () => c.ensurePath("/results"));
    const late = a.transaction().guard(lost).create("/results/late").commit();
    await expect(late).rejects.toSatisfy(isGrantLostError);
    await again.acknowledge({ with: (t) => t.create("/results/x", "done") });
    expect(await childrenOf(c, "/results")).toEqual(["x"]);
    expect(await childrenOf(c, `${path}/entries`)).toEqual([]);
  });

  test("tells a consumer whose claim somebody deleted, and refuses what it does then", async () => {
    await using namespace = await engine.namespace();
    // What b does by hand cannot simply be done again.
    const [a, b] = await Promise.all([namespace.connect(), namespace.connectSteadily()]);
    const queue = new Queue(a, path, { codec, maxDeliveries: 50 });
    await queue.put("x", patience);
    const lost = await queue.take(patience);
    await b.delete(`${path}/taken/${lost.name}`);
    const again = await new Queue(b, path, { codec, maxDeliveries: 50 }).take(patience);
    await expect(lost.acknowledge()).rejects.toSatisfy(isGrantLostError);
    expect(lost.signal.aborted).toBe(true);
    expect(again.held).toBe(true);
    await b.transaction().guard(again).create("/by-the-second").commit();
    await again.acknowledge();
  });

  test("acknowledges together with a result, or not at all", async () => {
    await using namespace = await engine.namespace();
    const client = await namespace.connect();
    const queue = new Queue(client, path, { codec });
    await insist(client, () => client.ensurePath("/results/taken"));
    await queue.put("x", patience);
    const delivery = await queue.take(patience);
    await expect(delivery.acknowledge({ with: (t) => t.create("/results/taken") })).rejects.toMatchObject({
      code: "NodeExists",
    });
    expect(delivery.held).toBe(true);
    expect(delivery.signal.aborted).toBe(false);
    await delivery.acknowledge({ with: (t) => t.create("/results/free", "42") });
    expect(delivery.signal.aborted).toBe(true);
    expect(await childrenOf(client, "/results")).toEqual(["free", "taken"]);
    expect(await insist(client, () => queue.size())).toBe(0);
  });

  test("puts an item back at the end, or later, and it remembers its deliveries", async () => {
    await using namespace = await engine.namespace();
    const client = await namespace.connect();
    const queue = new Queue(client, path, { codec, maxDeliveries: 50 });
    await queue.putAll(["one", "two", "three"], patience);
    await (await queue.take(patience)).requeue();
    const delayMs = 400;
    const two = await queue.take(patience);
    expect(two.value).toBe("two");
    const sinceMs = client.clock.elapsedMs();
    await two.requeue({ delayMs });
    expect(await drain(queue, 2)).toEqual(["three", "one"]);
    const again = await queue.take(patience);
    expect(client.clock.elapsedMs() - sinceMs).toBeGreaterThanOrEqual(delayMs);
    expect([again.value, again.deliveries]).toEqual(["two", 2]);
    await again.requeue();
    expect((await queue.take(patience)).deliveries).toBe(3);
  });

  test("gives up what nobody acknowledges, tells of it, and delivers it as new when it is put back", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = (await connectMany(namespace, 2)) as [Client, Client];
    const options = { codec, maxDeliveries: 3 };
    const queue = new Queue(a, path, options);
    await queue.putAll(["poison", "good"], patience);
    for (let i = 1; i < 3; i++) {
      const delivery: Delivery<string> = await queue.take(patience);
      expect([delivery.value, delivery.deliveries, delivery.isLast]).toEqual(["poison", i, false]);
      await delivery.release();
    }
    const last = await queue.take(patience);
    expect([last.value, last.isLast]).toEqual(["poison", true]);
    // Not given back but lost, as by a consumer that it kills.
    await namespace.expireSession(a);
    const other = new Queue(b, path, options);
    await untilThereAre(b, `${path}/taken`, 0);
    expect(await drain(other, 1)).toEqual(["good"]);
    for await (const names of other.deadLetters.watch()) if (names?.length === 1) break;
    const [letter] = await other.deadLetters.list(patience);
    expect(letter).toMatchObject({ deliveries: 3, reason: "no consumer has acknowledged it" });
    expect(letter?.data?.toString()).toBe("poison");
    expect(await other.deadLetters.redrive(letter?.name ?? "", patience)).toBe(true);
    expect(await other.deadLetters.redrive(letter?.name ?? "", patience)).toBe(false);
    expect(await other.deadLetters.list(patience)).toEqual([]);
    const fresh = await other.take(patience);
    expect([fresh.value, fresh.deliveries]).toEqual(["poison", 1]);
    await fresh.deadLetter("seen enough");
    expect(await other.deadLetters.list(patience)).toMatchObject([{ reason: "seen enough", deliveries: 1 }]);
    expect(await other.deadLetters.redriveAll(patience)).toBe(1);
    await (await other.take(patience)).deadLetter("again");
    for (const { name } of await other.deadLetters.list(patience)) await other.deadLetters.discard(name, patience);
    expect(await other.deadLetters.size(patience)).toBe(0);
    expect(await insist(b, () => other.size())).toBe(0);
  });

  test("gives up at once what it cannot decode", async () => {
    await using namespace = await engine.namespace();
    const client = await namespace.connect();
    await new Queue(client, path, { codec: { encode: () => Uint8Array.of(0xff), decode: () => "" } }).put("", patience);
    const queue = new Queue(client, path, { codec });
    await queue.put("good", patience);
    expect(await drain(queue, 1)).toEqual(["good"]);
    const letters = await queue.deadLetters.list(patience);
    expect(letters).toMatchObject([{ deliveries: 0, reason: expect.stringContaining("cannot be decoded") }]);
  });

  test("never holds more than it may, and who puts waits for room in order of arrival", async () => {
    await using namespace = await engine.namespace();
    const clients = await connectMany(namespace, 5);
    const [watcher] = clients as [Client];
    const maxItems = 3;
    const options = { codec, maxItems };
    let most = 0;
    const counting = new AbortController();
    const counted = (async () => {
      for await (const names of watcher.watchChildren(`${path}/entries`, { signal: counting.signal }))
        most = Math.max(most, names?.length ?? 0);
    })();
    const each = 8;
    const putting = clients.slice(1, 4).map(async (client, p) => {
      const queue = new Queue(client, path, options);
      for (let i = 0; i < each; i++) await queue.put(`${p}.${i}`, patience);
    });
    const got = await drain(new Queue(clients[4] as Client, path, options), 3 * each);
    await Promise.all(putting);
    expect(new Set(got).size).toBe(3 * each);
    counting.abort();
    await counted;
    expect(most).toBeLessThanOrEqual(maxItems);
    await untilThereAre(watcher, `${path}/putters`, 0);
    // A put that does not fit in the time given has not happened.
    const queue = new Queue(watcher, path, options);
    await queue.putAll(["a", "b", "c"], patience);
    await expect(queue.put("d", { timeoutMs: engine.isFaulty ? 500 : 50 })).rejects.toSatisfy(isWaitTimeoutError);
    await untilThereAre(watcher, `${path}/putters`, 0);
    const waits = queue.put("e", patience);
    await untilThereAre(clients[1] as Client, `${path}/putters`, 1);
    expect(await drain(queue, 1)).toEqual(["a"]);
    await waits;
    expect(await drain(queue, 3)).toEqual(["b", "c", "e"]);
  });

  test("is explained: what is in it, who has what, who waits", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = (await connectMany(namespace, 2)) as [Client, Client];
    const queue = new Queue(a, path, { codec, identity: "a" });
    await queue.putAll(["one", "two"], patience);
    const one = await queue.take(patience);
    const two = await queue.take(patience);
    await two.release();
    const explained = await insist(b, () => new Queue(b, path, { codec }).explain());
    expect(explained).toMatchObject({
      ready: 1,
      delayed: 0,
      taken: 1,
      dead: 0,
      next: [{ name: two.name, deliveries: two.deliveries }],
      deliveries: [
        {
          name: one.name,
          deliveries: one.deliveries,
          identity: "a",
          sessionId: a.sessionId,
          sessionTimeoutMs: a.sessionTimeoutMs,
        },
      ],
      waitingConsumers: [],
    });
    await one.acknowledge();
    expect(await drain(queue, 1)).toEqual(["two"]);
    const enough = new AbortController();
    const waiting = queue.take({ signal: enough.signal }).catch(() => undefined);
    await untilThereAre(b, `${path}/takers`, 1);
    const { waitingConsumers } = await insist(b, () => queue.explain());
    expect(waitingConsumers.map(({ data }) => data?.toString())).toEqual(["a"]);
    enough.abort();
    await waiting;
  });

  test("is worked through by a function, so many at a time; what fails comes again, and then is given up", async () => {
    await using namespace = await engine.namespace();
    const client = await namespace.connect();
    const queue = new Queue(client, path, { codec, maxDeliveries: 3 });
    await queue.putAll(["a", "bad", "b", "c", "d"], patience);
    const done: string[] = [];
    const errors: unknown[] = [];
    let atOnce = 0;
    let most = 0;
    const stop = new AbortController();
    const isOver = () => done.length === 4 && errors.length === 3;
    await queue.process(
      async (value) => {
        most = Math.max(most, ++atOnce);
        await client.sync("/").catch(() => undefined);
        atOnce--;
        if (value === "bad") throw new Error("no good");
        done.push(value);
        if (isOver()) stop.abort();
      },
      {
        signal: stop.signal,
        concurrency: 2,
        onError: (error) => {
          errors.push(error);
          if (isOver()) stop.abort();
        },
      },
    );
    expect(most).toBeLessThanOrEqual(2);
    // Through a network that loses connections an item may be handled more often than that.
    if (!engine.isFaulty) expect(done.sort()).toEqual(["a", "b", "c", "d"]);
    expect(await queue.deadLetters.list(patience)).toMatchObject([{ reason: "Error: no good", deliveries: 3 }]);
  });
});

describeOnEveryEngine("a priority queue", (engine) => {
  test("gives the most urgent first, and equals in order of arrival", async () => {
    await using namespace = await engine.namespace();
    const client = await namespace.connect();
    const queue = new PriorityQueue(client, path, { codec });
    await queue.put("low", { priority: 7, ...patience });
    await queue.putAll(["mid 1", "mid 2"], patience);
    await queue.put("high", { priority: -3, ...patience });
    const got: string[] = [];
    for (let i = 0; i < 2; i++) {
      const delivery = await queue.take(patience);
      got.push(delivery.value);
      await delivery.acknowledge();
    }
    await queue.put("higher", { priority: -2_000_000_000, ...patience });
    const higher = await queue.take(patience);
    expect(higher.value).toBe("higher");
    await higher.requeue({ priority: 5 });
    for (let i = 0; i < 3; i++) {
      const delivery = await queue.take(patience);
      got.push(delivery.value);
      await delivery.acknowledge();
    }
    expect(got).toEqual(["high", "mid 1", "mid 2", "higher", "low"]);
  });
});

describeOnEveryEngine("a delay queue", (engine) => {
  test("gives nothing before its time, the earlier first, and wakes who waits for it", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = (await connectMany(namespace, 2)) as [Client, Client];
    const queue = new DelayQueue(a, path, { codec });
    const sinceMs = a.clock.elapsedMs();
    const waiting = new DelayQueue(b, path, { codec }).take(patience);
    await queue.put("late", { delayMs: 900, ...patience });
    await queue.put("soon", { delayMs: 300, ...patience });
    const soon = await waiting;
    expect(soon.value).toBe("soon");
    expect(a.clock.elapsedMs() - sinceMs).toBeGreaterThanOrEqual(300);
    await soon.acknowledge();
    const late = await queue.take(patience);
    expect(late.value).toBe("late");
    expect(a.clock.elapsedMs() - sinceMs).toBeGreaterThanOrEqual(900);
    await late.acknowledge();
    await queue.put("past", { atMs: 1_000, ...patience });
    await queue.put("now", patience);
    expect((await queue.take(patience)).value).toBe("past");
    expect((await queue.take(patience)).value).toBe("now");
    const far = new DelayQueue(b, "/far", { codec });
    await far.put("in an hour", { delayMs: 3_600_000, ...patience });
    expect(await far.tryTake(patience)).toBeUndefined();
    expect(await insist(b, () => far.explain())).toMatchObject({ ready: 0, delayed: 1 });
  });
});

describeOnEveryEngine("items of a megabyte", (engine) => {
  test("are delivered, given up and put back", async () => {
    await using namespace = await engine.namespace();
    const client = await namespace.connect();
    const queue = new Queue(client, path, { codec: raw });
    const item = Buffer.alloc(1_000_000, 7);
    await queue.put(item, patience);
    await (await queue.take(patience)).deadLetter("why not");
    const [letter] = await queue.deadLetters.list(patience);
    expect(letter?.data?.length).toBe(item.length);
    await queue.deadLetters.redriveAll(patience);
    const delivery = await queue.take(patience);
    expect(delivery.data?.equals(item)).toBe(true);
    await delivery.acknowledge();
    await expect(queue.put(Buffer.alloc(1_000_001), patience)).rejects.toMatchObject({ code: "BadArguments" });
  });
});
