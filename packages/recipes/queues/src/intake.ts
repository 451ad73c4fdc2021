/**
 * Putting items into a queue, each once, and no more than there is room for.
 *
 * With `maxItems` the bound is exact: every put is one transaction that also moves the version of `entries` on from the
 * one at which there was room, so of two that count on the same place one comes again. Only consumers' deletes pass by.
 */
import { type Client, isCoordinationError, type NodeData, type Transaction } from "@corral/client";
import { beginWait, insist, Receipts, sleep, until, type WaitOptions, WakeUp } from "@corral/recipe-kit";
import { checkItems } from "./arguments.ts";
import { QueueFullError } from "./errors.ts";
import type { Layout } from "./layout.ts";
import { limits } from "./limits.ts";
import { standInLine } from "./line.ts";
import { hasRoom, unseenPuts } from "./room.ts";

/** An item to be put. */
export interface NewItem {
  /** Up to the sequence number. */
  readonly prefix: string;
  readonly data: Uint8Array | null;
}

/** Of a queue's producers. */
export interface IntakeOptions {
  readonly maxItems: number | undefined;
  readonly identity: string;
}

/** See the head of this file. */
export class Intake {
  readonly #client: Client;
  readonly #layout: Layout;
  readonly #options: IntakeOptions;
  /** Puts that may be made before looking again, and until when. Without `maxItems`. */
  #unseen = { left: 0, untilMs: Number.NEGATIVE_INFINITY };
  /** Puts of one client do not overtake each other. With `maxItems`. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: Client, layout: Layout, options: IntakeOptions) {
    this.#client = client;
    this.#layout = layout;
    this.#options = options;
  }

  /**
   * Puts all of `items`, or none. `instead`: what goes in the same transaction.
   * @throws QueueFullError, WriteOutcomeUnknownError, WaitTimeoutError, the signal's reason
   */
  async put(items: readonly NewItem[], wait: WaitOptions, instead?: (transaction: Transaction) => void): Promise<void> {
    const { path } = this.#layout;
    using limit = beginWait(this.#client, this.#options.maxItems === undefined ? "A put to" : "Room in", path, wait);
    const { signal } = limit;
    if (this.#options.maxItems === undefined) return await this.#putUnbounded(items, signal, instead);
    const { maxItems } = this.#options;
    const before = this.#last;
    const mine = until(before, signal).then(() => this.#putBounded(items, maxItems, signal, instead));
    this.#last = Promise.allSettled([before, mine]);
    await mine;
  }

  /** Removes what this client keeps on the server for its puts. */
  async close(): Promise<void> {
    await Receipts.of(this.#client, this.#layout.receipts).close();
  }

  /** @throws BadArgumentsError if items of these bytes cannot be put together. */
  check(items: readonly (Uint8Array | null)[]): void {
    const { path, entries } = this.#layout;
    checkItems(path, {
      sizes: items.map((data) => data?.length ?? 0),
      itemsMax: this.#options.maxItems ?? limits.items,
      pathBytes: Buffer.byteLength(this.#client.chroot + entries),
    });
  }

  // ── without maxItems ──

  async #putUnbounded(
    items: readonly NewItem[],
    signal: AbortSignal,
    instead: ((transaction: Transaction) => void) | undefined,
  ): Promise<void> {
    await this.#count(items.length, signal);
    for (;;) {
      try {
        return await this.#commit(items, signal, instead);
      } catch (error) {
        if (!(await this.#isMended(error, signal))) throw error;
      }
    }
  }

  /** Counts on so many puts. Looks how full the queue is every now and then. @throws QueueFullError */
  async #count(adding: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#client;
    if (this.#unseen.left < adding || clock.elapsedMs() > this.#unseen.untilMs) {
      const size = (await this.#entries(signal)).stat.numChildren;
      const left = unseenPuts(size, limits.items, Math.max(adding, limits.unseenPuts));
      this.#unseen = { left, untilMs: clock.elapsedMs() + limits.unseenMs };
      if (left < adding) throw new QueueFullError(this.#layout.path, size, limits.items);
    }
    this.#unseen.left -= adding;
  }

  // ── with maxItems ──

  async #putBounded(
    items: readonly NewItem[],
    maxItems: number,
    signal: AbortSignal,
    instead: ((transaction: Transaction) => void) | undefined,
  ): Promise<void> {
    signal.throwIfAborted();
    if (await this.#putIfRoom(items, maxItems, signal, instead, false)) return;
    const client = this.#client;
    const { entries, putters } = this.#layout;
    const place = { line: putters, identity: this.#options.identity };
    await standInLine(client, place, signal, async (isFirst) => {
      while (isFirst()) {
        using wakeUp = new WakeUp(client);
        await this.#mending(signal, () => client.children(entries, { watch: wakeUp.watch(entries), signal }));
        if (await this.#putIfRoom(items, maxItems, signal, instead, true)) return true;
        await wakeUp.wait(signal);
      }
      return undefined;
    });
  }

  async #putIfRoom(
    items: readonly NewItem[],
    maxItems: number,
    signal: AbortSignal,
    instead: ((transaction: Transaction) => void) | undefined,
    isFirst: boolean,
  ): Promise<boolean> {
    const client = this.#client;
    const { entries, putters } = this.#layout;
    for (let overtakes = 0; ; overtakes++) {
      const [line, { data, stat }] = await Promise.all([
        isFirst ? undefined : insist(client, () => client.exists(putters, { signal }), signal),
        this.#entries(signal),
      ]);
      const othersWait = (line?.numChildren ?? 0) > 0;
      if (!hasRoom({ size: stat.numChildren, adding: items.length, itemsMax: maxItems, othersWait })) return false;
      try {
        await this.#commit(items, signal, instead, (t) => void t.set(entries, data, { version: stat.version }));
        return true;
      } catch (error) {
        if (isCoordinationError(error, "BadVersion") && error.path === entries) {
          const fullMs = Math.min(limits.overtakenMsMax, limits.overtakenMs * 2 ** Math.min(overtakes, 10));
          await sleep(client.clock, fullMs * (0.5 + client.random.fraction() / 2), signal);
          signal.throwIfAborted();
        } else if (!(await this.#isMended(error, signal))) {
          throw error;
        }
      }
    }
  }

  // ── both ──

  async #commit(
    items: readonly NewItem[],
    signal: AbortSignal,
    instead: ((transaction: Transaction) => void) | undefined,
    condition?: (transaction: Transaction) => void,
  ): Promise<void> {
    const { path, receipts, entries } = this.#layout;
    const build = (transaction: Transaction): void => {
      condition?.(transaction);
      instead?.(transaction);
      for (const { prefix, data } of items) {
        transaction.create(`${entries}/${prefix}`, data, { mode: "persistentSequential" });
      }
    };
    await Receipts.of(this.#client, receipts).commit({ what: "The put to", path, build }, signal);
  }

  /** `true`: it failed because the queue's node was missing, and there is one now. */
  async #isMended(error: unknown, signal: AbortSignal): Promise<boolean> {
    const { entries } = this.#layout;
    if (!isCoordinationError(error, "NoNode") || error.path?.startsWith(entries) !== true) return false;
    await insist(this.#client, () => this.#client.ensurePath(entries, { signal }), signal);
    return true;
  }

  #entries(signal: AbortSignal): Promise<NodeData> {
    return this.#mending(signal, () => this.#client.get(this.#layout.entries, { signal }));
  }

  /** A read of the queue's node, which is made if it is missing. */
  async #mending<T>(signal: AbortSignal, read: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await insist(this.#client, read, signal);
      } catch (error) {
        if (!(await this.#isMended(error, signal))) throw error;
      }
    }
  }
}
