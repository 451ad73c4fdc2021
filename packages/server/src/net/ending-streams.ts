/** Connections that were ended here, until the other side has ended its half too: some never do. */
import type { ByteStream, Clock } from "@corral/io";

/** How long the other side may take, ms. */
const lingerMs = 2_000;

/** Those of one port. */
export class EndingStreams {
  readonly #clock: Clock;
  /** Each with when it was ended, elapsed ms; the oldest first. */
  readonly #since = new Map<ByteStream, number>();
  #onNone: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#since.size;
  }

  add(stream: ByteStream): void {
    this.#since.set(stream, this.#clock.elapsedMs());
  }

  /** It is over, or never was one of them. */
  remove(stream: ByteStream): void {
    this.#since.delete(stream);
    if (this.#since.size === 0) this.#onNone?.();
  }

  /** Cuts off those whose time is over. */
  destroyLate(): void {
    this.#destroyOlder(lingerMs);
  }

  /** Cuts off one, so that there is room for another. */
  destroyOldest(): void {
    const [oldest] = this.#since.keys();
    if (oldest !== undefined) this.#destroy(oldest);
  }

  /** Resolves when there are none any more: after their time at the latest. To be asked once, when none is added any more. */
  async allEnded(): Promise<void> {
    if (this.#since.size === 0) return;
    const timer = this.#clock.setTimer(lingerMs, () => this.#destroyOlder(0));
    await new Promise<void>((resolve) => {
      this.#onNone = resolve;
    });
    timer.cancel();
  }

  #destroyOlder(olderThanMs: number): void {
    const now = this.#clock.elapsedMs();
    for (const [stream, sinceMs] of [...this.#since]) if (now - sinceMs >= olderThanMs) this.#destroy(stream);
  }

  #destroy(stream: ByteStream): void {
    stream.destroy();
    this.remove(stream);
  }
}
