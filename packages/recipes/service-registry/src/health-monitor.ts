/** Asks an instance how it does, again and again, and tells every change. Runs on the Clock port. */
import type { Clock } from "@corral/io";
import { sleep } from "@corral/recipe-kit";
import { type Health, type HealthEvent, type HealthPolicy, initialHealth, nextHealth } from "./health.ts";
import { type HealthState, healthStates } from "./instance.ts";

/**
 * Finds out how the instance does. Resolves to a state: that it is, at once. Rejects, or resolves to `false`: a failure.
 * Resolves to anything else: a success.
 */
export type HealthCheck = (signal: AbortSignal) => unknown;

/** How an instance's health is watched. */
export interface HealthOptions {
  /** Called every `intervalMs`. Without one, only what is reported counts: `setHealth()`. */
  readonly check?: HealthCheck | undefined;
  /** From the end of one check to the beginning of the next. Default 10 000. */
  readonly intervalMs?: number | undefined;
  /** A check that takes longer has failed; its signal aborts. Default 5 000. */
  readonly timeoutMs?: number | undefined;
  /** Failures in a row until `warning`. Default 1. */
  readonly failuresToWarn?: number | undefined;
  /** Failures in a row until `critical`. Default 3. */
  readonly failuresToFail?: number | undefined;
  /** Successes in a row until `passing` again. Default 1. */
  readonly successesToPass?: number | undefined;
  /** `critical` when nothing good was heard for so long: no check succeeded, nothing was reported. Default: silence is fine. */
  readonly ttlMs?: number | undefined;
  /** Until the first news. Default `critical` with a check, which is made at once; otherwise `passing`. */
  readonly initial?: HealthState | undefined;
}

/** The longest note that is kept, in UTF-16 units. */
const noteLengthMax = 200;

/** Watches one instance's health, until its signal aborts. */
export class HealthMonitor {
  readonly #clock: Clock;
  readonly #options: HealthOptions;
  readonly #policy: HealthPolicy;
  readonly #onChange: (health: Health) => void;
  #health: Health;

  /** Remembers; checks begin with `run()`. `onChange` is called when the state or its note has changed. */
  constructor(clock: Clock, options: HealthOptions, onChange: (health: Health) => void) {
    const { check, failuresToWarn = 1, failuresToFail = 3, successesToPass = 1, ttlMs } = options;
    for (const [name, value] of Object.entries({ failuresToWarn, failuresToFail, successesToPass })) {
      if (!(Number.isInteger(value) && value >= 1)) {
        throw new RangeError(`health.${name} is ${value}; it must be a whole number, at least 1.`);
      }
    }
    this.#clock = clock;
    this.#options = options;
    this.#policy = { failuresToWarn, failuresToFail, successesToPass, ttlMs };
    this.#onChange = onChange;
    this.#health = initialHealth(options.initial ?? (check === undefined ? "passing" : "critical"), clock.elapsedMs());
  }

  get health(): Health {
    return this.#health;
  }

  /** Checks, and looks at the time, until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#checkAgainAndAgain(signal), this.#watchTime(signal)]);
  }

  /** The owner says how it is. */
  report(state: HealthState, note?: string): void {
    this.#hear({ kind: "report", state, note });
  }

  async #checkAgainAndAgain(signal: AbortSignal): Promise<void> {
    const { check, intervalMs = 10_000, timeoutMs = 5_000 } = this.#options;
    if (check === undefined) return;
    while (!signal.aborted) {
      const event = await this.#checkOnce(check, timeoutMs, signal);
      if (signal.aborted) return;
      this.#hear(event);
      await sleep(this.#clock, intervalMs, signal);
    }
  }

  async #checkOnce(check: HealthCheck, timeoutMs: number, signal: AbortSignal): Promise<HealthEvent> {
    const timeout = new AbortController();
    const both = AbortSignal.any([signal, timeout.signal]);
    const tooLate = new Promise<HealthEvent>((resolve) => {
      const onAbort = (): void => resolve({ kind: "failure", note: `no answer within ${timeoutMs} ms` });
      if (both.aborted) onAbort();
      both.addEventListener("abort", onAbort, { once: true });
    });
    const timer = this.#clock.setTimer(timeoutMs, () => timeout.abort());
    try {
      return await Promise.race([outcome(check, both), tooLate]);
    } finally {
      timer.cancel();
    }
  }

  async #watchTime(signal: AbortSignal): Promise<void> {
    const { ttlMs } = this.#policy;
    if (ttlMs === undefined) return;
    while (!signal.aborted) {
      const sinceMs = this.#clock.elapsedMs() - this.#health.goodMs;
      await sleep(this.#clock, sinceMs < ttlMs ? ttlMs - sinceMs : ttlMs, signal);
      if (!signal.aborted) this.#hear({ kind: "time" });
    }
  }

  #hear(event: HealthEvent): void {
    const before = this.#health;
    this.#health = nextHealth(before, event, this.#policy, this.#clock.elapsedMs());
    if (before.state !== this.#health.state || before.note !== this.#health.note) this.#onChange(this.#health);
  }
}

async function outcome(check: HealthCheck, signal: AbortSignal): Promise<HealthEvent> {
  try {
    const answer = await check(signal);
    if (answer === false) return { kind: "failure", note: "the check said no" };
    const state = healthStates.find((one) => one === answer);
    return state === undefined ? { kind: "success" } : { kind: "state", state, note: undefined };
  } catch (error) {
    return { kind: "failure", note: noteOf(error) };
  }
}

function noteOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, noteLengthMax);
}
