/** Locks on every engine: exclusion by counting, order, cancellation without a trace, loss, fencing. */
import { type Client, isCoordinationError } from "@corral/client";
import {
  type Grant,
  isGrantLostError,
  isWaitTimeoutError,
  type LockGrant,
  MultiLock,
  Mutex,
  ReadWriteLock,
  Semaphore,
} from "@corral/locks";
import { insist } from "@corral/recipe-kit";
import { expect, test } from "vitest";
import { describeAlwaysOnEveryEngine, describeOnEveryEngine } from "../engines/engines.ts";
import { Overlap } from "../support/overlap.ts";

const patience = { timeoutMs: 60_000 };

/** Resolves when the queue below `path` has so many members. */
async function queueLength(client: Client, path: string, length: number): Promise<void> {
  for await (const names of client.watchChildren(path)) if ((names ?? []).length === length) return;
}

async function namesBelow(client: Client, path: string): Promise<string[]> {
  await insist(client, () => client.sync(path));
  return await insist(client, () => client.children(path));
}

describeAlwaysOnEveryEngine("a mutex", (engine) => {
  test("lets one in at a time, in the order of tickets, with growing tokens", async () => {
    await using namespace = await engine.namespace();
    const clients = await Promise.all(Array.from({ length: 5 }, () => namespace.connect()));
    const overlap = new Overlap(1);
    const tokens: bigint[] = [];
    await Promise.all(
      clients.map(async (client) => {
        const mutex = new Mutex(client, "/lock");
        for (let i = 0; i < 6; i++) {
          await mutex.withLock(async ({ fencingToken }) => {
            await overlap.enter();
            tokens.push(fencingToken);
          }, patience);
        }
      }),
    );
    expect(overlap.entries).toBe(30);
    expect(tokens).toEqual([...tokens].sort((a, b) => Number(a - b)));
    expect(new Set(tokens).size).toBe(30);
    await queueLength(clients[0] as Client, "/lock", 0);
  });

  test("§6.22 that is cancelled or too late leaves nothing behind and keeps nobody waiting", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    const held = await new Mutex(a, "/lock").acquire(patience);
    const enough = new AbortController();
    const cancelled = new Mutex(b, "/lock").acquire({ signal: enough.signal });
    await queueLength(a, "/lock", 2);
    const next = new Mutex(c, "/lock").acquire(patience);
    await queueLength(a, "/lock", 3);
    enough.abort(new Error("enough"));
    await expect(cancelled).rejects.toThrow("enough");
    await expect(new Mutex(b, "/lock").acquire({ timeoutMs: 30 })).rejects.toSatisfy(isWaitTimeoutError);
    await queueLength(a, "/lock", 2);
    await held.release();
    await (await next).release();
    await queueLength(a, "/lock", 0);
  });

  test("is tried without waiting", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const first = await new Mutex(a, "/lock").tryAcquire(patience);
    expect(first?.held).toBe(true);
    expect(await new Mutex(b, "/lock").tryAcquire(patience)).toBeUndefined();
    await first?.release();
    await using second = await new Mutex(b, "/lock").tryAcquire(patience);
    expect(second?.held).toBe(true);
    expect(second?.fencingToken).toBeGreaterThan(first?.fencingToken ?? 0n);
  });

  test("whose holder's session expires goes to the next, and the old holder knows", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const lost = await new Mutex(a, "/lock", { identity: "a" }).acquire(patience);
    const ended = new Promise((resolve) => lost.signal.addEventListener("abort", resolve));
    const waiting = new Mutex(b, "/lock", { identity: "b" }).acquire(patience);
    await queueLength(b, "/lock", 2);
    await namespace.expireSession(a);
    const next = await waiting;
    await ended;
    expect(lost.held).toBe(false);
    expect(lost.signal.reason).toSatisfy(isGrantLostError);
    expect(next.fencingToken).toBeGreaterThan(lost.fencingToken);
    // A write of the old holder that is guarded by its grant does not happen; the new holder's does.
    await insist(b, () => b.ensurePath("/ledger"));
    const late = a.transaction().guard(lost).set("/ledger", "old").commit();
    await expect(late).rejects.toSatisfy(isGrantLostError);
    await insist(b, () => b.transaction().guard(next).set("/ledger", "new").commit());
    await next.release();
  });

  test("§6.1 withLock rejects when the lock was lost, even though the function resolved", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const run = new Mutex(a, "/lock").withLock(async ({ path }) => {
      await insist(b, () => b.delete(path).catch((e) => ignore(e, "NoNode")));
      return "done";
    }, patience);
    await expect(run).rejects.toSatisfy(isGrantLostError);
  });

  test("is explained: who holds, who waits", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const held = await new Mutex(a, "/lock", { identity: "holder" }).acquire(patience);
    const enough = new AbortController();
    const waiting = new Mutex(b, "/lock", { identity: "waiter" }).acquire({ signal: enough.signal });
    waiting.catch(() => undefined);
    await queueLength(a, "/lock", 2);
    const { holders, waiters } = await insist(a, () => new Mutex(a, "/lock").explain());
    const { sessionTimeoutMs } = a;
    expect(holders).toMatchObject([
      { identity: "holder", sessionId: a.sessionId, sessionTimeoutMs, czxid: held.fencingToken },
    ]);
    expect(waiters).toMatchObject([{ identity: "waiter", sessionId: b.sessionId, sessionTimeoutMs }]);
    enough.abort();
    await held.release();
  });

  test("is entered again by those who have the grant, and released by the last", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const held = await new Mutex(a, "/lock").acquire(patience);
    const again: LockGrant = held.reenter();
    await held.release();
    expect(again.held).toBe(true);
    expect(await new Mutex(b, "/lock").tryAcquire(patience)).toBeUndefined();
    await again.release();
    expect(again.held).toBe(false);
    await using next = await new Mutex(b, "/lock").acquire(patience);
    expect(next.held).toBe(true);
  });

  test("is given up when its holder agrees to a revocation", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const asked = new Mutex(a, "/lock", { onRevoke: (grant) => grant.lose("revoked") });
    const held = await asked.acquire(patience);
    const next = new Mutex(b, "/lock").acquire(patience);
    await queueLength(b, "/lock", 2);
    await insist(b, () => new Mutex(b, "/lock").revoke());
    await using got = await next;
    expect(got.held).toBe(true);
    expect(held.signal.reason).toMatchObject({ reason: "revoked" });
  });

  test("§6.3 with a lock-delay waits after a holder that was lost, not after one that released", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const lockDelayMs = 700;
    await (await new Mutex(a, "/lock", { lockDelayMs }).acquire(patience)).release();
    const atOnce = await new Mutex(b, "/lock", { lockDelayMs }).acquire(patience);
    await atOnce.release();
    await new Mutex(a, "/lock", { lockDelayMs }).acquire(patience);
    const waiting = new Mutex(b, "/lock", { lockDelayMs }).acquire(patience);
    await queueLength(b, "/lock", 2);
    const lostMs = b.clock.elapsedMs();
    await namespace.expireSession(a);
    await using got = await waiting;
    expect(b.clock.elapsedMs() - lostMs).toBeGreaterThanOrEqual(lockDelayMs);
    expect(got.held).toBe(true);
  });
});

