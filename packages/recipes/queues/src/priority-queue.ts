/**
 * A queue of which the most urgent item is delivered first; those that are equally urgent, first in first out.
 *
 * ```ts
 * const queue = new PriorityQueue(client, "/jobs", { codec: json });
 * await queue.put(report, { priority: 10 });
 * await queue.put(alarm, { priority: -1 }); // lower comes first
 * ```
 *
 * Znodes     <path>/entries/queue-<priority><seq>: as Curator's DistributedPriorityQueue, and in the order that kazoo's
 *            LockingQueue sorts them. The rest as Queue has it
 * Invariant, Wake-up, Suspended, Lost  as Queue has them
 * Not given  beside what Queue does not give: fairness. While there is something more urgent, the rest waits. And speed: a
 *            consumer lists the queue for each item that it takes
 */
import type { Client } from "@corral/client";
import type { WaitOptions } from "@corral/recipe-kit";
import { ItemQueue, type QueueArguments } from "./item-queue.ts";

/** How urgent. */
export interface PriorityOptions extends WaitOptions {
  /** Lower comes first: a whole number of 32 bits. Default 0. */
  readonly priority?: number | undefined;
}

/** A queue by priority; see the head of this file. */
export class PriorityQueue<T = unknown> extends ItemQueue<T> {
  /** Remembers; nothing is sent before it is used. @throws BadArgumentsError, TypeError for a path that is none */
  constructor(client: Client, path: string, ...[options]: QueueArguments<T>) {
    super(client, path, "priority", options);
  }

  /** Puts an item behind those that are as urgent. As `Queue.put`. */
  async put(value: T, { priority, ...wait }: PriorityOptions = {}): Promise<void> {
    await this.enqueue([value], { priority }, wait);
  }

  /** Puts several of the same priority next to each other, all or none. As `Queue.putAll`. */
  async putAll(values: readonly T[], { priority, ...wait }: PriorityOptions = {}): Promise<void> {
    await this.enqueue(values, { priority }, wait);
  }
}
