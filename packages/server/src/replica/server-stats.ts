/** Counters that `srvr` and its kin show. */
export class ServerStats {
  received = 0;
  sent = 0;
  #count = 0;
  #sumMs = 0;
  #minMs = 0;
  #maxMs = 0;

  /** A request was answered `latencyMs` after it arrived. */
  onReply(latencyMs: number): void {
    this.sent++;
    this.#sumMs += latencyMs;
    this.#minMs = this.#count === 0 ? latencyMs : Math.min(this.#minMs, latencyMs);
    this.#maxMs = Math.max(this.#maxMs, latencyMs);
    this.#count++;
  }

  /** An event was sent. */
  onEvent(): void {
    this.sent++;
  }

  get latencyMs(): { readonly min: number; readonly average: number; readonly max: number } {
    return { min: this.#minMs, average: this.#count === 0 ? 0 : this.#sumMs / this.#count, max: this.#maxMs };
  }
}
