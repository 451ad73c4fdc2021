/**
 * When to make the next attempt to connect: at once after a good connection, then slower and slower, always with
 * jitter, so that the clients of a server that died do not come back as one. The policy is p-retry's; the waiting goes
 * through Clock and Random, because p-retry's own would escape the simulator.
 */
import type { Clock, Random } from "@corral/io";
import pRetry from "p-retry";
import { limits } from "./limits.ts";
import { sleep } from "./sleep.ts";

/** What a reconnector needs. */
export interface ReconnectorOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** A round over all hosts is made before it gets slower. */
  hostCount(): number;
  /** Longest back-off, ms: shorter for sessions that would not survive a long one. */
  readonly backoffMsMax: number;
  /** Makes one attempt; `succeeded()` or `failed()` must be called for it later. */
  attempt(): void;
  /** An error that is no failed attempt: a bug. */
  onError(error: unknown): void;
}

/** Makes attempts to connect, one at a time, until one succeeds. */
export class Reconnector {
  readonly #options: ReconnectorOptions;
  readonly #stop = new AbortController();
  #current: { resolve(): void; reject(error: Error): void } | undefined;
  /** Connections in a row that did not last. */
  #unstable = 0;

  constructor(options: ReconnectorOptions) {
    this.#options = options;
  }

  /** Makes attempts until one succeeds. `livedMs`: how long the last connection lasted; absent for the first one. */
  start(livedMs?: number): void {
    this.#unstable = livedMs !== undefined && livedMs < limits.stableMs ? this.#unstable + 1 : 0;
    const signal = this.#stop.signal;
    const first = livedMs === undefined ? 0 : this.#delayMs(this.#unstable);
    const before = this.#unstable;
    pRetry(
      async (attemptNumber) => {
        if (attemptNumber === 1 && first > 0) await sleep(this.#options.clock, first, signal);
        await this.#attempt(signal);
      },
      {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: 0,
        factor: 1,
        signal,
        onFailedAttempt: ({ attemptNumber }) =>
          sleep(this.#options.clock, this.#delayMs(before + attemptNumber), signal),
      },
    ).catch((error: unknown) => {
      if (!signal.aborted) this.#options.onError(error);
    });
  }

  /** The attempt led to a session. */
  succeeded(): void {
    this.#take()?.resolve();
  }

  /** The attempt did not. */
  failed(reason: string): void {
    this.#take()?.reject(new Error(reason));
  }

  /** No more attempts. Idempotent. */
  stop(): void {
    this.#stop.abort();
    this.failed("stopped");
  }

  #take() {
    const current = this.#current;
    this.#current = undefined;
    return current;
  }

  #attempt(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return resolve();
      this.#current = { resolve, reject };
      this.#options.attempt();
    });
  }

  /** Back-off before attempt `n` (0: the first after a good connection): between half and all of 50 ms · 2^round. */
  #delayMs(n: number): number {
    const round = Math.floor(n / this.#options.hostCount());
    const full = Math.min(this.#options.backoffMsMax, limits.backoffMs * 2 ** Math.min(round, 20));
    return full * (0.5 + this.#options.random.fraction() / 2);
  }
}
