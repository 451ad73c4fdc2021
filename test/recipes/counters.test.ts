/** Counters and shared values on every engine: counting to the end, comparing, watching, ids. Lost replies: counters-faults. */

import { isCoordinationError } from "@corral/client";
import {
  AtomicCounter,
  type Client,
  IdAllocator,
  int32,
  isWaitTimeoutError,
  isWriteOutcomeUnknownError,
  json,
  SharedValue,
  type ValueView,
  validated,
} from "@corral/counters";
import { Semaphore } from "@corral/locks";
import { insist } from "@corral/recipe-kit";
import { filter, firstValueFrom, type Observable, ReplaySubject } from "rxjs";
import { expect, test } from "vitest";
import { z } from "zod";
import { describeOnEveryEngine } from "../engines/engines.ts";

const isMarshallingError = (error: unknown) => isCoordinationError(error, "MarshallingError");
const patience = { timeoutMs: 60_000 };
const path = "/count";

function children(client: Client, of: string): Promise<string[]> {
  return insist(client, async () => {
    await client.sync(of);
    return await client.children(of);
  });
}

/** Resolves when the value is `value`, as the server has it. */
function until<T>(value$: Observable<ValueView<T>>, value: T): Promise<ValueView<T>> {
  return firstValueFrom(value$.pipe(filter(({ state, latest }) => state === "current" && latest?.value === value)));
}

describeOnEveryEngine("an atomic counter", (engine) => {
  test("counts every increment of every client once, and tells each where it stood", async () => {
    await using namespace = await engine.namespace();
    const clients = await Promise.all(Array.from({ length: 5 }, () => namespace.connect()));
    const each = 40;
    const changes = await Promise.all(
      clients.map(async (client) => {
        const counter = new AtomicCounter(client, path);
        const own = [];
        // Some one after the other, some all at once.
        for (let i = 0; i < each / 2; i++) own.push(await counter.increment(patience));
        own.push(...(await Promise.all(Array.from({ length: each / 2 }, () => counter.increment(patience)))));
        return own;
      }),
    );
    const total = clients.length * each;
    const befores = changes.flat().map(({ previous }) => previous);
    expect([...befores].sort((a, b) => Number(a - b))).toEqual(Array.from({ length: total }, (_, i) => BigInt(i)));
    for (const { previous, next } of changes.flat()) expect(next).toBe(previous + 1n);
    const [reader] = clients as [Client];
    expect(await new AtomicCounter(reader, path).get({ linearizable: true, ...patience })).toBe(BigInt(total));
  });

  test("leaves nothing beside the value once it is closed, and can be used again", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const counter = new AtomicCounter(a, path, { initial: 7n });
    expect(await counter.add(3n, patience)).toEqual({ previous: 7n, next: 10n });
    expect(await new AtomicCounter(a, path).decrement(patience)).toEqual({ previous: 10n, next: 9n });
    expect((await children(b, path)).length).toBe(1);
    await counter.close();
    expect(await children(b, path)).toEqual([]);
    expect(await counter.set(-5n, patience)).toEqual({ previous: 9n, next: -5n });
    await counter.close();
    expect(await children(b, path)).toEqual([]);
    const { data } = await insist(b, () => b.get(path, { linearizable: true }));
    expect(data?.toString("hex")).toBe("fffffffffffffffb");
  });

  test("is compared and set, also against a stale look", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const [one, other] = [new AtomicCounter(a, path), new AtomicCounter(b, path)];
    expect(await one.compareAndSet(0n, 5n, patience)).toEqual({ isSet: true, previous: 0n, next: 5n });
    expect(await other.compareAndSet(0n, 6n, patience)).toEqual({ isSet: false, previous: 5n, next: 5n });
    expect(await other.compareAndSet(5n, 6n, patience)).toEqual({ isSet: true, previous: 5n, next: 6n });
    // `one` remembers 5 and must not believe it.
    expect(await one.compareAndSet(5n, 7n, patience)).toEqual({ isSet: false, previous: 6n, next: 6n });
    expect(await one.compareAndSet(6n, 7n, patience)).toEqual({ isSet: true, previous: 6n, next: 7n });
  });

  test("refuses what does not fit and what is no counter, and goes on with the others", async () => {
    await using namespace = await engine.namespace();
    const a = await namespace.connect();
    const counter = new AtomicCounter(a, path, { format: "int32", initial: 2n ** 31n - 2n });
    const results = await Promise.allSettled([
      counter.increment(patience),
      counter.increment(patience),
      counter.decrement(patience),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(results[1]).toMatchObject({ reason: { name: "RangeError" } });
    expect(await counter.get({ linearizable: true, ...patience })).toBe(2n ** 31n - 2n);
    const wrong = new AtomicCounter(a, path, { format: "int64" });
    await expect(wrong.increment(patience)).rejects.toSatisfy(isMarshallingError);
    await expect(wrong.get(patience)).rejects.toSatisfy(isMarshallingError);
  });

  test("that is given up before it was sent does not count", async () => {
    await using namespace = await engine.namespace();
    const a = await namespace.connect();
    const counter = new AtomicCounter(a, path);
    const enough = new AbortController();
    const first = counter.increment(patience);
    const second = counter.increment({ signal: enough.signal });
    enough.abort(new Error("enough"));
    await expect(second).rejects.toThrow("enough");
    expect(await first).toEqual({ previous: 0n, next: 1n });
    await expect(counter.increment({ signal: enough.signal })).rejects.toThrow("enough");
    expect(await counter.get({ linearizable: true, ...patience })).toBe(1n);
  });

  test("is watched", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const counter = new AtomicCounter(a, path, { format: "decimal" });
    const watched = new AtomicCounter(b, path, { format: "decimal" });
    expect(await until(watched.value$, 0n)).toEqual({ state: "current", latest: { value: 0n, version: 0, czxid: 0n } });
    const seen = until(watched.value$, 10n ** 30n);
    await counter.add(10n ** 30n, patience);
    expect((await seen).latest?.version).toBe(1);
  });
});

