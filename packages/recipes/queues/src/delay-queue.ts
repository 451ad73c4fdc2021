/**
 * A queue whose items are delivered when their time has come, and not before; those that are due, the earlier first.
 *
 * ```ts
 * const queue = new DelayQueue(client, "/reminders", { codec: json });
 * await queue.put({ invoice: 42 }, { delayMs: 86_400_000 });
 * ```
 *
 * Znodes     <path>/entries/queue-|<due>|<seq>: as Curator's DistributedDelayQueue has them. <path>/clock: written to by who
 *            needs to know the server's time. The rest as Queue has it
 * Invariant, Suspended, Lost  as Queue has them
 * Wake-up    as Queue has it; and only the first of those who wait has a timer, for the item that is due next
 * Time       counted by the server's clock, whatever the clients' say: an item is not delivered before its delay has passed
 *            there, and soon after. When that clock is set, or another server leads, what is due changes with it
 * Not given  beside what Queue does not give: punctuality. A consumer that was frozen while it was the first in line is
 *            noticed when its session ends
 */
import type { Client } from "@corral/client";
import type { WaitOptions } from "@corral/recipe-kit";
import { ItemQueue, type QueueArguments } from "./item-queue.ts";

/** When. */
export interface DelayOptions extends WaitOptions {
  /** So long from now, ms. Default 0. */
  readonly delayMs?: number | undefined;
  /** At this time, ms since 1970 by the server's clock; instead of `delayMs`. */
  readonly atMs?: number | undefined;
}

/** A queue by time; see the head of this file. */
export class DelayQueue<T = unknown> extends ItemQueue<T> {
  /** Remembers; nothing is sent before it is used. @throws BadArgumentsError, TypeError for a path that is none */
  constructor(client: Client, path: string, ...[options]: QueueArguments<T>) {
    super(client, path, "delay", options);
  }

  /** Puts an item to be delivered later. As `Queue.put`. */
  async put(value: T, { delayMs, atMs, ...wait }: DelayOptions = {}): Promise<void> {
    await this.enqueue([value], { delayMs, atMs }, wait);
  }

  /** Puts several to be delivered at the same time, all or none. As `Queue.putAll`. */
  async putAll(values: readonly T[], { delayMs, atMs, ...wait }: DelayOptions = {}): Promise<void> {
    await this.enqueue(values, { delayMs, atMs }, wait);
  }
}
