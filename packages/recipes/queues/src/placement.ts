/** Where a new item goes: what its name begins with. */
import { checkDelay, checkPriority, checkTime } from "./arguments.ts";
import { type ItemOrder, itemNamePrefix } from "./item-name.ts";
import type { ServerTime } from "./server-time.ts";

/** What is asked for. */
export interface Placement {
  /** In a queue that goes by it. Default 0. */
  readonly priority?: number | undefined;
  /** Not before so long from now, ms. Default 0. */
  readonly delayMs?: number | undefined;
  /** Not before then, ms since 1970. */
  readonly atMs?: number | undefined;
  /** How often it was delivered already. */
  readonly earlier?: number | undefined;
}

/** A queue's names. */
export class Placing {
  readonly #path: string;
  readonly #order: ItemOrder;
  readonly #serverTime: ServerTime;

  constructor(path: string, order: ItemOrder, serverTime: ServerTime) {
    this.#path = path;
    this.#order = order;
    this.#serverTime = serverTime;
  }

  /** @throws BadArgumentsError */
  check({ priority = 0, delayMs = 0, atMs = 0 }: Placement): void {
    checkPriority(this.#path, priority);
    checkDelay(this.#path, delayMs);
    checkTime(this.#path, atMs);
  }

  /** The name up to its sequence number. In a queue that goes by time every item has one, or it would be the first. */
  async prefix(placement: Placement, signal: AbortSignal): Promise<string> {
    const { priority = 0, delayMs = 0, atMs, earlier } = placement;
    let dueMs = Math.ceil(atMs ?? 0);
    if (atMs === undefined && (delayMs > 0 || this.#order === "delay")) {
      dueMs = (await this.#serverTime.atMostMs(signal)) + Math.ceil(delayMs);
    }
    return itemNamePrefix({ priority: this.#order === "priority" ? priority : undefined, dueMs, earlier });
  }
}