describeOnEveryEngine("a shared value", (engine) => {
  // Checked when it is read, and so decoded a moment later.
  const codec = validated(json, z.object({ names: z.array(z.string()) }));
  const initial: { names: string[] } = { names: [] };

  test("is changed only on top of what was seen", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const [one, other] = [a, b].map((client) => new SharedValue(client, path, { codec, initial }));
    if (one === undefined || other === undefined) throw new Error("two clients");
    const empty = await one.get(patience);
    expect(empty).toEqual({ value: initial, version: 0, czxid: 0n });
    const set = await one.trySet(empty, { names: ["a"] }, patience);
    expect(set).toMatchObject({ isSet: true, current: { value: { names: ["a"] }, version: 1 } });
    expect(await other.trySet(empty, { names: ["b"] }, patience)).toEqual({ isSet: false, current: set.current });
    expect(await other.trySet(set.current, { names: ["a", "b"] }, patience)).toMatchObject({ isSet: true });
    const seen = await one.get({ linearizable: true, ...patience });
    expect(seen).toMatchObject({ value: { names: ["a", "b"] }, version: 2, czxid: set.current.czxid });
  });

  test("takes every update of every client, each on top of the one before", async () => {
    await using namespace = await engine.namespace();
    const clients = await Promise.all(Array.from({ length: 4 }, () => namespace.connect()));
    const changes = await Promise.all(
      clients.map(async (client, n) => {
        const value = new SharedValue(client, path, { codec, initial });
        const own = [];
        for (let i = 0; i < 10; i++) {
          own.push(await value.update(({ names }) => ({ names: [...names, `${n}.${i}`] }), patience));
        }
        return own;
      }),
    );
    const [reader] = clients as [Client];
    const { value, version } = await new SharedValue(reader, path, { codec, initial }).get({ linearizable: true });
    expect(value.names.length).toBe(40);
    expect(version).toBe(40);
    for (let n = 0; n < 4; n++) {
      const own = value.names.filter((name) => name.startsWith(`${n}.`));
      expect(own).toEqual(Array.from({ length: 10 }, (_, i) => `${n}.${i}`));
    }
    for (const { previous, next } of changes.flat()) {
      expect(next.version).toBe(previous.version + 1);
      expect(value.names.slice(0, next.value.names.length)).toEqual(next.value.names);
    }
  });

  test("a value that was deleted and made again is another one, whatever its version", async () => {
    await using namespace = await engine.namespace();
    // Whoever deletes the node deletes what tells of writes that are under way: in bad weather their outcome is unknown, and rightly.
    const [a, b] = await Promise.all([namespace.connectSteadily(), namespace.connectSteadily()]);
    await using value = new SharedValue(a, path, { codec, initial });
    const seen = await value.set({ names: ["old"] }, patience);
    await b.delete(path, { children: true });
    await new SharedValue(b, path, { codec, initial }).set({ names: ["new"] }, patience);
    const attempt = await value.trySet(seen, { names: ["wrong"] }, patience);
    expect(attempt).toMatchObject({ isSet: false, current: { value: { names: ["new"] }, version: seen.version } });
    expect(attempt.current.czxid).toBeGreaterThan(seen.czxid);
  });

  test("says that it may be out of date when it may be", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connectSteadily()]);
    const options = { codec: int32, initial: 3 };
    const views = new ReplaySubject<ValueView<number>>();
    const subscription = new SharedValue(a, path, options).value$.subscribe(views);
    await until(views, 3);
    await namespace.expireSession(a);
    const stale = views.pipe(filter(({ state, latest }) => state === "suspended" && latest !== undefined));
    expect(await firstValueFrom(stale)).toMatchObject({ state: "suspended", latest: { value: 3 } });
    await new SharedValue(b, path, options).set(4, patience);
    await until(views, 4);
    subscription.unsubscribe();
  });

  test("is the limit of a semaphore, for all who use it", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const limit = new SharedValue(a, "/limit", { codec: int32, initial: 1 });
    await limit.set(1, patience);
    const permits = new Semaphore(b, "/permits", { limit: { path: "/limit" } });
    await using first = await permits.acquire(patience);
    const second = permits.acquire(patience);
    await limit.update((value) => value + 1, patience);
    await using both = await second;
    expect([first.held, both.held]).toEqual([true, true]);
  });
});

