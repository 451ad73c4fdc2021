/**
 * A queue of tasks, first in first out: each is delivered to one consumer at a time, and again until one acknowledges it.
 *
 * ```ts
 * const queue = new Queue(client, "/mails", { codec: validated(json, Mail) });
 * await queue.put({ to: "ada@example.org" });
 *
 * for await (const delivery of queue.consume({ signal })) {
 *   await send(delivery.value);
 *   await delivery.acknowledge();
 * }
 * ```
 *
 * Znodes     <path>/entries/queue-<seq>: persistent, one per item; <path>/taken/queue-<seq>: ephemeral, of whoever works on
 *            it. As Curator's DistributedQueue with a lockPath, and kazoo's LockingQueue. See layout.ts for the rest
 * Invariant  at any zxid an item has at most one claim; each claim raises the item's version by one, so the version counts
 *            the deliveries, and only the latest can acknowledge. A put makes its items once, whatever replies are lost;
 *            with `maxItems` there are never more
 * Wake-up    consumers that wait stand in line, and only the first watches the queue: an item wakes it, and by leaving the
 *            line it wakes the next. The same for producers that wait for room
 * Suspended  a delivery holds until its deadline: nobody else is given the item before. `whenSuspended: "abort"` ends it at
 *            once. A put goes on when there is a connection
 * Lost       the claim is gone, and the item is delivered to somebody else; delivery.signal has aborted. A put goes on
 * Not given  exactly-once work: a consumer that dies before it acknowledges has perhaps done everything. What it writes to the
 *            tree can be tied to the acknowledgement. Order among several consumers, and of what is delivered again
 */
import type { Client } from "@corral/client";
import type { WaitOptions } from "@corral/recipe-kit";
import { ItemQueue, type QueueArguments } from "./item-queue.ts";

/** A queue, first in first out; see the head of this file. */
export class Queue<T = unknown> extends ItemQueue<T> {
  /** Remembers; nothing is sent before it is used. @throws BadArgumentsError, TypeError for a path that is none */
  constructor(client: Client, path: string, ...[options]: QueueArguments<T>) {
    super(client, path, "fifo", options);
  }

  /**
   * Puts an item at the end: one, whatever replies are lost. Await it before the next if their order matters.
   * @throws QueueFullError; WaitTimeoutError or the signal's reason, if nothing was sent yet: then it will not happen;
   * WriteOutcomeUnknownError, if it was under way when the wait ended; BadArgumentsError: the item is too long
   */
  async put(value: T, wait: WaitOptions = {}): Promise<void> {
    await this.enqueue([value], {}, wait);
  }

  /** Puts several next to each other, all or none, in one transaction: a thousand and a megabyte at most. As `put`. */
  async putAll(values: readonly T[], wait: WaitOptions = {}): Promise<void> {
    await this.enqueue(values, {}, wait);
  }
}
