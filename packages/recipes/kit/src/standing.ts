/**
 * Holding something for as long as one wants: acquired again whenever it was lost. What is held at any moment is a grant
 * like any other, which ends for good; this is only who gets the next one.
 *
 * ```ts
 * const standing = await Standing.begin(client, { acquire: (signal) => mutex.acquire({ signal }) }, signal);
 * standing.current?.guard(); // the grant of this moment, if there is one
 * ```
 *
 * Invariant  at most one grant at a time; the next is not acquired before the one before has ended
 * Suspended  the grant of this moment holds as it is made to
 * Lost       `current` is empty until the next has been acquired: at once, and with a growing pause if it is lost each time
 * Not given  something held at every moment
 */
import type { Client } from "@corral/client";
import { isGrantLostError } from "./errors.ts";
import type { Grant } from "./grant.ts";
import { sleep } from "./sleep.ts";

const delayMsMin = 10;
const delayMsMax = 5_000;

/** What is held, and how it is acquired. */
export interface StandingOptions<G extends Grant> {
  /** Acquires the first and every later grant. What it rejects with ends the standing. */
  readonly acquire: (signal: AbortSignal) => Promise<G>;
  /** Called with each grant, and with `undefined` when it ends. */
  readonly onChange?: ((grant: G | undefined) => void) | undefined;
}

/** See the head of this file. Made by `Standing.begin`. */
export class Standing<G extends Grant> implements AsyncDisposable {
  readonly #client: Client;
  readonly #options: StandingOptions<G>;
  readonly #stop = new AbortController();
  readonly #ended = new AbortController();
  readonly #done: Promise<void>;
  #current: G | undefined;

  private constructor(client: Client, options: StandingOptions<G>, first: G) {
    this.#client = client;
    this.#options = options;
    this.#done = this.#run(first);
  }

  /** Acquires the first grant, and resolves then. `signal` ends only the wait for it. */
  static async begin<G extends Grant>(
    client: Client,
    options: StandingOptions<G>,
    signal: AbortSignal,
  ): Promise<Standing<G>> {
    return new Standing(client, options, await options.acquire(signal));
  }

  /** What is held now; `undefined` while it is being acquired again, and after the end. */
  get current(): G | undefined {
    return this.#current?.held ? this.#current : undefined;
  }

  /**
   * Aborts when it is over for good: with an AbortError after `release()` of this or of the current grant, otherwise with
   * the reason why it could not be acquired again.
   */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Gives back what is held and acquires it no more. Idempotent. */
  async release(): Promise<void> {
    this.#stop.abort(new DOMException("released", "AbortError"));
    await this.#current?.release();
    await this.#done;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  /** Never rejects. */
  async #run(first: G): Promise<void> {
    let grant = first;
    let losses = 0;
    for (;;) {
      this.#set(grant);
      const sinceMs = this.#client.clock.elapsedMs();
      await aborted(grant.signal);
      this.#set(undefined);
      const { reason } = grant.signal;
      if (this.#stop.signal.aborted || !isGrantLostError(reason)) return this.#end(reason);
      // Lost again and again, somebody has something against it: no reason to hammer the server.
      losses = this.#client.clock.elapsedMs() - sinceMs < delayMsMax ? losses + 1 : 0;
      try {
        if (losses > 1) await sleep(this.#client.clock, this.#delayMs(losses), this.#stop.signal);
        grant = await this.#options.acquire(this.#stop.signal);
      } catch (error) {
        return this.#end(error);
      }
      // Stopped when it had just been acquired: nobody else knows of this one.
      if (this.#stop.signal.aborted) grant.abandon();
    }
  }

  #delayMs(losses: number): number {
    const fullMs = Math.min(delayMsMax, delayMsMin * 2 ** Math.min(losses, 20));
    return fullMs * (0.5 + this.#client.random.fraction() / 2);
  }

  #set(grant: G | undefined): void {
    if (this.#current === grant) return;
    this.#current = grant;
    this.#options.onChange?.(grant);
  }

  #end(reason: unknown): void {
    this.#ended.abort(this.#stop.signal.aborted ? this.#stop.signal.reason : reason);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
