/** What a queue takes and gives in one process, on our server in memory: loops, functions, clocks, limits, arguments. */
import { type Clock, nodeClock } from "@corral/io";
import {
  type Client,
  connect,
  curatorItems,
  DelayQueue,
  type Delivery,
  isGrantLostError,
  isQueueFullError,
  PriorityQueue,
  Queue,
  utf8,
} from "@corral/queues";
import { TestServer } from "@corral/testing";
import { expect, expectTypeOf, test } from "vitest";

const patience = { timeoutMs: 60_000 };
const path = "/queue";
const codec = utf8;

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

test("a loop over deliveries holds as many as it may, and gives back what it leaves", async () => {
  await using server = await TestServer.start();
  await using client = await connect(server.connectString);
  const queue = new Queue(client, path, { codec });
  await queue.putAll(["a", "b", "c", "d"]);
  const held: Delivery<string>[] = [];
  const loop = queue.consume({ concurrency: 3 });
  for await (const delivery of loop) {
    held.push(delivery);
    if (held.length < 3) continue;
    const next = loop.next();
    expect((await queue.explain()).taken).toBe(3);
    await held[1]?.acknowledge();
    expect((await next).value?.value).toBe("d");
    break;
  }
  expect(held.map((delivery) => delivery.held)).toEqual([false, false, false]);
  expect(await client.children(`${path}/taken`)).toEqual([]);
  expect(await drain(queue, 3)).toEqual(["a", "c", "d"]);
});

test("an exception in a loop gives its item back; a signal leaves it to whoever has it", async () => {
  await using server = await TestServer.start();
  await using client = await connect(server.connectString);
  const queue = new Queue(client, path, { codec });
  await queue.put("x");
  const failing = async (): Promise<void> => {
    for await (const { value } of queue.consume()) throw new Error(`no good: ${value}`);
  };
  await expect(failing()).rejects.toThrow("no good: x");
  const stop = new AbortController();
  for await (const delivery of queue.consume({ signal: stop.signal })) {
    expect(delivery.deliveries).toBe(2);
    stop.abort();
    expect(delivery.held).toBe(true);
    await delivery.acknowledge();
  }
  expect(await queue.size()).toBe(0);
  for await (const _ of queue.consume({ signal: AbortSignal.abort() })) throw new Error("it had ended");
});

test("a client that is closed ends what waits, and says so", async () => {
  await using server = await TestServer.start();
  const client = await connect(server.connectString);
  const queue = new Queue(client, path, { codec, maxItems: 1 });
  await queue.put("x");
  const delivery = await queue.take();
  const ends = [queue.process(() => undefined), queue.take(), queue.put("y"), queue.consume().next()];
  const over = Promise.allSettled(ends);
  for (let i = 0; i < 5; i++) await client.sync("/");
  await client.close();
  for (const end of await over) expect(end).toMatchObject({ reason: { code: "ClientClosed" } });
  expect(delivery.signal.reason).toSatisfy(isGrantLostError);
  await delivery.release();
  await expect(delivery.acknowledge()).rejects.toSatisfy(isGrantLostError);
});

test("what onError throws ends the processing", async () => {
  await using server = await TestServer.start();
  await using client = await connect(server.connectString);
  const queue = new Queue(client, path, { codec });
  await queue.put("x");
  const stopped = queue.process(
    () => {
      throw new Error("no good");
    },
    {
      onError: (error) => {
        throw error;
      },
    },
  );
  await expect(stopped).rejects.toThrow("no good");
});

test("an item that fails is held back for as long as it was asked", async () => {
  await using server = await TestServer.start();
  await using client = await connect(server.connectString);
  const queue = new Queue(client, path, { codec });
  await queue.put("x");
  const stop = new AbortController();
  const atMs: number[] = [];
  await queue.process(
    (_, { deliveries }) => {
      atMs.push(client.clock.elapsedMs());
      if (deliveries < 3) throw new Error("not yet");
      stop.abort();
    },
    { signal: stop.signal, retryDelayMs: (deliveries) => 100 * deliveries, onError: () => undefined },
  );
  const [first = 0, second = 0, third = 0] = atMs;
  expect(second - first).toBeGreaterThanOrEqual(100);
  expect(third - second).toBeGreaterThanOrEqual(200);
  expect(await queue.size()).toBe(0);
});

test("delays are counted by the server's clock, however wrong the clients' are", async () => {
  await using server = await TestServer.start();
  const off = (hours: number): Clock => ({
    wallMs: () => nodeClock.wallMs() + hours * 3_600_000,
    elapsedMs: () => nodeClock.elapsedMs(),
    setTimer: (delayMs, callback) => nodeClock.setTimer(delayMs, callback),
  });
  await using ahead = await connect(server.connectString, { clock: off(5) });
  await using behind = await connect(server.connectString, { clock: off(-5) });
  for (const [producer, consumer] of [
    [ahead, behind],
    [behind, ahead],
  ] as const) {
    const sinceMs = nodeClock.elapsedMs();
    await new DelayQueue(producer, path, { codec }).put("x", { delayMs: 250 });
    const delivery = await new DelayQueue(consumer, path, { codec }).take(patience);
    const tookMs = nodeClock.elapsedMs() - sinceMs;
    expect(tookMs).toBeGreaterThanOrEqual(250);
    expect(tookMs).toBeLessThan(20_000);
    await delivery.acknowledge();
  }
});

