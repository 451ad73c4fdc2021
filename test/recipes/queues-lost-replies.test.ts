/**
 * Queues while replies and requests are lost, on our server behind the fault proxy, where it can be said which: a put makes
 * one item, an acknowledgement happens once together with its result, and nothing is left behind. (Bad weather on Apache
 * ZooKeeper is in the suite of all engines.)
 */
import type { Client } from "@corral/client";
import {
  type Delivery,
  isGrantLostError,
  isWaitTimeoutError,
  isWriteOutcomeUnknownError,
  PriorityQueue,
  Queue,
  utf8,
} from "@corral/queues";
import { seededRandom } from "@corral/testing";
import { describe, expect, test } from "vitest";
import { behindProxy, type Frame, isMulti } from "../support/behind-proxy.ts";
import { nextState } from "../support/states.ts";

const patience = { timeoutMs: 60_000 };
const world = behindProxy();
const { client, drop } = world;
const path = "/queue";
const codec = utf8;

async function values(queue: { tryTake(): Promise<Delivery<string> | undefined> }): Promise<string[]> {
  const found: string[] = [];
  for (let d = await queue.tryTake(); d !== undefined; d = await queue.tryTake()) {
    found.push(d.value);
    await d.acknowledge();
  }
  return found;
}

async function childrenOf(of: string): Promise<string[]> {
  return (await world.steady.exists(of)) === undefined ? [] : await world.steady.children(of);
}

