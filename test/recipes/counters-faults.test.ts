/**
 * Counting while replies and requests are lost: exactly as many as were asked for, on our server behind the fault proxy,
 * where it can be said which frames are lost. (Bad weather on Apache ZooKeeper is in the suite of all engines.)
 */

import { type Client, connect } from "@corral/client";
import {
  AtomicCounter,
  type Codec,
  IdAllocator,
  isWriteOutcomeUnknownError,
  json,
  SharedValue,
} from "@corral/counters";
import { nodeClock } from "@corral/io";
import { FaultProxy, type ReplyFrame, type RequestFrame, seededRandom, TestServer } from "@corral/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nextState } from "../support/states.ts";

const patience = { timeoutMs: 60_000 };
const path = "/count";
const isChange = ({ operation }: { readonly operation: string | undefined }) => operation === "multi";

let server: TestServer;
let proxy: FaultProxy;
let clients: Client[] = [];

beforeEach(async () => {
  server = await TestServer.start();
  proxy = await FaultProxy.start(server.connectString);
});
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  clients = [];
  await proxy.close();
  await server.close();
});

async function client(connectString = proxy.connectString, sessionTimeoutMs = 6_000): Promise<Client> {
  const made = await connect(connectString, { sessionTimeoutMs });
  clients.push(made);
  return made;
}

async function currentValue(): Promise<bigint> {
  return await new AtomicCounter(await client(server.connectString), path).get({ linearizable: true });
}

describe("§6.18 a change that is sent again is not made again", () => {
  test.each(["reply", "request"] as const)("one %s lost", async (what) => {
    const counter = new AtomicCounter(await client(), path);
    await counter.increment(patience);
    const drop = what === "reply" ? proxy.dropReply(isChange) : proxy.dropRequest(isChange);
    expect(await counter.increment(patience)).toEqual({ previous: 1n, next: 2n });
    expect(drop.count).toBe(1);
    expect(await counter.increment(patience)).toEqual({ previous: 2n, next: 3n });
    expect(await currentValue()).toBe(3n);
  });

  test("the answer to the second attempt lost as well, and to the making of the receipt", async () => {
    const counter = new AtomicCounter(await client(), path);
    proxy.dropReply(({ operation }) => operation?.startsWith("create") === true, { times: 2 });
    proxy.dropReply(isChange, { times: 3 });
    expect(await counter.increment(patience)).toEqual({ previous: 0n, next: 1n });
    expect(await currentValue()).toBe(1n);
  });

  test("another's change between the lost reply and the next attempt", async () => {
    const counter = new AtomicCounter(await client(), path);
    await counter.increment(patience);
    const steady = new AtomicCounter(await client(server.connectString), path);
    const drop = proxy.dropReply(isChange);
    proxy.refuse();
    const change = counter.increment(patience);
    await drop.happened;
    expect(await steady.add(10n, patience)).toEqual({ previous: 2n, next: 12n });
    proxy.accept();
    expect(await change).toEqual({ previous: 1n, next: 2n });
    expect(await currentValue()).toBe(12n);
  });

  test("another's change before the attempt that is sent again", async () => {
    const counter = new AtomicCounter(await client(), path);
    await counter.increment(patience);
    const steady = new AtomicCounter(await client(server.connectString), path);
    const drop = proxy.dropRequest(isChange);
    proxy.refuse();
    const change = counter.increment(patience);
    await drop.happened;
    expect(await steady.add(10n, patience)).toEqual({ previous: 1n, next: 11n });
    proxy.accept();
    expect(await change).toEqual({ previous: 11n, next: 12n });
  });

  test.each(["reply", "request"] as const)("a %s lost, and then the session", async (what) => {
    const one = await client(proxy.connectString, 600);
    const counter = new AtomicCounter(one, path);
    await counter.increment(patience);
    const { sessionId } = one;
    const drop = what === "reply" ? proxy.dropReply(isChange) : proxy.dropRequest(isChange);
    const lost = nextState(one, "lost");
    proxy.refuse();
    const change = counter.increment(patience);
    await drop.happened;
    await lost;
    proxy.accept();
    expect(await change).toEqual({ previous: 1n, next: 2n });
    expect(one.sessionId).not.toBe(sessionId);
    expect(await counter.increment(patience)).toEqual({ previous: 2n, next: 3n });
  });

  test("many clients, and one in six replies and one in nine requests lost", async () => {
    const random = seededRandom(7);
    const strikes = (odds: number) => (frame: RequestFrame | ReplyFrame) => isChange(frame) && random.below(odds) === 0;
    const many = await Promise.all(Array.from({ length: 6 }, () => client()));
    proxy.latency({ minMs: 0, maxMs: 2 });
    const replies = proxy.dropReply(strikes(6), { times: 20 });
    const requests = proxy.dropRequest(strikes(9), { times: 12 });
    const each = 25;
    const changes = await Promise.all(
      many.map(async (one) => {
        const counter = new AtomicCounter(one, path);
        const own = [];
        for (let i = 0; i < each; i++) own.push(await counter.increment(patience));
        return own;
      }),
    );
    expect(replies.count).toBe(20);
    expect(requests.count).toBe(12);
    const nexts = changes.flat().map(({ next }) => next);
    expect([...nexts].sort((a, b) => Number(a - b))).toEqual(
      Array.from({ length: many.length * each }, (_, i) => BigInt(i + 1)),
    );
    expect(await currentValue()).toBe(BigInt(many.length * each));
  });

  test("a shared value takes each update once", async () => {
    const codec = json as Codec<readonly number[]>;
    const many = await Promise.all(Array.from({ length: 3 }, () => client()));
    const replies = proxy.dropReply(isChange, { times: 12 });
    await Promise.all(
      many.map(async (one, n) => {
        const value = new SharedValue(one, path, { codec, initial: [] });
        for (let i = 0; i < 8; i++) await value.update((numbers) => [...numbers, n * 100 + i], patience);
      }),
    );
    expect(replies.count).toBe(12);
    const steady = new SharedValue(await client(server.connectString), path, { codec, initial: [] });
    const { value, version } = await steady.get({ linearizable: true });
    expect(version).toBe(24);
    for (const n of [0, 1, 2]) {
      const own = value.filter((number) => Math.floor(number / 100) === n);
      expect(own).toEqual(Array.from({ length: 8 }, (_, i) => n * 100 + i));
    }
  });
});

