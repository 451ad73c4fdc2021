/**
 * How much of the server's history the client has seen, and from where watches are to be taken up again.
 *
 * The two differ while watches are being re-armed. The batches are answered one by one, and each answer advances what
 * was seen; should the connection break in between, the batches not yet answered must start where they started before,
 * or changes since then would never be told.
 */

/** The newest zxid of any reply. Events do not count: several can carry one zxid, and only some of them have come. */
export class SeenZxid {
  #last = 0;
  #rearmFrom: number | undefined;
  #rearming = 0;

  get last(): number {
    return this.#last;
  }

  /** A reply says that the server has got to `zxid`. */
  replied(zxid: number): void {
    if (zxid > this.#last) this.#last = zxid;
  }

  /** Watches are re-armed in `batches` packets; returns the zxid from which. */
  rearm(batches: number): number {
    const from = this.#rearmFrom ?? this.#last;
    this.#rearming = batches;
    this.#rearmFrom = batches === 0 ? undefined : from;
    return from;
  }

  /** One of the batches is answered. Returns whether it was the last. */
  rearmed(): boolean {
    this.#rearming--;
    if (this.#rearming > 0) return false;
    this.#rearmFrom = undefined;
    return true;
  }

  /** The session is over, and its watches with it. */
  sessionOver(): void {
    this.#rearmFrom = undefined;
  }

  /** Starts from nothing. */
  forget(): void {
    this.#last = 0;
  }
}