describe.each(["reply", "request"] as const)("a %s lost", (what) => {
  test("of a put: one item", async () => {
    const queue = new Queue(await client(), path, { codec });
    await queue.put("first", patience);
    const dropped = drop(what, isMulti);
    await queue.put("x", patience);
    await queue.put("y", patience);
    expect(dropped.count).toBe(1);
    expect(await values(new Queue(world.steady, path, { codec }))).toEqual(["first", "x", "y"]);
  });

  test("of a put, and another's put before the next attempt", async () => {
    const queue = new Queue(await client(), path, { codec, maxItems: 10 });
    await queue.put("first", patience);
    const dropped = drop(what, isMulti);
    world.proxy.refuse();
    const put = queue.put("x", patience);
    await dropped.happened;
    const other = new Queue(world.steady, path, { codec, maxItems: 10 });
    await other.put("between", patience);
    world.proxy.accept();
    await put;
    expect((await values(other)).sort()).toEqual(["between", "first", "x"]);
  });

  test("of the making of the receipt", async () => {
    const queue = new Queue(await client(), path, { codec });
    const dropped = drop(what, ({ operation }) => operation?.startsWith("create") === true);
    await queue.putAll(["x", "y"], patience);
    expect(dropped.count).toBe(1);
    expect(await values(new Queue(world.steady, path, { codec }))).toEqual(["x", "y"]);
    await queue.close();
    expect(await childrenOf(`${path}/receipts`)).toEqual([]);
  });

  test("of a put, and then the session: one item", async () => {
    const one = await client(world.proxy.connectString, 600);
    const queue = new Queue(one, path, { codec });
    await queue.put("first", patience);
    const dropped = drop(what, isMulti);
    const lost = nextState(one, "lost");
    world.proxy.refuse();
    const put = queue.put("x", patience);
    await dropped.happened;
    await lost;
    world.proxy.accept();
    await put;
    expect(await values(new Queue(world.steady, path, { codec }))).toEqual(["first", "x"]);
  });

  test("of a put that is given up then: what became of it is told", async () => {
    const queue = new Queue(await client(), path, { codec });
    await queue.put("first", patience);
    const dropped = drop(what, isMulti);
    world.proxy.refuse();
    const enough = new AbortController();
    const put = queue.put("x", { signal: enough.signal });
    await dropped.happened;
    enough.abort(new Error("enough"));
    const error = await put.catch((e: unknown) => e);
    expect(error).toSatisfy(isWriteOutcomeUnknownError);
    expect(error).toMatchObject({ cause: { message: "enough" }, path });
    world.proxy.accept();
    const wasApplied = what === "reply";
    if (!isWriteOutcomeUnknownError(error)) throw error;
    expect(await error.outcome).toEqual({ kind: wasApplied ? "applied" : "not applied" });
    expect(await values(new Queue(world.steady, path, { codec }))).toEqual(wasApplied ? ["first", "x"] : ["first"]);
    await queue.put("y", patience);
    expect(await values(new Queue(world.steady, path, { codec }))).toEqual(["y"]);
  });

  test("of a claim: it is delivered, and was delivered once", async () => {
    const queue = new Queue(await client(), path, { codec });
    await new Queue(world.steady, path, { codec }).put("x");
    const dropped = drop(what, isMulti);
    const delivery = await queue.take(patience);
    expect(dropped.count).toBe(1);
    expect([delivery.value, delivery.deliveries, delivery.held]).toEqual(["x", 1, true]);
    expect(await childrenOf(`${path}/taken`)).toEqual([delivery.name]);
    await delivery.acknowledge();
    expect(await childrenOf(`${path}/entries`)).toEqual([]);
  });

  test("of a claim that is given up then: the item is given back", async () => {
    const queue = new Queue(await client(), path, { codec });
    const other = new Queue(world.steady, path, { codec });
    await other.put("x");
    const dropped = drop(what, isMulti);
    world.proxy.refuse();
    const enough = new AbortController();
    const taking = queue.take({ signal: enough.signal });
    await dropped.happened;
    enough.abort(new Error("enough"));
    await expect(taking).rejects.toThrow("enough");
    world.proxy.accept();
    const delivery = await other.take(patience);
    expect(delivery.value).toBe("x");
    await delivery.acknowledge();
  });

  test("of an acknowledgement: it happens once, and its result with it", async () => {
    const queue = new Queue(await client(), path, { codec });
    await queue.put("x", patience);
    const delivery = await queue.take(patience);
    const dropped = drop(what, isMulti);
    await delivery.acknowledge({ with: (t) => t.create("/result-", "done", { mode: "persistentSequential" }) });
    expect(dropped.count).toBe(1);
    expect((await world.steady.children("/")).filter((name) => name.startsWith("result"))).toHaveLength(1);
    expect(await childrenOf(`${path}/entries`)).toEqual([]);
    expect(await childrenOf(`${path}/taken`)).toEqual([]);
  });

  test("of an acknowledgement, and then the session: nobody claims to know", async () => {
    const one = await client(world.proxy.connectString, 600);
    const queue = new Queue(one, path, { codec });
    await queue.put("x", patience);
    const delivery = await queue.take(patience);
    const dropped = drop(what, isMulti);
    const lost = nextState(one, "lost");
    world.proxy.refuse();
    const acknowledging = delivery.acknowledge().catch((e: unknown) => e);
    await dropped.happened;
    await lost;
    // Delivered again before the first consumer is back, if it can be.
    const other = new Queue(world.steady, path, { codec });
    const again = what === "request" ? await other.take(patience) : undefined;
    world.proxy.accept();
    const error = await acknowledging;
    if (!isWriteOutcomeUnknownError(error)) throw error;
    expect(await error.outcome).toMatchObject({ kind: what === "request" ? "not applied" : "unknown" });
    expect(delivery.held).toBe(false);
    expect(delivery.signal.reason).toBe(error);
    await again?.acknowledge();
    expect(await childrenOf(`${path}/entries`)).toEqual([]);
  });

  test.each<[string, (delivery: Delivery<string>) => Promise<void>, string[], number]>([
    ["giving back", (d) => d.release(), ["x"], 0],
    ["putting back at the end", (d) => d.requeue(), ["x"], 0],
    ["giving up", (d) => d.deadLetter("no use"), [], 1],
  ])("of %s: one item, in one place", async (_, end, left, dead) => {
    const queue = new PriorityQueue(await client(), path, { codec });
    await queue.put("x", patience);
    const delivery = await queue.take(patience);
    const dropped = drop(what, isMulti);
    await end(delivery);
    expect(dropped.count).toBe(1);
    const other = new PriorityQueue(world.steady, path, { codec });
    expect(await childrenOf(`${path}/taken`)).toEqual([]);
    expect(await values(other)).toEqual(left);
    expect(await other.deadLetters.size()).toBe(dead);
  });

  test("of moving a spent item, and of putting it back: it is in one place", async () => {
    const options = { codec, maxDeliveries: 1 };
    const other = new Queue(world.steady, path, options);
    await other.put("x");
    const lossy = await client(world.proxy.connectString, 600);
    await (await other.take()).requeue().catch(() => undefined);
    const [letter] = await other.deadLetters.list();
    const queue = new Queue(lossy, path, options);
    const putting = drop(what, isMulti);
    expect(await queue.deadLetters.redrive(letter?.name ?? "", patience)).toBe(true);
    expect(putting.count).toBe(1);
    expect([await other.size(), await other.deadLetters.size()]).toEqual([1, 0]);
    // Claimed, and lost without an end: spent for whoever comes next.
    const delivery = await other.take();
    await world.steady.delete(`${path}/taken/${delivery.name}`);
    const moving = drop(what, isMulti);
    expect(await queue.tryTake(patience)).toBeUndefined();
    expect(moving.count).toBe(1);
    expect([await other.size(), await other.deadLetters.size()]).toEqual([0, 1]);
    expect(await childrenOf(`${path}/taken`)).toEqual([]);
  });
});