describeOnEveryEngine("an id allocator", (engine) => {
  test("gives each id to one, each allocator's growing, many without asking the server", async () => {
    await using namespace = await engine.namespace();
    const clients = await Promise.all(Array.from({ length: 4 }, () => namespace.connect()));
    const each = 250;
    const given = await Promise.all(
      clients.map(async (client, n) => {
        // Two of them on one client, and of different appetites.
        const allocator = new IdAllocator(client, "/ids", { blockSize: 10 + 30 * n });
        const own: bigint[] = [];
        for (let i = 0; i < each; i++) own.push(await allocator.next(patience));
        return own;
      }),
    );
    for (const own of given) expect(own).toEqual([...own].sort((a, b) => Number(a - b)));
    expect(new Set(given.flat()).size).toBe(clients.length * each);
    expect(given.flat()).toContain(1n);
  });

  test("serves many at a time, in the order in which they asked, and tells what is in hand", async () => {
    await using namespace = await engine.namespace();
    const a = await namespace.connect();
    const allocator = new IdAllocator(a, "/ids", { blockSize: 8, first: 100n, refillBelow: 0 });
    expect(allocator.tryNext()).toBeUndefined();
    const ids = await Promise.all(Array.from({ length: 20 }, () => allocator.next(patience)));
    expect(ids).toEqual([...ids].sort((x, y) => Number(x - y)));
    expect(new Set(ids).size).toBe(20);
    expect(allocator.left).toBe(4n);
    expect(allocator.tryNext()).toBeGreaterThan(ids.at(-1) ?? 0n);
  });

  test("after a crash goes on behind what was in hand, and blocks never overlap", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const first = await new IdAllocator(a, "/ids", { blockSize: 50 }).next(patience);
    await a.close();
    const block = await new IdAllocator(b, "/ids", { blockSize: 50 }).block(7, patience);
    expect(first).toBe(1n);
    expect(block.from).toBeGreaterThanOrEqual(51n);
    expect(block.to - block.from).toBe(7n);
    const again = new IdAllocator(b, "/ids", { blockSize: 5 });
    expect(await again.next(patience)).toBeGreaterThanOrEqual(block.to);
  });

  test("notices when it was set back", async () => {
    await using namespace = await engine.namespace();
    const a = await namespace.connect();
    const allocator = new IdAllocator(a, "/ids", { blockSize: 5 });
    await allocator.block(5, patience);
    await insist(a, () => a.set("/ids", Buffer.from("0000000000000001", "hex")));
    await expect(allocator.block(5, patience)).rejects.toThrow("was set back");
  });
});

test("the checks of errors tell them apart", () => {
  for (const check of [isWriteOutcomeUnknownError, isWaitTimeoutError]) {
    expect([new Error("x"), undefined, "x", null].some(check)).toBe(false);
  }
});