describe("whoever stops waiting for a change that is under way", () => {
  test.each([
    ["reply", { kind: "applied", result: { previous: 1n, next: 2n } }, 2n],
    ["request", { kind: "not applied" }, 1n],
  ] as const)(
    "is told so, and what became of it; if it has not happened it will not: a %s lost",
    async (what, outcome, value) => {
      const counter = new AtomicCounter(await client(), path);
      await counter.increment(patience);
      const enough = new AbortController();
      const drop = what === "reply" ? proxy.dropReply(isChange) : proxy.dropRequest(isChange);
      proxy.refuse();
      const given = counter.increment({ signal: enough.signal }).catch((error: unknown) => error);
      await drop.happened;
      enough.abort(new Error("enough"));
      const error = await given;
      expect(error).toSatisfy(isWriteOutcomeUnknownError);
      expect(error).toMatchObject({ path, cause: { message: "enough" } });
      proxy.accept();
      if (!isWriteOutcomeUnknownError(error)) throw error;
      expect(await error.outcome).toEqual(outcome);
      expect(await currentValue()).toBe(value);
      expect(await counter.increment(patience)).toEqual({ previous: value, next: value + 1n });
    },
  );

  test("is told so while nothing is wrong but the server slow", async () => {
    const counter = new AtomicCounter(await client(), path);
    await counter.increment(patience);
    proxy.stall("toClient");
    const sent = new Promise<void>((resolve) => {
      proxy.onFrame((frame) => frame.kind === "request" && isChange(frame) && resolve());
    });
    const enough = new AbortController();
    const given = counter.increment({ signal: enough.signal }).catch((error: unknown) => error);
    await sent;
    enough.abort();
    const error = await given;
    proxy.resume();
    if (!isWriteOutcomeUnknownError(error)) throw error;
    expect(await error.outcome).toEqual({ kind: "applied", result: { previous: 1n, next: 2n } });
    expect(await counter.increment(patience)).toEqual({ previous: 2n, next: 3n });
  });

  test("while others wait for the same write keeps nobody from it", async () => {
    const counter = new AtomicCounter(await client(), path);
    await counter.increment(patience);
    const drop = proxy.dropRequest(isChange);
    proxy.refuse();
    const enough = new AbortController();
    const [one, other] = [counter.increment({ signal: enough.signal }), counter.increment(patience)];
    const given = one.catch((error: unknown) => error);
    await drop.happened;
    enough.abort();
    const error = await given;
    proxy.accept();
    if (!isWriteOutcomeUnknownError(error)) throw error;
    expect(await error.outcome).toEqual({ kind: "applied", result: { previous: 1n, next: 2n } });
    expect(await other).toEqual({ previous: 2n, next: 3n });
  });

  test("and removes its receipt under its feet is never told wrongly", async () => {
    const counter = new AtomicCounter(await client(), path);
    await counter.increment(patience);
    const drop = proxy.dropReply(isChange);
    proxy.refuse();
    const given = counter.increment(patience).catch((error: unknown) => error);
    await drop.happened;
    const steady = await client(server.connectString);
    for (const name of await steady.children(path)) await steady.delete(`${path}/${name}`);
    proxy.accept();
    const error = await given;
    if (!isWriteOutcomeUnknownError(error)) throw error;
    expect(await error.outcome).toMatchObject({ kind: "unknown", cause: { code: "NoNode" } });
    // With a new receipt it goes on.
    expect(await counter.increment(patience)).toEqual({ previous: 2n, next: 3n });
  });

  test("by closing the client", async () => {
    const one = await client();
    const counter = new AtomicCounter(one, path);
    await counter.increment(patience);
    const drop = proxy.dropReply(isChange);
    proxy.refuse();
    const given = counter.increment(patience).catch((error: unknown) => error);
    await drop.happened;
    await one.close();
    expect(await given).toSatisfy(isWriteOutcomeUnknownError);
    await expect(counter.increment(patience)).rejects.toMatchObject({ code: "ClientClosed" });
  });
});

