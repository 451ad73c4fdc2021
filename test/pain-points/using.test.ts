/**
 * What others suffer with the client itself and with what follows the tree: callbacks that deadlock, watches that leak,
 * lists that are too long, containers that vanish, numbers that are cut off. The numbers are those of `docs/pain-points.md`.
 */
import { Barrier, DoubleBarrier } from "@corral/barriers";
import { TreeCache } from "@corral/caches";
import { type Client, connect, isCoordinationError } from "@corral/client";
import { AtomicCounter } from "@corral/counters";
import { Group } from "@corral/group-membership";
import { Election } from "@corral/leader-election";
import { isWaitTimeoutError, Mutex } from "@corral/locks";
import { Queue } from "@corral/queues";
import { ServiceRegistry } from "@corral/service-registry";
import { FaultProxy, TestServer } from "@corral/testing";
import { firstValueFrom } from "rxjs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { holdings, pathOf } from "./holdings.ts";

const patience = { timeoutMs: 60_000 };

let server: TestServer;
let proxy: FaultProxy;
let client: Client;
/** A client that no fault concerns. */
let steady: Client;
beforeEach(async () => {
  server = await TestServer.start({ reaperIntervalMs: 20 });
  proxy = await FaultProxy.start(server.connectString);
  steady = await connect(server.connectString);
  client = await connect(proxy.connectString);
});
afterEach(async () => {
  await client.close();
  await steady.close();
  await proxy.close();
  await server.close();
});

const spec = { name: "s", address: "127.0.0.1" };

describe("§6.10 the client called, and waited for, where it is calling", () => {
  /** Has `call` called by the client: leaves it where it will be, and causes that. */
  const places: Readonly<Record<string, (call: () => Promise<unknown>) => Promise<unknown>>> = {
    "a watch": async (call) => {
      await client.exists("/x", { watch: () => void call() });
      await steady.create("/x");
    },
    "a listener of states": async (call) => {
      client.once("state", () => void call());
      proxy.cut();
    },
    "a subscriber of a tree": async (call) => {
      client.watchTree("/").subscribe(() => void call());
    },
    "a loop over a node": async (call) => {
      for await (const node of client.watchNode("/")) if (node !== undefined) return await call();
      return undefined;
    },
    "a subscriber of who leads": async (call) => {
      new Election(client, "/leader").leader$.subscribe((view) => view === "none" && void call());
    },
    "a subscriber of who is there": async (call) => {
      new Group(client, "/group").members$.subscribe(() => void call());
      await new Group(steady, "/group").join();
    },
    "a subscriber of instances": async (call) => {
      new ServiceRegistry(client).instances$("s").subscribe(() => void call());
      await new ServiceRegistry(steady).register(spec);
    },
    "a subscriber of a cache's changes": async (call) => {
      const cache = new TreeCache(client, "/cache");
      cache.changes$.subscribe(() => void call());
      await cache.start(patience);
      await steady.create("/cache");
    },
    "a request to give a lock back": async (call) => {
      const grant = await new Mutex(client, "/asked", { onRevoke: () => void call() }).acquire(patience);
      await new Mutex(steady, "/asked").revoke();
      expect(grant.held).toBe(true);
    },
    "the loss of a lock": async (call) => {
      const grant = await new Mutex(client, "/lost").acquire(patience);
      grant.signal.addEventListener("abort", () => void call());
      await steady.delete(grant.path);
    },
    "a function under a lock": (call) => new Mutex(client, "/under").withLock(call, patience),
    "a function of a leader": (call) => new Election(client, "/leads").lead(call, patience),
  };

  test.each(Object.entries(places))("in %s", async (_, place) => {
    const called = new Promise((resolve, reject) => {
      const call = async (): Promise<unknown> => {
        await new Mutex(client, "/inner").withLock(() => client.get("/", { linearizable: true }), patience);
        return await client.setOrCreate("/done", "x");
      };
      place(() => call().then(resolve, reject)).catch(reject);
    });
    expect(await called).toBeDefined();
  });
});

