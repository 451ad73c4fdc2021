/** The sessions that exist: replicated state, so every server agrees. Who expires when is the leader's own business. */
import { crc32 } from "@corral/io";
import { type Digest, DigestSum } from "./tree-digest.ts";

/** A session as it is at one zxid; a snapshot under way may hold it, so it does not change: another takes its place. */
export interface SessionRecord {
  readonly id: bigint;
  /** 16 random bytes; whoever shows them may re-attach. */
  readonly password: Buffer;
  /** Negotiated, ms; a re-attachment may change it. */
  readonly timeoutMs: number;
  /** How often it was attached to a connection. What an older connection still asks for is refused. */
  readonly attachment: number;
}

/** The sessions by id. */
export class SessionTable {
  readonly #sessions = new Map<bigint, SessionRecord>();
  readonly #digest = new DigestSum();

  /** Of all sessions as they are now. */
  get digest(): Digest {
    return this.#digest.value;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get(id: bigint): SessionRecord | undefined {
    return this.#sessions.get(id);
  }

  has(id: bigint): boolean {
    return this.#sessions.has(id);
  }

  /** Adds a session, or puts it in the place of the one with its id. */
  add(session: SessionRecord): void {
    const old = this.#sessions.get(session.id);
    if (old !== undefined) this.#digest.subtractNumbers(numbersOf(old));
    this.#sessions.set(session.id, session);
    this.#digest.addNumbers(numbersOf(session));
  }

  remove(id: bigint): boolean {
    const old = this.#sessions.get(id);
    if (old === undefined) return false;
    this.#digest.subtractNumbers(numbersOf(old));
    return this.#sessions.delete(id);
  }

  [Symbol.iterator](): IterableIterator<SessionRecord> {
    return this.#sessions.values();
  }
}

/** What a session is for a digest: 32 bits each. */
function numbersOf({ id, password, timeoutMs, attachment }: SessionRecord): readonly number[] {
  const [high, low] = [Number(BigInt.asIntN(32, id >> 32n)), Number(BigInt.asIntN(32, id))];
  return [high, low, crc32(password) | 0, timeoutMs | 0, attachment | 0];
}

/** Compares secrets in a time that does not tell where they differ. */
export function sameSecret(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
