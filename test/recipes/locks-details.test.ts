/** Locks in their details, on every engine: what is released early or twice, lost half-way, asked back, changed meanwhile. */
import { type Client, isCoordinationError } from "@corral/client";
import {
  encodeLimit,
  isGrantLostError,
  isWaitTimeoutError,
  MultiLock,
  Mutex,
  ReadWriteLock,
  Semaphore,
} from "@corral/locks";
import { insist } from "@corral/recipe-kit";
import { expect, test } from "vitest";
import { describeOnEveryEngine } from "../engines/engines.ts";

const patience = { timeoutMs: 60_000 };

/** Resolves when so many nodes are below `path`. */
async function nodesBelow(client: Client, path: string, count: number): Promise<void> {
  for await (const names of client.watchChildren(path)) if ((names ?? []).length === count) return;
}

async function deleteByHand(client: Client, path: string): Promise<void> {
  try {
    await insist(client, () => client.delete(path));
  } catch (error) {
    if (!isCoordinationError(error, "NoNode")) throw error;
  }
}

describeOnEveryEngine("a function under a mutex", (engine) => {
  test("may give the lock back before it ends", async () => {
    await using namespace = await engine.namespace();
    const a = await namespace.connect();
    const mutex = new Mutex(a, "/lock");
    const early = mutex.withLock(async (grant) => {
      await grant.release();
      return "done";
    }, patience);
    expect(await early).toBe("done");
    const failing = mutex.withLock(async (grant) => {
      await grant.release();
      throw new Error("of its own");
    }, patience);
    await expect(failing).rejects.toThrow("of its own");
    await nodesBelow(a, "/lock", 0);
  });

  test("that throws because the lock was lost fails for that reason, and says what it threw", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connectSteadily()]);
    const own = new Error("stopped half-way");
    const run = new Mutex(a, "/lock").withLock(async ({ path, signal }) => {
      const lost = new Promise((resolve) => signal.addEventListener("abort", resolve));
      await b.delete(path);
      await lost;
      throw own;
    }, patience);
    await expect(run).rejects.toSatisfy((error: Error) => isGrantLostError(error) && error.cause === own);
  });
});

describeOnEveryEngine("a lock that is entered again", (engine) => {
  test("is left once by each handle, however often that is released", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const outer = await new Mutex(a, "/lock").acquire(patience);
    const inner = outer.reenter();
    expect(inner.fencingToken).toBe(outer.fencingToken);
    await outer.release();
    await outer.release();
    await using _ = outer;
    expect([outer.held, inner.held]).toEqual([false, true]);
    expect(outer.signal.aborted).toBe(true);
    expect(await new Mutex(b, "/lock").tryAcquire(patience)).toBeUndefined();
    expect(() => outer.reenter()).toThrow();
    await inner.release();
    await nodesBelow(b, "/lock", 0);
  });

  test("is lost by all handles at once", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const outer = await new Mutex(a, "/lock").acquire(patience);
    const inner = outer.reenter();
    outer.lose("revoked");
    expect([outer.held, inner.held]).toEqual([false, false]);
    expect(inner.signal.reason).toSatisfy(isGrantLostError);
    await (await new Mutex(b, "/lock").acquire(patience)).release();
    await Promise.all([outer.release(), inner.release()]);
  });
});

describeOnEveryEngine("a lock-delay", (engine) => {
  test("is kept also after somebody who waited for its end has given up", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const delayed = { lockDelayMs: 60_000 };
    const lost = await new Mutex(a, "/lock", delayed).acquire(patience);
    await deleteByHand(b, lost.path);
    // The first gives up in the middle of the delay, and so must the second: it is as long for everybody.
    const brief = { timeoutMs: engine.isFaulty ? 3_000 : 300 };
    await expect(new Mutex(b, "/lock", delayed).acquire(brief)).rejects.toSatisfy(isWaitTimeoutError);
    await expect(new Mutex(b, "/lock", delayed).acquire(brief)).rejects.toSatisfy(isWaitTimeoutError);
    await nodesBelow(b, "/lock", 0);
  });

  test("is waited for after a holder that ended its grant without releasing it", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const delayed = { lockDelayMs: 60_000 };
    const held = await new Mutex(a, "/lock", delayed).acquire(patience);
    held.lose("connection lost");
    await nodesBelow(b, "/lock", 0);
    const brief = { timeoutMs: engine.isFaulty ? 3_000 : 300 };
    await expect(new Mutex(b, "/lock", delayed).acquire(brief)).rejects.toSatisfy(isWaitTimeoutError);
  });

  test("is waited for afresh when the session is lost in it", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const delayed = { lockDelayMs: 500 };
    const lost = await new Mutex(a, "/lock", delayed).acquire(patience);
    await deleteByHand(b, lost.path);
    const waiting = new Mutex(b, "/lock", delayed).acquire(patience);
    await nodesBelow(a, "/lock", 1);
    await namespace.expireSession(b);
    await using held = await waiting;
    expect(held.held).toBe(true);
  });
});

