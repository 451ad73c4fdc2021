/** What TypeScript tells who uses @corral/locks. Nothing of this runs: the compiler is the test. */

import {
  type Client,
  type Grant,
  type GrantLossReason,
  type GrantLostError,
  isGrantLostError,
  isWaitTimeoutError,
  type LockExplanation,
  type LockGrant,
  MultiLock,
  Mutex,
  type QueueLock,
  ReadWriteLock,
  Semaphore,
  type WaitOptions,
} from "@corral/locks";
import { expectTypeOf } from "expect-type";

declare const client: Client;
declare const signal: AbortSignal;
const mutex = new Mutex(client, "/locks/a", { whenSuspended: "abort", lockDelayMs: 1_000 });

export async function acquiring(): Promise<void> {
  expectTypeOf(mutex).toExtend<QueueLock>();
  expectTypeOf(await mutex.acquire()).toEqualTypeOf<LockGrant>();
  expectTypeOf(await mutex.acquire({ signal, timeoutMs: 1_000 })).toEqualTypeOf<LockGrant>();
  expectTypeOf(await mutex.tryAcquire()).toEqualTypeOf<LockGrant | undefined>();
  expectTypeOf(await mutex.explain()).toEqualTypeOf<LockExplanation>();
  expectTypeOf<WaitOptions>().toEqualTypeOf<{
    readonly signal?: AbortSignal | undefined;
    readonly timeoutMs?: number | undefined;
  }>();
  // @ts-expect-error: units are part of the name
  await mutex.acquire({ timeout: 1_000 });
  // @ts-expect-error: it holds or it aborts
  new Mutex(client, "/locks/a", { whenSuspended: "ignore" });
}

export async function grants(): Promise<void> {
  const grant = await mutex.acquire();
  expectTypeOf(grant).toExtend<Grant>();
  expectTypeOf(grant).toExtend<AsyncDisposable>();
  expectTypeOf(grant.signal).toEqualTypeOf<AbortSignal>();
  expectTypeOf(grant.fencingToken).toBeBigInt();
  expectTypeOf(grant.deadlineMs).toBeNumber();
  expectTypeOf(grant.held).toBeBoolean();
  expectTypeOf(grant.reenter()).toEqualTypeOf<LockGrant>();
  expectTypeOf(grant.release()).resolves.toBeVoid();
  // @ts-expect-error: a token is read, and never set
  grant.fencingToken = 1n;
  const [checked, made] = await client.transaction().guard(grant).create("/done").commit();
  expectTypeOf(checked).toEqualTypeOf<{ readonly type: "check" }>();
  expectTypeOf(made.path).toBeString();
}

export async function functions(): Promise<void> {
  expectTypeOf(await mutex.withLock(() => 1)).toBeNumber();
  expectTypeOf(await mutex.withLock(async (grant) => grant.fencingToken, { timeoutMs: 5_000 })).toBeBigInt();
  expectTypeOf(await mutex.withLock(() => undefined)).toBeUndefined();
}

export async function others(): Promise<void> {
  const pair = new ReadWriteLock(client, "/locks/b");
  expectTypeOf(pair.read).toEqualTypeOf<QueueLock>();
  expectTypeOf(await pair.downgrade(await pair.write.acquire())).toEqualTypeOf<LockGrant>();

  const semaphore = new Semaphore(client, "/locks/c", { limit: 3 });
  expectTypeOf(new Semaphore(client, "/locks/c", { limit: { path: "/limit" } })).toEqualTypeOf<Semaphore>();
  expectTypeOf(await semaphore.acquireMany(2)).toEqualTypeOf<Grant[]>();
  expectTypeOf(await semaphore.withLease(({ fencingToken }) => fencingToken)).toBeBigInt();
  // @ts-expect-error: how many is not known otherwise
  new Semaphore(client, "/locks/c");

  const both = new MultiLock(client, [mutex, pair.write]);
  await using grant = await both.acquire();
  expectTypeOf(grant.grants).toEqualTypeOf<readonly LockGrant[]>();
  expectTypeOf(grant.signal).toEqualTypeOf<AbortSignal>();
}

export function errors(error: unknown): void {
  if (isGrantLostError(error)) {
    expectTypeOf(error).toEqualTypeOf<GrantLostError>();
    expectTypeOf(error.reason).toEqualTypeOf<GrantLossReason>();
    expectTypeOf(error.path).toBeString();
  }
  if (isWaitTimeoutError(error)) expectTypeOf(error.timeoutMs).toBeNumber();
}