test("§6.11 waits that end, however they end, leave no watch: not here, and not on the server", async () => {
  const before = client.metrics().watches.watchers;
  for (const holding of holdings) {
    const path = pathOf(holding);
    const holder = await holding.take(steady, path, patience);
    const tooLate = Array.from({ length: 10 }, () => holding.take(client, path, { timeoutMs: 100 }));
    for (const one of tooLate) await expect(one, holding.name).rejects.toSatisfy(isWaitTimeoutError);
    await holder.release();
    for (let round = 0; round < 5; round++) await (await holding.take(client, path, patience)).release();
  }
  const subscriptions = [
    client.watchTree("/").subscribe(),
    new Election(client, "/a-leadership").leader$.subscribe(),
    new Group(client, "/a-membership").members$.subscribe(),
    new ServiceRegistry(client, { basePath: "/a-name-held-alone" }).instances$("s").subscribe(),
  ];
  await using cache = new TreeCache(client, "/");
  await cache.start(patience);
  expect(client.metrics().watches.watchers).toBeGreaterThan(before);
  for (const subscription of subscriptions) subscription.unsubscribe();
  await cache.close();
  await expect.poll(() => client.metrics().watches.watchers).toBe(before);
  await client.sync();
  let events = 0;
  proxy.onFrame((frame) => {
    if (frame.kind === "event") events++;
  });
  for (const holding of holdings) {
    await steady.delete(pathOf(holding), { children: true }).catch((error) => {
      // The queues of locks and elections are containers, and may have gone by themselves.
      if (!isCoordinationError(error, "NoNode")) throw error;
    });
  }
  await client.sync();
  expect(events).toBe(0);
});

describe("§6.12 jute.maxbuffer", () => {
  const name = (at: number): string => `${"n".repeat(100)}${at}`;

  test("children whose names come to more than a megabyte are listed and followed, also after a disconnection", async () => {
    await steady.create("/many");
    const children = Array.from({ length: 12_000 }, (_, at) => name(at));
    for (let from = 0; from < children.length; from += 2_000) {
      const some = steady.transaction();
      for (const child of children.slice(from, from + 2_000)) some.create(`/many/${child}`);
      await some.commit();
    }
    expect(await client.children("/many")).toEqual(children.toSorted());
    let latest: readonly string[] | undefined;
    client.watchChildren("/many").subscribe((names) => {
      latest = names;
    });
    await expect.poll(() => latest?.length).toBe(children.length);
    proxy.refuse();
    proxy.cut();
    await steady.create("/many/one-more");
    proxy.accept();
    await expect.poll(() => latest?.length, { timeout: 20_000 }).toBe(children.length + 1);
  });

  test("an answer that is too long fails by itself, names the limit, and harms nothing else", async () => {
    await steady.create("/many");
    for (let at = 0; at < 40; at++) await steady.create(`/many/${name(at)}`);
    await using small = await connect(proxy.connectString, { responseBytesMax: 2_000 });
    const states: string[] = [];
    small.on("state", ({ state }) => states.push(state));
    const [list, other] = await Promise.allSettled([small.children("/many"), small.create("/other")]);
    expect(list).toMatchObject({
      status: "rejected",
      reason: {
        code: "MarshallingError",
        path: "/many",
        message: expect.stringMatching(/\d+ bytes.*2000.*responseBytesMax/),
      },
    });
    expect(other).toMatchObject({ status: "fulfilled" });
    let events = 0;
    proxy.onFrame((frame, connection) => {
      if (frame.kind === "event" && connection.sessionId === small.sessionId) events++;
    });
    // Who follows it is told, instead of trying for ever, and leaves no watch.
    await expect(firstValueFrom(small.watchChildren("/many"))).rejects.toMatchObject({ code: "MarshallingError" });
    await small.sync();
    await steady.delete(`/many/${name(0)}`);
    expect(await small.exists("/many")).toBeDefined();
    expect(events).toBe(0);
    expect(states).toEqual([]);
  });
});