describeOnEveryEngine("the two sides of a read/write lock", (engine) => {
  test("tell the same of who holds and who waits, and ask back only from who holds", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    const asked: string[] = [];
    const lock = (client: Client, identity: string) =>
      new ReadWriteLock(client, "/rw", { identity, onRevoke: () => asked.push(identity) });
    const readers = [await lock(a, "r1").read.acquire(patience), await lock(b, "r2").read.acquire(patience)];
    const writing = lock(c, "w").write.acquire(patience);
    await nodesBelow(a, "/rw", 3);
    for (const side of [lock(a, "").read, lock(a, "").write]) {
      const { holders, waiters } = await insist(a, () => side.explain());
      expect(holders.map(({ identity }) => identity)).toEqual(["r1", "r2"]);
      expect(waiters.map(({ identity }) => identity)).toEqual(["w"]);
    }
    await lock(c, "").read.revoke(patience);
    await expect.poll(() => asked.toSorted(), { timeout: 60_000 }).toEqual(["r1", "r2"]);
    for (const reader of readers) await reader.release();
    await using writer = await writing;
    expect(writer.held).toBe(true);
    expect(asked).toHaveLength(2);
  });

  test("know a writer that reads now, who it is, and that it can be asked", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    let asked = 0;
    const lock = new ReadWriteLock(a, "/rw", { identity: "former writer", onRevoke: () => asked++ });
    await using reading = await lock.downgrade(await lock.write.acquire(patience));
    expect(reading.held).toBe(true);
    const other = new ReadWriteLock(b, "/rw", { identity: "reader" });
    await using tried = await other.read.tryAcquire(patience);
    expect(tried?.held).toBe(true);
    expect(await other.write.tryAcquire(patience)).toBeUndefined();
    const { holders, waiters } = await insist(b, () => other.write.explain());
    expect(holders.map(({ identity }) => identity)).toEqual(["former writer", "reader"]);
    expect(waiters).toEqual([]);
    await other.write.revoke(patience);
    await expect.poll(() => asked, { timeout: 60_000 }).toBe(1);
    // Asked or not, it reads: others may as well.
    await using late = await new ReadWriteLock(b, "/rw").read.acquire(patience);
    expect(late.held).toBe(true);
  });
});

describeOnEveryEngine("many leases of a semaphore", (engine) => {
  test("are taken by one after the other: nobody holds what the other still needs", async () => {
    await using namespace = await engine.namespace();
    const clients = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    await Promise.all(
      clients.map(async (client) => {
        const permits = new Semaphore(client, "/permits", { limit: 3 });
        for (let i = 0; i < 4; i++) {
          const grants = await permits.acquireMany(2, patience);
          expect(new Set(grants.map(({ path }) => path)).size).toBe(2);
          await Promise.all(grants.map((grant) => grant.release()));
        }
      }),
    );
    await nodesBelow(clients[0], "/permits/leases", 0);
  });

  test("are refused at once when there can never be so many", async () => {
    await using namespace = await engine.namespace();
    const permits = new Semaphore(await namespace.connect(), "/permits", { limit: 3 });
    await expect(permits.acquireMany(4)).rejects.toThrow(RangeError);
    await expect(permits.acquireMany(-1)).rejects.toThrow(RangeError);
    await expect(permits.acquireMany(0.5)).rejects.toThrow(RangeError);
    expect(await permits.acquireMany(0)).toEqual([]);
  });
});

describeOnEveryEngine("a semaphore's shared limit", (engine) => {
  test("counts as it is: missing, nothing, smaller and larger", async () => {
    await using namespace = await engine.namespace();
    const [a, b, operator] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connectSteadily()]);
    const limit = { path: "/limit" };
    const [one, other] = [new Semaphore(a, "/permits", { limit }), new Semaphore(b, "/permits", { limit })];
    expect(await one.tryAcquire(patience)).toBeUndefined();
    const first = one.acquire(patience);
    await nodesBelow(operator, "/permits/leases", 1);
    await operator.create("/limit", encodeLimit(2));
    const held = await first;
    const second = await other.acquire(patience);
    await operator.set("/limit", encodeLimit(1));
    // Nobody is deprived; but one that is released is not given out again.
    expect([held.held, second.held]).toEqual([true, true]);
    expect((await insist(b, () => other.explain())).holders).toHaveLength(2);
    await held.release();
    expect(await one.tryAcquire(patience)).toBeUndefined();
    await operator.set("/limit", encodeLimit(0));
    await second.release();
    expect(await one.tryAcquire(patience)).toBeUndefined();
    const waiting = one.acquire(patience);
    await nodesBelow(operator, "/permits/leases", 1);
    await operator.set("/limit", "nonsense");
    await operator.delete("/limit");
    await operator.create("/limit", encodeLimit(1));
    await using got = await waiting;
    expect(got.held).toBe(true);
  });
});

