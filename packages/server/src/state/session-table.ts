/** The sessions that exist: replicated state, so every server agrees. Who expires when is the leader's own business. */
export interface SessionRecord {
  readonly id: bigint;
  /** 16 random bytes; whoever shows them may re-attach. */
  readonly password: Buffer;
  /** Negotiated, ms; a re-attachment may change it. */
  timeoutMs: number;
  /** How often it was attached to a connection. What an older connection still asks for is refused. */
  attachment: number;
}

/** The sessions by id. */
export class SessionTable {
  readonly #sessions = new Map<bigint, SessionRecord>();

  get size(): number {
    return this.#sessions.size;
  }

  get(id: bigint): SessionRecord | undefined {
    return this.#sessions.get(id);
  }

  has(id: bigint): boolean {
    return this.#sessions.has(id);
  }

  add(session: SessionRecord): void {
    this.#sessions.set(session.id, session);
  }

  remove(id: bigint): boolean {
    return this.#sessions.delete(id);
  }

  [Symbol.iterator](): IterableIterator<SessionRecord> {
    return this.#sessions.values();
  }
}

/** Compares secrets in a time that does not tell where they differ. */
export function sameSecret(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
