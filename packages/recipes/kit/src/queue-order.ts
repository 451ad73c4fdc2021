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

/**
 * The member that came right before `own`: who waits for just that one is woken once, and no herd with it. `undefined`:
 * nobody did, it is its turn.
 * @throws Error if `own` is not in the queue: whoever does not wait in it must not be taken for its first.
 */
export function memberBefore(names: readonly string[], kinds: readonly string[], own: string): string | undefined {
  const ownSequence = names.includes(own) ? sequenceAfter(own, kinds) : undefined;
  if (ownSequence === undefined) throw notInQueue(own, names);
  let before: string | undefined;
  let latest = Number.NEGATIVE_INFINITY;
  for (const name of names) {
    const sequence = sequenceAfter(name, kinds);
    if (sequence === undefined || sequence >= ownSequence || sequence <= latest) continue;
    before = name;
    latest = sequence;
  }
  return before;
}

const digits = 10;

/** Ten digits; or, once the counter has run over, a sign before what ten places leave. */
const sequencePattern = /^(?:\d{10}|-\d{9,10})$/;

/** The kind is looked for first: a hyphen at its end must not be taken for the number's sign. */
function sequenceAfter(name: string, kinds: readonly string[]): number | undefined {
  const plain = plainSequence(name, kinds);
  if (plain !== undefined) return plain;
  for (const kind of kinds) {
    const at = name.lastIndexOf(kind);
    const text = at < 0 ? "" : name.slice(at + kind.length);
    if (sequencePattern.test(text)) return Number(text);
  }
  return undefined;
}

/** Ten digits right behind a kind, at the end of the name. Nearly every name is like that, and queues may be long. */
function plainSequence(name: string, kinds: readonly string[]): number | undefined {
  const at = name.length - digits;
  if (at < 0) return undefined;
  let sequence = 0;
  for (let i = at; i < name.length; i++) {
    const digit = name.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return undefined;
    sequence = sequence * 10 + digit;
  }
  for (const kind of kinds) if (kind.length <= at && name.startsWith(kind, at - kind.length)) return sequence;
  return undefined;
}

/**
 * How many stand before `own`.
 * @throws Error if `own` is not in the queue: whoever does not wait in it must not be taken for its first.
 */
export function placeInQueue(order: readonly QueueEntry[], own: string): number {
  const place = order.findIndex(({ name }) => name === own);
  if (place < 0) {
    throw notInQueue(
      own,
      order.map(({ name }) => name),
    );
  }
  return place;
}

function notInQueue(own: string, names: readonly string[]): Error {
  return new Error(`${own} is not in the queue ${names.join(", ")}`);
}
