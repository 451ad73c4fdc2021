/** Faults that wait for their frame. */
import { callOutside } from "./call-outside.ts";
import type { ReplyFrame, RequestFrame } from "./frames.ts";
import type { ProxiedConnection } from "./proxied-connection.ts";

/** Chooses frames. Called once for each that is about to pass, as long as the drop is armed. */
export type FramePredicate<F> = (frame: F, connection: ProxiedConnection) => boolean;

/** Of `dropReply` and `dropRequest`. */
export interface DropOptions {
  /** How many chosen frames to drop before the drop is over. Default 1; `Infinity` for all. */
  readonly times?: number;
}

/** What was dropped, and the connection that was cut for it. */
export interface Dropped<F> {
  readonly frame: F;
  readonly connection: ProxiedConnection;
}

/** An armed drop. Cancel it, or leave it to the proxy's end. */
export interface Drop<F> extends Disposable {
  /** Resolves with the first frame that was dropped. Rejects if the drop is cancelled, or the proxy closed, before. */
  readonly happened: Promise<Dropped<F>>;
  /** Frames dropped so far. */
  readonly count: number;
  /** Lets everything pass from now on. Idempotent. */
  cancel(): void;
}

/** The proxy's side of a drop. */
export class ArmedDrop<F extends RequestFrame | ReplyFrame> implements Drop<F> {
  readonly happened: Promise<Dropped<F>>;
  readonly #predicate: FramePredicate<F>;
  readonly #times: number;
  #count = 0;
  #isCancelled = false;
  #resolve: (dropped: Dropped<F>) => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(predicate: FramePredicate<F>, { times = 1 }: DropOptions) {
    this.#predicate = predicate;
    this.#times = times;
    this.happened = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever does not wait for it need not care that it never happened.
    this.happened.catch(() => undefined);
  }

  get count(): number {
    return this.#count;
  }

  /** Whether it still waits for a frame. */
  get isArmed(): boolean {
    return !this.#isCancelled && this.#count < this.#times;
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#reject(new Error("The drop was cancelled, or its proxy closed, before any frame was dropped."));
  }

  [Symbol.dispose](): void {
    this.cancel();
  }

  /** Whether this frame is to be dropped. If so, drop it, then call `tell`. */
  takes(frame: F, connection: ProxiedConnection): boolean {
    if (!this.isArmed || !callOutside(() => this.#predicate(frame, connection), false)) return false;
    this.#count += 1;
    return true;
  }

  /** The frame was dropped and its connection cut. */
  tell(dropped: Dropped<F>): void {
    this.#resolve(dropped);
  }
}
