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
 * Downgrade  the writer's node stays and says that it reads now; later readers pass it, later writers do not
 * Tokens     a writer's token is above those of all readers and writers before it; readers among each other mean nothing
 */
import { type Client, isCoordinationError } from "@corral/client";
import {
  beginWait,
  type Decision,
  decideInTurn,
  insist,
  placeInQueue,
  queueOrder,
  type WaitOptions,
} from "@corral/recipe-kit";
import type { LockGrant } from "./lock-grant.ts";
import { marksOf, readingNow } from "./marks.ts";
import { type ExplainedContender, type LockOptions, type LockRule, QueueLock } from "./queue-lock.ts";

const readKind = "__READ__";
const writeKind = "__WRIT__";
const kinds = [readKind, writeKind];

/** A writer holds when nobody is before it. */
export function decideWrite(names: readonly string[], own: string): Decision {
  return decideInTurn(names, kinds, own);
}

/** A reader holds when no writer is before it; a writer that has become a reader does not count. */
export function decideRead(names: readonly string[], own: string, downgraded: ReadonlySet<string> = none): Decision {
  const order = queueOrder(names, kinds);
  const writer = order
    .slice(0, placeInQueue(order, own))
    .findLast(({ name }) => name.includes(writeKind) && !downgraded.has(name));
  return writer === undefined ? { kind: "granted" } : { kind: "wait", on: writer.name };
}

const none: ReadonlySet<string> = new Set();

/** A pair of locks, `read` and `write`; see the head of this file. */
export class ReadWriteLock {
  readonly read: QueueLock;
  readonly write: QueueLock;
  readonly #client: Client;

  /** Remembers; nothing is sent before an `acquire()`. */
  constructor(client: Client, path: string, options: LockOptions = {}) {
    this.#client = client;
    this.read = new QueueLock(client, path, readRule(), options);
    this.write = new QueueLock(client, path, { kind: writeKind, kinds, decide: decideWrite, holders }, options);
  }

  /**
   * From writer to reader without letting another writer in between. `held` ends at once, before a reader can come in;
   * what is returned goes on in its place, with the same token, and readers that waited for it come in. When it rejects,
   * for example because the wait was given up, the lock is given back.
   * The other way round would have to wait for other readers that want the same, for ever: acquire `write` afresh instead.
   * @throws GrantLostError, WaitTimeoutError, the signal's reason; Error while it is entered more than once, for the others
   * believe that they write: then it is held as before
   */
  async downgrade(held: LockGrant, wait: WaitOptions = {}): Promise<LockGrant> {
    const client = this.#client;
    held.throwIfLost();
    if (held.isShared)
      throw new Error(`${held.path} is entered more than once: only its last holder can downgrade it.`);
    using limit = beginWait(client, "The downgrade of", held.path, wait);
    const reading = this.read.takeOver(held);
    const either = AbortSignal.any([limit.signal, reading.signal]);
    try {
      await insist(client, () => this.#sayThatItReads(reading, either), either);
      return reading;
    } catch (error) {
      reading.abandon();
      throw error;
    }
  }

  async #sayThatItReads(reading: LockGrant, signal: AbortSignal): Promise<void> {
    const { path } = reading;
    const data = await this.#dataOf(path, signal);
    await this.#client.transaction().guard(reading).set(path, readingNow(data)).commit({ signal });
  }

  /** Of a node that is gone: none. The transaction says so, as what it is. */
  async #dataOf(path: string, signal: AbortSignal): Promise<Buffer | null> {
    try {
      return (await this.#client.get(path, { signal })).data;
    } catch (error) {
      if (isCoordinationError(error, "NoNode")) return null;
      throw error;
    }
  }
}

/** Which writers have become readers is in their nodes, and remembered: none ever turns back. */
function readRule(): LockRule {
  const downgraded = new Set<string>();
  return {
    kind: readKind,
    kinds,
    holders,
    decide: (names, own) => {
      for (const name of downgraded) if (!names.includes(name)) downgraded.delete(name);
      return decideRead(names, own, downgraded);
    },
    onWaitFor: (name, data) => {
      if (!marksOf(data).readsNow) return false;
      downgraded.add(name);
      return true;
    },
  };
}

/** The first, and with a reader at the head all readers before the first writer that writes, or waits to. */
function holders(queue: readonly ExplainedContender[]): readonly ExplainedContender[] {
  const isWriter = ({ path, data }: ExplainedContender): boolean =>
    path.includes(writeKind, path.lastIndexOf("/")) && !marksOf(data).readsNow;
  const first = queue.findIndex(isWriter);
  return queue.slice(0, first < 0 ? queue.length : Math.max(first, 1));
}