test("a queue takes no more than can be listed, and says why", async () => {
  await using server = await TestServer.start();
  await using client = await connect(server.connectString);
  const queue = new Queue(client, path, { codec });
  const thousand = Array.from({ length: 1_000 }, (_, i) => String(i));
  for (let i = 0; i < 20; i++) await queue.putAll(thousand);
  const full = await queue.put("one more").catch((error: unknown) => error);
  expect(full).toSatisfy(isQueueFullError);
  expect(full).toMatchObject({ path, size: 20_000, limit: 20_000 });
  await expect(queue.putAll(["and", "more"])).rejects.toSatisfy(isQueueFullError);
  expect(await drain(queue, 3)).toEqual(["0", "1", "2"]);
  await queue.put("fits again");
  expect(await queue.size()).toBe(19_998);
});

test("values have the type of the codec, and without one they are unknown", () => {
  type Words = Delivery<readonly string[]>;
  expectTypeOf<ReturnType<Queue<readonly string[]>["take"]>>().resolves.toEqualTypeOf<Words>();
  expectTypeOf<ConstructorParameters<typeof Queue<unknown>>["length"]>().toEqualTypeOf<2 | 3>();
  expectTypeOf<ConstructorParameters<typeof Queue<string>>["length"]>().toEqualTypeOf<3>();
  expectTypeOf<Parameters<PriorityQueue<Uint8Array | null>["put"]>[0]>().toEqualTypeOf<Uint8Array | null>();
  const untyped = (client: Client) => new Queue(client, path);
  expectTypeOf<ReturnType<typeof untyped>>().toEqualTypeOf<Queue<unknown>>();
  const typed = (client: Client) => new DelayQueue(client, path, { codec: curatorItems(utf8) });
  expectTypeOf<ReturnType<typeof typed>>().toEqualTypeOf<DelayQueue<readonly string[]>>();
});

test("as much as may be put at once can be put at once", async () => {
  await using server = await TestServer.start();
  await using client = await connect(server.connectString);
  const queue = new PriorityQueue(client, `/${"long".repeat(20)}`, { codec });
  // 1 000 times so long an item, a name and a path are a megabyte.
  const items = Array.from({ length: 1_000 }, () => "x".repeat(1_000 - 150 - 81 - 8));
  await queue.putAll(items, { priority: -1 });
  expect(await queue.size()).toBe(1_000);
  await expect(queue.putAll(items.map((item) => `${item}x`))).rejects.toMatchObject({ code: "BadArguments" });
});

test("what cannot be asked of a queue is refused before anything is sent", async () => {
  await using server = await TestServer.start();
  await using client = await connect(server.connectString);
  const queue = new PriorityQueue(client, path, { codec, maxItems: 10 });
  const delays = new DelayQueue(client, path, { codec });
  const refused = { code: "BadArguments" };
  for (const priority of [0.5, 2 ** 31, Number.NaN]) {
    await expect(queue.put("x", { priority })).rejects.toMatchObject(refused);
  }
  for (const delayMs of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    await expect(delays.put("x", { delayMs })).rejects.toMatchObject(refused);
  }
  for (const atMs of [-1, Number.NaN, 1e15]) await expect(delays.put("x", { atMs })).rejects.toMatchObject(refused);
  await expect(queue.putAll(Array.from({ length: 11 }, () => "x"))).rejects.toMatchObject(refused);
  await expect(delays.putAll(Array.from({ length: 1_001 }, () => "x"))).rejects.toMatchObject(refused);
  await expect(delays.putAll(["x".repeat(600_000), "y".repeat(600_000)])).rejects.toMatchObject(refused);
  await expect(queue.process(() => undefined, { concurrency: 0 })).rejects.toMatchObject(refused);
  expect(() => queue.consume({ concurrency: 1.5 })).toThrow(expect.objectContaining(refused));
  for (const maxItems of [0, 20_001, 1.5]) {
    expect(() => new Queue(client, path, { codec, maxItems })).toThrow(expect.objectContaining(refused));
  }
  expect(() => new Queue(client, path, { codec, maxDeliveries: 0 })).toThrow(expect.objectContaining(refused));
  expect(() => new Queue(client, "no/path", { codec })).toThrow(TypeError);
  await expect(delays.put(7 as never)).rejects.toMatchObject(refused);
  await queue.putAll([]);
  expect(await client.exists(path)).toBeUndefined();
});