test("the item of a put whose reply was lost is consumed before the next attempt: it is not put again", async () => {
  const queue = new Queue(await client(), path, { codec });
  await queue.put("first", patience);
  const dropped = world.proxy.dropReply(isMulti);
  world.proxy.refuse();
  const put = queue.put("x", patience);
  await dropped.happened;
  const other = new Queue(world.steady, path, { codec });
  expect(await values(other)).toEqual(["first", "x"]);
  world.proxy.accept();
  await put;
  expect(await values(other)).toEqual([]);
});

test("a put that is given up while nobody answers was not made", async () => {
  const one = await client();
  const queue = new Queue(one, path, { codec });
  await queue.put("first", patience);
  const suspended = nextState(one, "suspended");
  world.proxy.refuse();
  world.proxy.cut();
  await suspended;
  await expect(queue.put("x", { timeoutMs: 30 })).rejects.toSatisfy(isWaitTimeoutError);
  const connected = nextState(one, "connected");
  world.proxy.accept();
  await connected;
  await queue.put("y", patience);
  expect(await values(new Queue(world.steady, path, { codec }))).toEqual(["first", "y"]);
});

test("a take that is given up while nobody answers leaves no place in line behind", async () => {
  const one = await client();
  const queue = new Queue(one, path, { codec });
  const enough = new AbortController();
  const taking = queue.take({ signal: enough.signal });
  for await (const names of world.steady.watchChildren(`${path}/takers`)) if (names?.length === 1) break;
  const suspended = nextState(one, "suspended");
  world.proxy.refuse();
  world.proxy.cut();
  await suspended;
  enough.abort(new Error("enough"));
  await expect(taking).rejects.toThrow("enough");
  world.proxy.accept();
  for await (const names of world.steady.watchChildren(`${path}/takers`)) if (names?.length === 0) break;
});

test("a connection that breaks ends a delivery at once where it was asked to, and the item is delivered again", async () => {
  const one = await client();
  const queue = new Queue(one, path, { codec, whenSuspended: "abort" });
  await queue.put("x", patience);
  const delivery = await queue.take(patience);
  const ended = new Promise((resolve) => delivery.signal.addEventListener("abort", resolve));
  world.proxy.cut();
  await ended;
  expect(delivery.signal.reason).toSatisfy(isGrantLostError);
  const again = await new Queue(world.steady, path, { codec }).take(patience);
  expect(again.deliveries).toBe(2);
});

