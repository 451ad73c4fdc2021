/**
 * When each session expires: the leader's own bookkeeping, on elapsed time, in buckets of one tick. Never early: the
 * real time of expiry lies within (timeout, timeout + one tick].
 */

/** A session's place on the clock. */
export interface ClockedSession {
  readonly id: bigint;
  timeoutMs: number;
  /** The bucket it is in: the elapsed time, a multiple of the tick, at which it is due. */
  dueMs: number;
}

/** The clocks of all sessions; see the head of this file. */
export class SessionClock {
  readonly #tickMs: number;
  readonly #sessions = new Map<bigint, ClockedSession>();
  readonly #buckets = new Map<number, Set<ClockedSession>>();
  #lastTickMs: number | undefined;

  constructor(tickMs: number) {
    this.#tickMs = tickMs;
  }

  /** Starts (or re-starts, with a new timeout) a session's clock. */
  start(id: bigint, timeoutMs: number, nowMs: number): ClockedSession {
    const known = this.#sessions.get(id);
    if (known !== undefined) {
      known.timeoutMs = timeoutMs;
      this.touch(known, nowMs);
      return known;
    }
    const session: ClockedSession = { id, timeoutMs, dueMs: this.#bucket(nowMs + timeoutMs) };
    this.#sessions.set(id, session);
    this.#enter(session);
    return session;
  }

  /** The session was heard of. */
  touch(session: ClockedSession, nowMs: number): void {
    const dueMs = this.#bucket(nowMs + session.timeoutMs);
    if (dueMs === session.dueMs || !this.#sessions.has(session.id)) return;
    this.#leave(session);
    session.dueMs = dueMs;
    this.#enter(session);
  }

  /** The session is over. */
  stop(id: bigint): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    this.#leave(session);
  }

  /**
   * Time goes on; `expire` tells which sessions are due then. After a stall (this tick comes more than one tick late) nobody is:
   * what arrived in the meantime has not been read yet, so every clock starts afresh instead. Returns how long it was.
   */
  tick(nowMs: number): number {
    const last = this.#lastTickMs ?? nowMs;
    this.#lastTickMs = nowMs;
    const lateMs = nowMs - last - this.#tickMs;
    if (lateMs <= this.#tickMs) return 0;
    for (const session of [...this.#sessions.values()]) this.touch(session, nowMs);
    return lateMs;
  }

  /** Ends the clocks of sessions that are due, those that have been so for longest first, `most` of them. */
  expire(most: number): readonly bigint[] {
    const expired: bigint[] = [];
    const due = [...this.#buckets].filter(([dueMs]) => dueMs <= (this.#lastTickMs ?? 0));
    for (const [, bucket] of due.sort(([one], [other]) => one - other)) {
      for (const { id } of bucket) {
        if (expired.length === most) return expired;
        expired.push(id);
        this.stop(id);
      }
    }
    return expired;
  }

  /** When which sessions are due: elapsed ms, and their ids, earliest first. */
  get dueTimes(): readonly (readonly [dueMs: number, ids: readonly bigint[]])[] {
    return [...this.#buckets]
      .sort(([one], [other]) => one - other)
      .map(([dueMs, sessions]) => [dueMs, [...sessions].map(({ id }) => id)]);
  }

  #bucket(ms: number): number {
    return (Math.floor(ms / this.#tickMs) + 1) * this.#tickMs;
  }

  #enter(session: ClockedSession): void {
    const bucket = this.#buckets.get(session.dueMs);
    if (bucket === undefined) this.#buckets.set(session.dueMs, new Set([session]));
    else bucket.add(session);
  }

  #leave(session: ClockedSession): void {
    const bucket = this.#buckets.get(session.dueMs);
    bucket?.delete(session);
    if (bucket?.size === 0) this.#buckets.delete(session.dueMs);
  }
}
