/** Which items can be delivered now, in which order, and when there will be more. Pure. */
import { compareItems, type ItemName, type ItemOrder, parseItemName } from "./item-name.ts";

/** What a look at a queue comes to. */
export interface Choice {
  /** Those that nobody works on and that are due, first come first. */
  readonly ready: readonly ItemName[];
  /** When the next of the others is due, if nothing else happens, ms since 1970. */
  readonly nextDueMs: number | undefined;
}

/** What was seen. The two lists may be of different moments: a claim decides, this only proposes. */
export interface QueueView {
  /** Names of the nodes in `entries`. */
  readonly entries: readonly string[];
  /** Names of the nodes in `taken`. */
  readonly taken: readonly string[];
  readonly order: ItemOrder;
}

/** The items among the entries that nobody works on, in no order. */
export function waitingItems({ entries, taken }: Pick<QueueView, "entries" | "taken">): ItemName[] {
  const claimed = new Set(taken);
  const items: ItemName[] = [];
  for (const name of entries) {
    if (claimed.has(name)) continue;
    const item = parseItemName(name);
    if (item !== undefined) items.push(item);
  }
  return items;
}

/** Divides `waiting` into what is due at `nowMs` and what is not. */
export function chooseItems(waiting: readonly ItemName[], order: ItemOrder, nowMs: number): Choice {
  const ready = waiting.filter(({ dueMs }) => dueMs <= nowMs).sort(compareItems(order));
  let nextDueMs: number | undefined;
  for (const { dueMs } of waiting) {
    if (dueMs > nowMs && dueMs < (nextDueMs ?? Number.POSITIVE_INFINITY)) nextDueMs = dueMs;
  }
  return { ready, nextDueMs };
}

/** Whether an item that was delivered so often is delivered once more, or is given up. */
export function isSpent(deliveries: number, deliveriesMax: number): boolean {
  return deliveries >= deliveriesMax;
}
