/**
 * Many readers or one writer, first come, first served: a writer that waits keeps later readers waiting.
 *
 * ```ts
 * const lock = new ReadWriteLock(client, "/locks/catalogue");
 * await lock.read.withLock(() => readCatalogue());
 * await lock.write.withLock(({ fencingToken }) => replaceCatalogue(fencingToken));
 * ```
 *
 * Znodes     <path>/_c_<guid>-__READ__<seq> and -__WRIT__<seq>: as Curator's InterProcessReadWriteLock has them
 * Invariant  no writer holds together with anybody else
 * Wake-up    a writer watches the node right before its own, a reader the last writer before its own
 * Suspended, Lost, Not given  as Mutex has it
 * Tokens     a writer's token is above those of all readers and writers before it; readers among each other mean nothing
 */
import type { Client } from "@corral/client";
import { type Decision, placeInQueue, queueOrder, type WaitOptions } from "@corral/recipe-kit";
import type { LockGrant } from "./lock-grant.ts";
import { type LockOptions, QueueLock } from "./queue-lock.ts";

const readKind = "__READ__";
const writeKind = "__WRIT__";
const kinds = [readKind, writeKind];

/** A writer holds when nobody is before it. */
export function decideWrite(names: readonly string[], own: string): Decision {
  const order = queueOrder(names, kinds);
  const before = order[placeInQueue(order, own) - 1];
  return before === undefined ? { kind: "granted" } : { kind: "wait", on: before.name };
}

/** A reader holds when no writer (but the one that it downgrades from) is before it. */
export function decideRead(names: readonly string[], own: string, downgradeFrom?: string): Decision {
  const order = queueOrder(names, kinds);
  const writer = order
    .slice(0, placeInQueue(order, own))
    .findLast(({ name }) => name.includes(writeKind) && name !== downgradeFrom);
  return writer === undefined ? { kind: "granted" } : { kind: "wait", on: writer.name };
}

/** A pair of locks, `read` and `write`; see the head of this file. */
export class ReadWriteLock {
  readonly read: QueueLock;
  readonly write: QueueLock;
  readonly #client: Client;
  readonly #path: string;
  readonly #options: LockOptions;

  /** Remembers; nothing is sent before an `acquire()`. */
  constructor(client: Client, path: string, options: LockOptions = {}) {
    this.#client = client;
    this.#path = path;
    this.#options = options;
    this.read = new QueueLock(client, path, { kind: readKind, kinds, decide: decideRead }, options);
    this.write = new QueueLock(client, path, { kind: writeKind, kinds, decide: decideWrite }, options);
  }

  /**
   * From writer to reader without letting another writer in between. `held` is given back.
   * The other way round would have to wait for other readers that want the same, for ever: acquire `write` afresh instead.
   */
  async downgrade(held: LockGrant, wait: WaitOptions = {}): Promise<LockGrant> {
    held.throwIfLost();
    const from = held.path.slice(held.path.lastIndexOf("/") + 1);
    const rule = { kind: readKind, kinds, decide: (n: readonly string[], o: string) => decideRead(n, o, from) };
    const reader = await new QueueLock(this.#client, this.#path, rule, this.#options).acquire(wait);
    await held.release();
    return reader;
  }
}
