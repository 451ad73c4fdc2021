/**
 * Mutual exclusion among clients, first come, first served.
 *
 * ```ts
 * const mutex = new Mutex(client, "/locks/invoice-42");
 * await mutex.withLock(async ({ signal, fencingToken }) => {
 *   await store.write(invoice, { fencingToken, signal });
 * }, { timeoutMs: 5_000 });
 * ```
 *
 * Znodes     <path>/_c_<guid>-lock-<seq>: ephemeral sequential, one per contender; as Curator's InterProcessMutex, and
 *            kazoo's Lock with `extra_lock_patterns=["-lock-"]`, have it
 * Invariant  at any zxid at most one live contender has no live predecessor; that one holds the lock
 * Wake-up    each contender watches only its predecessor (no herd), and re-decides on every wake-up
 * Suspended  the grant holds until its deadline: the server cannot give the lock away before. `whenSuspended: "abort"`
 *            ends it at once
 * Lost       the node is gone, or may be; grant.signal has aborted; acquire again
 * Not given  that a paused former holder has stopped: check grant.fencingToken at the resource
 */
import type { Client } from "@corral/client";
import { decideMutex, mutexKinds } from "./decide-mutex.ts";
import { type LockOptions, QueueLock } from "./queue-lock.ts";

/** A lock for one holder at a time; see the head of this file. */
export class Mutex extends QueueLock {
  /** Remembers; nothing is sent before `acquire()`. `path`: one for each lock. */
  constructor(client: Client, path: string, options: LockOptions = {}) {
    super(
      client,
      path,
      { kind: "lock-", kinds: mutexKinds, decide: decideMutex, holders: (queue) => queue.slice(0, 1) },
      options,
    );
  }
}
