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
   * Sessions that are due. After a stall (this tick comes more than one tick late) nobody is: what arrived in the
   * meantime has not been read yet, so every clock starts afresh instead.
   */
  tick(nowMs: number): { readonly expired: readonly bigint[]; readonly stalledMs: number } {
    const last = this.#lastTickMs ?? nowMs;
    this.#lastTickMs = nowMs;
    const lateMs = nowMs - last - this.#tickMs;
    if (lateMs > this.#tickMs) {
      for (const session of [...this.#sessions.values()]) this.touch(session, nowMs);
      return { expired: [], stalledMs: lateMs };
    }
    const expired: bigint[] = [];
    for (const [dueMs, bucket] of this.#buckets) {
      if (dueMs > nowMs) continue;
      for (const session of [...bucket]) {
        expired.push(session.id);
        this.stop(session.id);
      }
    }
    return { expired, stalledMs: 0 };
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