describe("each frame in turn is lost, of a life of three items", () => {
  /** What happens between the first and the last request; nothing of it may depend on which of them was lost. */
  async function live(lossy: Client): Promise<void> {
    const queue = new Queue(lossy, path, { codec, maxItems: 4, maxDeliveries: 6 });
    await queue.put("a", patience);
    await queue.putAll(["b", "c"], patience);
    const a = await queue.take(patience);
    await a.acknowledge({ with: (t) => t.create("/results/a") });
    const b = await queue.take(patience);
    await b.release();
    await (await queue.take(patience)).acknowledge({ with: (t) => t.create("/results/b") });
    const c = await queue.take(patience);
    await c.requeue();
    await (await queue.take(patience)).acknowledge({ with: (t) => t.create("/results/c") });
    await expect(queue.take({ timeoutMs: 20 })).rejects.toSatisfy(isWaitTimeoutError);
    await queue.close();
  }

  test.each(["reply", "request"] as const)("%s", async (what) => {
    let frames = 0;
    for (let nth = 1; ; nth++) {
      await world.steady.ensurePath("/results");
      await world.steady.ensurePath(path);
      const lossy = await client();
      let seen = 0;
      const isOfRecipe = ({ operation }: Frame) => operation !== "createSession" && operation !== "closeSession";
      const dropped = drop(what, (frame) => isOfRecipe(frame) && ++seen === nth);
      await live(lossy);
      dropped.cancel();
      await lossy.close();
      expect(await world.steady.children("/results"), `${what} ${nth}`).toEqual(["a", "b", "c"]);
      for (const place of ["entries", "taken", "takers", "putters", "receipts", "dead"]) {
        expect(await childrenOf(`${path}/${place}`), `${what} ${nth}: ${place}`).toEqual([]);
      }
      await world.steady.delete("/results", { children: true });
      await world.steady.delete(path, { children: true });
      if (dropped.count === 0) break;
      frames++;
    }
    expect(frames).toBeGreaterThan(30);
  });
});

test("many producers and consumers, and one in eight replies and one in twelve requests lost", async () => {
  const random = seededRandom(11);
  const strikes = (odds: number) => (frame: Frame) =>
    frame.operation !== "createSession" && frame.operation !== "closeSession" && random.below(odds) === 0;
  await world.steady.ensurePath("/results");
  const producers = await Promise.all(Array.from({ length: 3 }, () => client()));
  const consumers = await Promise.all(Array.from({ length: 3 }, () => client()));
  const replies = world.proxy.dropReply(strikes(8), { times: 60 });
  const requests = world.proxy.dropRequest(strikes(12), { times: 40 });
  const each = 20;
  const stop = new AbortController();
  const options = { codec, maxItems: 12, maxDeliveries: 1_000 };
  const consuming = consumers.map((one) =>
    new Queue(one, path, options).process(
      (value, delivery) => delivery.acknowledge({ with: (t) => t.create(`/results/${value}`) }),
      { signal: stop.signal },
    ),
  );
  await Promise.all(
    producers.map(async (one, p) => {
      const queue = new Queue(one, path, options);
      for (let i = 0; i < each; i++) await queue.put(`${p}.${i}`, patience);
    }),
  );
  for await (const names of world.steady.watchChildren("/results"))
    if (names?.length === producers.length * each) break;
  for await (const names of world.steady.watchChildren(`${path}/entries`)) if (names?.length === 0) break;
  stop.abort();
  await Promise.all(consuming);
  // A second item for one value could not have been acknowledged: its result was there.
  expect(await childrenOf(`${path}/dead`)).toEqual([]);
  expect(replies.count + requests.count).toBeGreaterThan(30);
});