describeOnEveryEngine("a read/write lock", (engine) => {
  test("lets many read or one write", async () => {
    await using namespace = await engine.namespace();
    const clients = await Promise.all(Array.from({ length: 4 }, () => namespace.connect()));
    const readers = new Overlap(clients.length);
    const writers = new Overlap(1);
    await Promise.all(
      clients.map(async (client, n) => {
        const lock = new ReadWriteLock(client, "/rw");
        for (let i = 0; i < 4; i++) {
          if ((i + n) % 3 === 0) {
            await lock.write.withLock(async () => {
              expect(readers.inside).toBe(0);
              await writers.enter();
              expect(readers.inside).toBe(0);
            }, patience);
          } else {
            await lock.read.withLock(async () => {
              expect(writers.inside).toBe(0);
              await readers.enter();
              expect(writers.inside).toBe(0);
            }, patience);
          }
        }
      }),
    );
    expect(readers.entries + writers.entries).toBe(16);
  });

  test("readers that waited for a writer come in when it becomes a reader", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const lock = new ReadWriteLock(a, "/rw");
    const writing = await lock.write.acquire(patience);
    const waiting = new ReadWriteLock(b, "/rw").read.acquire(patience);
    await queueLength(b, "/rw", 2);
    await using reading = await lock.downgrade(writing);
    await using other = await waiting;
    expect([reading.held, other.held]).toEqual([true, true]);
  });

  test("a writer becomes a reader without letting another writer in between", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    const lock = new ReadWriteLock(a, "/rw");
    const writing = await lock.write.acquire(patience);
    let otherWrote = false;
    const other = new ReadWriteLock(b, "/rw").write.acquire(patience).then((grant) => {
      otherWrote = true;
      return grant;
    });
    await queueLength(c, "/rw", 2);
    const reading = await lock.downgrade(writing);
    expect(writing.held).toBe(false);
    expect(reading.held).toBe(true);
    expect(reading.fencingToken).toBe(writing.fencingToken);
    expect(otherWrote).toBe(false);
    await reading.release();
    await (await other).release();
  });
});

