/** A registration that is made again whenever it was lost: the entry's owner only says what it should be. */
import type { Client } from "@corral/client";
import { isGrantLostError, Standing, type WaitOptions } from "@corral/recipe-kit";
import { BehaviorSubject, type Observable } from "rxjs";
import type { Draft } from "./draft.ts";
import type { HealthMonitor } from "./health-monitor.ts";
import type { HealthState, InstanceChanges, InstanceFields } from "./instance.ts";
import type { Registration } from "./registration.ts";

/** How it stands with a kept registration. */
export type KeptState<In, Out> =
  | { readonly state: "registered"; readonly registration: Registration<In, Out> }
  /** Lost, and being made again. */
  | { readonly state: "registering" }
  /** For good; `reason` says why. */
  | { readonly state: "ended"; readonly reason: unknown };

/** What a kept registration consists of. */
export interface KeptParts<In, Out> {
  readonly draft: Draft<In, Out>;
  readonly monitor: HealthMonitor;
  /** Makes the first and every later registration. */
  readonly acquire: (signal: AbortSignal) => Promise<Registration<In, Out>>;
}

/**
 * Registered for as long as one wants. Each session's registration is a `Registration` of its own, with its own token;
 * what was changed last, and how the instance does, goes from one to the next.
 */
export class KeptRegistration<In = unknown, Out = unknown> implements AsyncDisposable {
  readonly #parts: KeptParts<In, Out>;
  readonly #standing: Standing<Registration<In, Out>>;
  readonly #state: BehaviorSubject<KeptState<In, Out>>;

  private constructor(
    parts: KeptParts<In, Out>,
    standing: Standing<Registration<In, Out>>,
    state: BehaviorSubject<KeptState<In, Out>>,
  ) {
    this.#parts = parts;
    this.#standing = standing;
    this.#state = state;
    const { signal } = standing;
    const onEnd = (): void => {
      state.next({ state: "ended", reason: signal.reason });
      state.complete();
    };
    if (signal.aborted) onEnd();
    else signal.addEventListener("abort", onEnd, { once: true });
    void parts.monitor.run(signal);
  }

  /** Made by `ServiceRegistry.keepRegistered()`. Resolves when it is registered for the first time. */
  static async begin<In, Out>(
    client: Client,
    parts: KeptParts<In, Out>,
    signal: AbortSignal,
  ): Promise<KeptRegistration<In, Out>> {
    const state = new BehaviorSubject<KeptState<In, Out>>({ state: "registering" });
    const onChange = (registration: Registration<In, Out> | undefined): void => {
      state.next(registration === undefined ? { state: "registering" } : { state: "registered", registration });
    };
    return new KeptRegistration(
      parts,
      await Standing.begin(client, { acquire: parts.acquire, onChange }, signal),
      state,
    );
  }

  /** How it stands, now and after every change; completes at the end. */
  get state$(): Observable<KeptState<In, Out>> {
    return this.#state.asObservable();
  }

  /** The registration that holds now; `undefined` while it is being made again, and after the end. */
  get current(): Registration<In, Out> | undefined {
    return this.#standing.current;
  }

  /**
   * Aborts when it is over for good: with an AbortError after `release()`; with NameTakenError when somebody else has
   * taken the id or the name meanwhile; with ClientClosedError.
   */
  get signal(): AbortSignal {
    return this.#standing.signal;
  }

  /** What the entry says, or is to say. */
  get fields(): InstanceFields {
    return this.#parts.draft.fields;
  }

  /**
   * Changes what the entry says, in this and in every later registration. Resolves when it is written, or, while there is
   * no registration, when it is remembered for the next.
   * @throws InvalidPayloadError, RangeError, WaitTimeoutError, the signal's reason
   */
  async update(changes: InstanceChanges<In>, wait: WaitOptions = {}): Promise<void> {
    await this.#parts.draft.change(changes);
    await this.#flush(wait);
  }

  /** Says how the instance does; see `Registration.setHealth`. */
  async setHealth(state: HealthState, options: WaitOptions & { readonly note?: string } = {}): Promise<void> {
    this.#parts.monitor.report(state, options.note);
    await this.#flush(options);
  }

  /** Asks to be given nothing new, in this and in every later registration. */
  async drain(wait: WaitOptions = {}): Promise<void> {
    await this.setHealth("draining", wait);
  }

  /** Takes the entry out and makes it no more. Idempotent. */
  release(): Promise<void> {
    return this.#standing.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  async #flush(wait: WaitOptions): Promise<void> {
    try {
      await this.current?.flush(wait);
    } catch (error) {
      // The next registration writes it.
      if (!isGrantLostError(error)) throw error;
    }
  }
}