describe("an id allocator whose replies are lost", () => {
  test("gives no id twice, and leaves gaps", async () => {
    const many = await Promise.all(Array.from({ length: 3 }, () => client()));
    const drop = proxy.dropReply(({ operation }) => operation === "setData", { times: 12 });
    const given = await Promise.all(
      many.map(async (one) => {
        const allocator = new IdAllocator(one, "/ids", { blockSize: 10 });
        const own: bigint[] = [];
        for (let i = 0; i < 150; i++) own.push(await allocator.next(patience));
        return own;
      }),
    );
    expect(drop.count).toBe(12);
    for (const own of given) expect(own).toEqual([...own].sort((a, b) => Number(a - b)));
    expect(new Set(given.flat()).size).toBe(450);
    const highest = given
      .flat()
      .sort((a, b) => Number(a - b))
      .at(-1);
    expect(highest).toBeGreaterThan(450n);
  });
});

test("what dead clients have left is removed by whoever comes an hour later, and no more than that", async () => {
  let laterMs = 0;
  const clock = {
    wallMs: () => nodeClock.wallMs() + laterMs,
    elapsedMs: () => nodeClock.elapsedMs(),
    setTimer: (delayMs: number, callback: () => void) => nodeClock.setTimer(delayMs, callback),
  };
  await using aging = await TestServer.start({ clock });
  const dead = await client(aging.connectString);
  await new AtomicCounter(dead, path).increment(patience);
  await dead.close();
  const looker = await client(aging.connectString);
  const [left = ""] = await looker.children(path);
  expect(left).toMatch(/^receipt-/);
  await looker.create(`${path}/something-else`);

  laterMs = 59 * 60_000;
  await new AtomicCounter(await client(aging.connectString), path).increment(patience);
  laterMs = 61 * 60_000;
  const change = await new AtomicCounter(await client(aging.connectString), path).increment(patience);
  expect(change).toEqual({ previous: 2n, next: 3n });
  for await (const names of looker.watchChildren(path)) if (names?.includes(left) === false) break;
  // The one that was used two minutes ago, and what is no receipt, are there still.
  const names = await looker.children(path);
  expect(names.filter((name) => name.startsWith("receipt-")).length).toBe(2);
  expect(names).toContain("something-else");
});