test("§6.20 a container that goes just when it is needed is made again", async () => {
  const work = async (own: number, rounds: number): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      const path = `/box/inner/n${own}-${round}`;
      await client.create(path, null, { createParents: "container" });
      await client.delete(path);
      // Alone, it waits for the reaper now and then; the others only meet it.
      if (own === 0 && round % 5 === 0) await expect.poll(() => client.exists("/box/inner")).toBeUndefined();
    }
  };
  await work(0, 20);
  await Promise.all([1, 2, 3].map((own) => work(own, 60)));
});

describe("§6.25 Node", () => {
  test("numbers of 64 bits are whole: session ids below zero, zxids beyond 32 bits", async () => {
    await using high = await TestServer.start({ serverId: 200 });
    await using one = await connect(high.connectString);
    expect(one.sessionId).toBeLessThan(0n);
    const grant = await new Mutex(one, "/lock", { identity: "one" }).acquire(patience);
    const { holders } = await new Mutex(one, "/lock").explain();
    const { stat } = await one.get(grant.path);
    expect([grant.sessionId, stat.ephemeralOwner, holders[0]?.sessionId]).toEqual(Array(3).fill(one.sessionId));
    expect([grant.fencingToken, stat.czxid]).toEqual(Array(2).fill(holders[0]?.czxid));
    expect(stat.czxid).toBeGreaterThan(2n ** 32n);
    await grant.release();
    await one.create("/lock/e", null, { mode: "ephemeral" });
    await high.expireSession(one.sessionId);
    await expect.poll(() => one.children("/lock")).toEqual([]);
  });

  test("whatever recipes are doing when the client is closed ends, and no rejection is left unhandled", async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown) => unhandled.push(reason);
    process.on("unhandledRejection", listener);
    const doomed = await connect(proxy.connectString);
    const held = await Promise.all(holdings.map((holding) => holding.take(doomed, pathOf(holding), patience)));
    await steady.create("/gate");
    const waiting = [
      ...holdings.map((holding) => holding.take(doomed, pathOf(holding), patience)),
      ...holdings.map(async (holding) => {
        await holding.take(steady, `${pathOf(holding)}-other`, patience);
        return await holding.take(doomed, `${pathOf(holding)}-other`, patience);
      }),
      new Group(doomed, "/stays").stayJoined(),
      new ServiceRegistry(doomed, { basePath: "/kept" }).keepRegistered(spec),
      new Barrier(doomed, "/gate").wait(patience),
      new DoubleBarrier(doomed, "/double", { parties: 2 }).enter(patience),
      new Queue(doomed, "/queue").take(patience),
      ...Array.from({ length: 5 }, () => new AtomicCounter(doomed, "/counter").increment(patience)),
      new TreeCache(doomed, "/").start(patience),
      new Mutex(doomed, "/inside").withLock(
        ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve)),
        patience,
      ),
    ].map((each) =>
      each.then(
        () => "resolved",
        (error: unknown) => error,
      ),
    );
    new Election(doomed, "/a-leadership").leader$.subscribe();
    new Group(doomed, "/a-membership").members$.subscribe();
    new ServiceRegistry(doomed).instances$("s").subscribe();
    for (let round = 0; round < 5; round++) await doomed.sync();
    proxy.cut();
    await doomed.close();
    expect(held.map((grant) => grant.held)).toEqual(held.map(() => false));
    const ends = [
      "resolved",
      "ClientClosedError",
      "GrantLostError",
      "WriteOutcomeUnknownError",
      "CacheUnavailableError",
    ];
    for (const outcome of await Promise.all(waiting)) {
      expect(ends).toContain(outcome instanceof Error ? outcome.name : outcome);
    }
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", listener);
    expect(unhandled).toEqual([]);
  });
});
