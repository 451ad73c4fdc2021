/**
 * What an item's node is called. Pure.
 *
 *   queue-[<priority>][|<due>|][<deliveries>~]<sequence>
 *
 * The priority as 0 or 1 (its sign) and eight hexadecimal digits, the time at which it is due in hexadecimal, ms since
 * 1970: these are the names of Curator's DistributedQueue, -PriorityQueue and -DelayQueue. The number of deliveries that
 * it had before it was put back is ours; theirs do not mind it. kazoo's `entry-<priority>-<sequence>` are understood too.
 */

/** A name taken apart. */
export interface ItemName {
  readonly name: string;
  /** The server's number: grows with every item of the queue. */
  readonly sequence: number;
  /** Lower comes first. 0 if the name has none. */
  readonly priority: number;
  /** Not before, ms since 1970. 0: at once. */
  readonly dueMs: number;
  /** How often it was delivered before it was put back under this name. */
  readonly earlier: number;
}

/** What a name says besides its sequence number. */
export interface NameParts {
  readonly priority?: number | undefined;
  readonly dueMs?: number | undefined;
  readonly earlier?: number | undefined;
}

/** Which of two items comes first. */
export type ItemOrder = "fifo" | "priority" | "delay";

/** Ten digits; or, once the counter has run over, a sign before what ten places leave. */
const sequence = String.raw`(\d{10}|-\d{9,10})`;
const own = new RegExp(String.raw`^queue-([01][0-9A-F]{8})?(?:\|([0-9A-Fa-f]{1,12})\|)?(?:(\d{1,8})~)?${sequence}$`);
const kazoos = new RegExp(String.raw`^entry-(\d{3})-${sequence}$`);
/** Curator's queues with ids, and whatever else begins and ends as it should. */
const foreign = new RegExp(`^queue-.*?${sequence}$`);

/** Takes a name apart; `undefined` for a node that is no item. */
export function parseItemName(name: string): ItemName | undefined {
  const match = own.exec(name);
  if (match !== null) {
    const [, priority, due, earlier, digits] = match;
    return {
      name,
      sequence: Number(digits),
      priority: priority === undefined ? 0 : decodePriority(priority),
      dueMs: due === undefined ? 0 : Number.parseInt(due, 16),
      earlier: Number(earlier ?? 0),
    };
  }
  const [, priority, digits] = kazoos.exec(name) ?? [];
  if (digits !== undefined) {
    return { name, sequence: Number(digits), priority: Number(priority), dueMs: 0, earlier: 0 };
  }
  const [, last] = foreign.exec(name) ?? [];
  return last === undefined ? undefined : { name, sequence: Number(last), priority: 0, dueMs: 0, earlier: 0 };
}

/** A name up to its sequence number, which the server adds. */
export function itemNamePrefix({ priority, dueMs = 0, earlier = 0 }: NameParts): string {
  const due = dueMs === 0 ? "" : `|${dueMs.toString(16).toUpperCase().padStart(8, "0")}|`;
  return `queue-${priority === undefined ? "" : encodePriority(priority)}${due}${earlier === 0 ? "" : `${earlier}~`}`;
}

/** What two items are to each other in a sort. */
export function compareItems(order: ItemOrder): (a: ItemName, b: ItemName) => number {
  if (order === "priority") return (a, b) => a.priority - b.priority || a.sequence - b.sequence;
  if (order === "delay") return (a, b) => a.dueMs - b.dueMs || a.sequence - b.sequence;
  return (a, b) => a.sequence - b.sequence;
}

/** Sorts as text as it sorts as a number: the negative ones, as two's complement, behind a 0, the others behind a 1. */
function encodePriority(priority: number): string {
  const digits = (priority >>> 0).toString(16).toUpperCase().padStart(8, "0");
  return (priority < 0 ? "0" : "1") + digits;
}

function decodePriority(text: string): number {
  return Number.parseInt(text.slice(1), 16) | 0;
}