describeOnEveryEngine("a semaphore", (engine) => {
  test("lets so many in and no more", async () => {
    await using namespace = await engine.namespace();
    const clients = await Promise.all(Array.from({ length: 5 }, () => namespace.connect()));
    const overlap = new Overlap(2);
    await Promise.all(
      clients.map(async (client) => {
        const semaphore = new Semaphore(client, "/permits", { limit: 2 });
        for (let i = 0; i < 4; i++) await semaphore.withLease(() => overlap.enter(), patience);
      }),
    );
    expect(overlap.entries).toBe(20);
  });

  test("gives all back when it cannot have as many as asked for in time", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const one: Grant = await new Semaphore(a, "/permits", { limit: 2 }).acquire(patience);
    const two = new Semaphore(b, "/permits", { limit: 2 }).acquireMany(2, { timeoutMs: engine.isFaulty ? 3_000 : 300 });
    await expect(two).rejects.toSatisfy(isWaitTimeoutError);
    await queueLength(a, "/permits/leases", 1);
    await one.release();
    const both = await new Semaphore(b, "/permits", { limit: 2 }).acquireMany(2, patience);
    const { holders } = await insist(a, () => new Semaphore(a, "/permits", { limit: 2 }).explain());
    const { sessionId, sessionTimeoutMs } = b;
    expect(holders).toMatchObject(both.map(({ path }) => ({ path, sessionId, sessionTimeoutMs, identity: "" })));
    expect(both.every((grant) => grant.held)).toBe(true);
    await Promise.all(both.map((grant) => grant.release()));
    expect(await namesBelow(a, "/permits/leases")).toEqual([]);
  });
});

describeOnEveryEngine("several locks at once", (engine) => {
  test("are all held or none, and crossed orders do not deadlock", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const of = (client: Client, ...paths: string[]) =>
      new MultiLock(
        client,
        paths.map((p) => new Mutex(client, p)),
      );
    const overlap = new Overlap(1);
    await Promise.all(
      [of(a, "/x", "/y"), of(b, "/y", "/x")].map(async (locks) => {
        for (let i = 0; i < 4; i++) {
          await using held = await locks.acquire(patience);
          expect(held.held).toBe(true);
          await overlap.enter();
        }
      }),
    );
    const y = await new Mutex(a, "/y").acquire(patience);
    expect(await of(b, "/x", "/y").tryAcquire()).toBeUndefined();
    await using x = await new Mutex(a, "/x").acquire(patience);
    expect(x.held).toBe(true);
    await y.release();
  });
});

function ignore(error: unknown, code: "NoNode"): void {
  if (!isCoordinationError(error, code)) throw error;
}
