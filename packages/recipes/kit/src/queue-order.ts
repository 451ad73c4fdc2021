/** The order of a queue of sequential nodes, whoever made them. Pure. */

/** A name in a queue, taken apart. */
export interface QueueEntry {
  readonly name: string;
  /** The server's number: grows with every create below the same parent. */
  readonly sequence: number;
}

/**
 * The names of the queue's members in order of arrival. A member is a name that ends in one of `kinds` and a sequence
 * number, whatever stands before it: other libraries put their own marks there. By number, not by name.
 */
export function queueOrder(names: readonly string[], kinds: readonly string[]): QueueEntry[] {
  const entries: QueueEntry[] = [];
  for (const name of names) {
    const sequence = sequenceAfter(name, kinds);
    if (sequence !== undefined) entries.push({ name, sequence });
  }
  return entries.sort((a, b) => a.sequence - b.sequence);
}

/** Ten digits; or, once the counter has run over, a sign before what ten places leave. */
const sequencePattern = /^(?:\d{10}|-\d{9,10})$/;

/** The kind is looked for first: a hyphen at its end must not be taken for the number's sign. */
function sequenceAfter(name: string, kinds: readonly string[]): number | undefined {
  for (const kind of kinds) {
    const at = name.lastIndexOf(kind);
    const digits = at < 0 ? "" : name.slice(at + kind.length);
    if (sequencePattern.test(digits)) return Number(digits);
  }
  return undefined;
}

/**
 * How many stand before `own`.
 * @throws Error if `own` is not in the queue: whoever does not wait in it must not be taken for its first.
 */
export function placeInQueue(order: readonly QueueEntry[], own: string): number {
  const place = order.findIndex(({ name }) => name === own);
  if (place < 0) throw new Error(`${own} is not in the queue ${order.map(({ name }) => name).join(", ")}`);
  return place;
}