describeOnEveryEngine("several locks", (engine) => {
  test("are given back when one of them cannot be tried", async () => {
    await using namespace = await engine.namespace();
    const a = await namespace.connect();
    const tooLong = { identity: "x".repeat(2 << 20) };
    const locks = new MultiLock(a, [new Mutex(a, "/a"), new Mutex(a, "/b", tooLong)]);
    await expect(locks.tryAcquire(patience)).rejects.toSatisfy((error) => isCoordinationError(error, "BadArguments"));
    await nodesBelow(a, "/a", 0);
  });

  test("are not one lock twice: nobody waits for itself", async () => {
    await using namespace = await engine.namespace();
    const a = await namespace.connect();
    expect(() => new MultiLock(a, [new Mutex(a, "/a"), new Mutex(a, "/a")])).toThrow("/a");
  });

  test("are all held when they are given, though one was lost while another was waited for", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const inTheWay = await new Mutex(b, "/y").acquire(patience);
    const waiting = new MultiLock(a, [new Mutex(a, "/x"), new Mutex(a, "/y")]).acquire(patience);
    await nodesBelow(b, "/y", 2);
    const [lost] = await insist(b, () => b.children("/x"));
    await deleteByHand(b, `/x/${lost}`);
    await nodesBelow(b, "/x", 1);
    await inTheWay.release();
    await using both = await waiting;
    expect(both.held).toBe(true);
  });

  test("guard what a function does under them: it counts only if none was lost", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connectSteadily()]);
    const locks = new MultiLock(a, [new Mutex(a, "/x"), new Mutex(a, "/y")]);
    expect(await locks.withLock(({ held }) => held, patience)).toBe(true);
    const run = locks.withLock(async ({ grants }) => {
      await b.delete(String(grants[0]?.path));
      return "done";
    }, patience);
    await expect(run).rejects.toSatisfy(isGrantLostError);
    await nodesBelow(b, "/x", 0);
    await nodesBelow(b, "/y", 0);
  });
});

describeOnEveryEngine("a queue that others meddle with", (engine) => {
  test("gives the lock all the same: own node, predecessor or the whole queue deleted by hand", async () => {
    await using namespace = await engine.namespace();
    const [a, b, operator] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connectSteadily()]);
    const held = await new Mutex(a, "/lock").acquire(patience);
    const waiting = new Mutex(b, "/lock").acquire(patience);
    await nodesBelow(operator, "/lock", 2);
    const own = (await operator.children("/lock")).find((name) => !held.path.endsWith(name));
    await operator.delete(`/lock/${own}`);
    const ended = new Promise((resolve) => held.signal.addEventListener("abort", resolve));
    for (const name of await operator.children("/lock")) await deleteByHand(operator, `/lock/${name}`);
    await ended;
    expect(held.signal.reason).toMatchObject({ reason: "node deleted" });
    await using next = await waiting;
    expect(next.held).toBe(true);
    expect(next.fencingToken).toBeGreaterThan(held.fencingToken);
  });

  test("may have any name that a node may have, and strangers in it", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const path = "/locks/Rechnung № 42 – lock-0000000001 …/schloß %2F \\ \"'";
    await insist(a, () => a.ensurePath(`${path}/lock-`));
    await insist(a, () => a.ensurePath(`${path}/lock-x`));
    const held = await new Mutex(a, path, { identity: "ü\n🔑" }).acquire(patience);
    const { holders } = await insist(b, () => new Mutex(b, path).explain(patience));
    expect(holders.map(({ identity }) => identity)).toEqual(["ü\n🔑"]);
    expect(await new Mutex(b, path).tryAcquire(patience)).toBeUndefined();
    await held.release();
  });

  test("may be the root of a namespace", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const held = await new Mutex(a, "/").acquire(patience);
    expect(await new Mutex(b, "/").tryAcquire(patience)).toBeUndefined();
    await held.release();
  });
});

describeOnEveryEngine("a client that is closed", (engine) => {
  test("holds nothing, waits for nothing, and takes nothing", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connectSteadily()]);
    const held = await new Mutex(a, "/lock").acquire(patience);
    const waiting = new Mutex(b, "/lock").acquire(patience);
    await nodesBelow(c, "/lock", 2);
    const isClosed = (error: unknown) => isCoordinationError(error, "ClientClosed");
    const cut = expect(waiting).rejects.toSatisfy(isClosed);
    await b.close();
    await cut;
    await a.close();
    expect(held.signal.reason).toMatchObject({ reason: "client closed" });
    await held.release();
    await nodesBelow(c, "/lock", 0);
    await expect(new Mutex(a, "/lock").acquire(patience)).rejects.toSatisfy(isClosed);
    await expect(new Mutex(a, "/lock").tryAcquire(patience)).rejects.toSatisfy(isClosed);
    await expect(new Semaphore(a, "/s", { limit: 1 }).acquire(patience)).rejects.toSatisfy(isClosed);
  });
});
