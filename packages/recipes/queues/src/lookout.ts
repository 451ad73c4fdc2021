/** Looking at a queue: what of it can be taken now, and, for who waits, being told when that changes. */
import { type Client, isCoordinationError, type Stat } from "@corral/client";
import { insist, type WakeUp } from "@corral/recipe-kit";
import { chooseItems, waitingItems } from "./choose-items.ts";
import type { ItemName, ItemOrder } from "./item-name.ts";
import type { Layout } from "./layout.ts";
import type { ServerTime } from "./server-time.ts";

/** What a look at the queue has shown. */
export interface Look {
  /** First come first. */
  readonly ready: readonly ItemName[];
  /** When the next of the others is due, ms from now. */
  readonly dueInMs: number | undefined;
  /** See `putsIn`. */
  readonly puts: number | undefined;
}

/** Grows with every item that is put, and with nothing else: creates and deletes, and those that were not deleted again. */
export function putsIn({ cversion, numChildren }: Stat): number {
  return cversion + numChildren;
}

/** See the head of this file. */
export class Lookout {
  readonly #client: Client;
  readonly #layout: Layout;
  readonly #serverTime: ServerTime;
  readonly #order: ItemOrder;
  readonly #unfit = new Set<string>();

  constructor(client: Client, layout: Layout, serverTime: ServerTime, order: ItemOrder) {
    this.#client = client;
    this.#layout = layout;
    this.#serverTime = serverTime;
    this.#order = order;
  }

  /** Shows this item no more: it cannot be taken here, is left to others, and must not hold up the rest. */
  leave(name: string): void {
    this.#unfit.add(name);
  }

  /** `wakeUp`: rings when what was shown may have changed. */
  async look(signal: AbortSignal, wakeUp?: WakeUp): Promise<Look> {
    const client = this.#client;
    const watch = (path: string) => (wakeUp === undefined ? { signal } : { signal, watch: wakeUp.watch(path) });
    // Claims first: an item that is claimed in between is then tried in vain, but none is overlooked.
    const [taken, entries] = await Promise.all([
      this.#listing(this.#layout.taken, signal, wakeUp, (path) => client.children(path, watch(path))),
      this.#listing(this.#layout.entries, signal, wakeUp, (path) => client.childrenWithStat(path, watch(path))),
    ]);
    const names = entries?.children ?? [];
    if (this.#unfit.size > 0) {
      const there = new Set(names);
      for (const name of this.#unfit) if (!there.has(name)) this.#unfit.delete(name);
    }
    const all = waitingItems({ entries: names, taken: taken ?? [] });
    const waiting = this.#unfit.size === 0 ? all : all.filter(({ name }) => !this.#unfit.has(name));
    const nowMs = waiting.some(({ dueMs }) => dueMs > 0) ? await this.#serverTime.atLeastMs(signal) : 0;
    const { ready, nextDueMs } = chooseItems(waiting, this.#order, nowMs);
    const dueInMs = nextDueMs === undefined ? undefined : nextDueMs - nowMs;
    return { ready, dueInMs, puts: entries === undefined ? undefined : putsIn(entries.stat) };
  }

  /** `undefined`: there is no such node. To be watched it is made: nobody could be told of its first child. */
  async #listing<L>(
    path: string,
    signal: AbortSignal,
    wakeUp: WakeUp | undefined,
    list: (path: string) => Promise<L>,
  ): Promise<L | undefined> {
    const client = this.#client;
    for (;;) {
      try {
        return await insist(client, () => list(path), signal);
      } catch (error) {
        if (!isCoordinationError(error, "NoNode")) throw error;
        if (wakeUp === undefined) return undefined;
        await insist(client, () => client.ensurePath(path, { signal }), signal);
      }
    }
  }
}
