/**
 * Hands out instances of a service, one at a time, from what discovery shows at the moment: those that are switched on, do
 * well, have not failed too often of late, and stand in one's own zone if there are enough. Among them a strategy chooses.
 *
 * ```ts
 * using pick = registry.provider("billing", { strategy: "round-robin", zone: "eu" });
 * const instance = await pick.next({ timeoutMs: 5_000 });
 * try {
 *   await call(instance);
 * } catch (error) {
 *   pick.failed(instance);
 *   throw error;
 * }
 * ```
 *
 * Nothing is asked of the server for a choice: the instances are followed from the first call of `next()` to `close()`. While
 * disconnected, those that were known last are handed out.
 */
import { type Client, ClientClosedError } from "@corral/client";
import { beginWait, type WaitOptions } from "@corral/recipe-kit";
import type { Observable, Subscription } from "rxjs";
import { type Assessed, assess, type Wishes } from "./availability.ts";
import {
  checkDownPolicy,
  type DownPolicy,
  defaultDownPolicy,
  type FailureRecord,
  isForgotten,
  noFailures,
  noteFailure,
} from "./down-policy.ts";
import type { InstanceFilter } from "./filter.ts";
import type { HealthState, ServiceInstance } from "./instance.ts";
import type { InstancesView } from "./observe-instances.ts";
import {
  type Candidate,
  type Candidates,
  type Memory,
  type Strategy,
  type StrategyName,
  strategyNamed,
} from "./strategies.ts";

/** How instances are chosen. */
export interface ProviderOptions<P = unknown> {
  /** A strategy by name, or one of one's own. Default `round-robin`. */
  readonly strategy?: StrategyName | Strategy | undefined;
  /** One's own zone: its instances are preferred. Default: all zones alike. */
  readonly zone?: string | undefined;
  /** With fewer available instances than that in one's own zone, those of all zones are taken. Default 1. */
  readonly zoneAtLeast?: number | undefined;
  /** Only these. Default: all. */
  readonly filter?: InstanceFilter<P> | undefined;
  /** Which states of health will do. Default `passing` and `warning`. */
  readonly health?: readonly HealthState[] | undefined;
  /** When an instance that fails is left alone, and for how long. Default: two failures in 30 s, for 30 s. */
  readonly down?: Partial<DownPolicy> | undefined;
  /** When all that would do are down: `wait` (default) until one may be tried again, or `pick` one all the same. */
  readonly whenAllDown?: "wait" | "pick" | undefined;
}

/** How a provider sees the instances now. */
export interface ProviderExplanation<P = unknown> {
  /** `unread`: nothing is known yet; the first `next()` begins to follow the instances. */
  readonly state: InstancesView["state"] | "unread";
  /** Every instance, and why it would not be chosen. */
  readonly instances: readonly Assessed<P>[];
}

/** What may be chosen, and until when that is known, elapsed time. */
interface Choosable<P> {
  readonly candidates: readonly Candidate<P>[];
  readonly untilMs: number;
}

/** See the head of this file. */
export class Provider<P = unknown> implements Disposable {
  /** The service. */
  readonly service: string;
  readonly #client: Client;
  readonly #views: Observable<InstancesView<P>>;
  readonly #strategy: Strategy;
  readonly #wishes: Wishes<P>;
  readonly #policy: DownPolicy;
  readonly #whenAllDown: "wait" | "pick";
  readonly #records = new Map<string, FailureRecord>();
  readonly #waiting = new Set<() => void>();
  #memory: Memory;
  #subscription: Subscription | undefined;
  #view: InstancesView<P> | undefined;
  /** Looked for only when something has changed: a choice is to cost little, however many instances there are. */
  #choice: Choosable<P> | undefined;
  #end: { readonly reason: unknown } | undefined;

  /** Made by `ServiceRegistry.provider()`. Remembers; nothing is sent before `next()`. @throws RangeError */
  constructor(client: Client, service: string, views: Observable<InstancesView<P>>, options: ProviderOptions<P>) {
    const { strategy = "round-robin", filter = {}, health = ["passing", "warning"], zone, zoneAtLeast = 1 } = options;
    this.service = service;
    this.#client = client;
    this.#views = views;
    this.#strategy = typeof strategy === "string" ? strategyNamed(strategy) : strategy;
    this.#wishes = { filter, health, zone, zoneAtLeast };
    this.#policy = checkDownPolicy({ ...defaultDownPolicy, ...options.down });
    this.#whenAllDown = options.whenAllDown ?? "wait";
  }

  /**
   * The next instance; waits until there is one that may be chosen.
   * @throws WaitTimeoutError, the signal's reason, ClientClosedError
   */
  async next(wait: WaitOptions = {}): Promise<ServiceInstance<P>> {
    using limit = beginWait(this.#client, "An instance of", this.service, wait);
    this.#begin();
    for (;;) {
      limit.signal.throwIfAborted();
      if (this.#end !== undefined) throw this.#end.reason;
      const instance = this.tryNext();
      if (instance !== undefined) return instance;
      await this.#news(limit.signal);
    }
  }

  /** The next instance, if one may be chosen now and the instances are known already. */
  tryNext(): ServiceInstance<P> | undefined {
    this.#begin();
    const nowMs = this.#client.clock.elapsedMs();
    if (this.#choice === undefined || nowMs >= this.#choice.untilMs) this.#choice = this.#choose();
    const { candidates } = this.#choice;
    if (!isAny(candidates)) return undefined;
    const { chosen, memory } = this.#strategy(candidates, this.#memory, this.#client.random.fraction());
    this.#memory = memory;
    return chosen.instance;
  }

  /** Says that the instance has failed. Enough of that takes it out for a while. */
  failed(instance: ServiceInstance<P>): void {
    const nowMs = this.#client.clock.elapsedMs();
    for (const [key, record] of this.#records) {
      if (isForgotten(record, this.#policy, nowMs)) this.#records.delete(key);
    }
    this.#records.set(keyOf(instance), noteFailure(this.#recordOf(instance), this.#policy, nowMs));
    this.#choice = undefined;
  }

  /** Every instance, and why it would not be chosen now. */
  explain(): ProviderExplanation<P> {
    return { state: this.#view?.state ?? "unread", instances: this.#assess(false).all };
  }

  /** Stops following the instances; whoever waits for one is rejected. Idempotent. */
  close(): void {
    this.#finish(new DOMException(`the provider of ${this.service} was closed`, "AbortError"));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #begin(): void {
    if (this.#subscription !== undefined || this.#end !== undefined) return;
    const finish = (reason: unknown): void => this.#finish(reason);
    this.#subscription = this.#views.subscribe({
      next: (view) => {
        this.#view = view;
        this.#choice = undefined;
        this.#wake();
      },
      error: finish,
      complete: () => finish(new ClientClosedError({ operation: "next", path: this.service })),
    });
  }

  #finish(reason: unknown): void {
    this.#end ??= { reason };
    this.#subscription?.unsubscribe();
    this.#view = undefined;
    this.#choice = undefined;
    this.#wake();
  }

  #assess(evenDown: boolean): ReturnType<typeof assess<P>> {
    const nowMs = this.#client.clock.elapsedMs();
    return assess(this.#view?.instances ?? [], this.#wishes, (one) => this.#recordOf(one), nowMs, evenDown);
  }

  #choose(): Choosable<P> {
    const { all, candidates } = this.#assess(false);
    const pickDown = candidates.length === 0 && this.#whenAllDown === "pick";
    return { candidates: pickDown ? this.#assess(true).candidates : candidates, untilMs: upAgainMs(all) };
  }

  #recordOf(instance: ServiceInstance<P>): FailureRecord {
    return this.#records.get(keyOf(instance)) ?? noFailures;
  }

  /** Resolves when there may be another choice: the instances have changed, or one that was down may be tried again. */
  #news(signal: AbortSignal): Promise<void> {
    const nowMs = this.#client.clock.elapsedMs();
    const untilMs = upAgainMs(this.#assess(false).all);
    return new Promise((resolve) => {
      const done = (): void => {
        timer?.cancel();
        this.#waiting.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = Number.isFinite(untilMs) ? this.#client.clock.setTimer(untilMs - nowMs, done) : undefined;
      this.#waiting.add(done);
      signal.addEventListener("abort", done, { once: true });
    });
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }
}

/** When the first of those that are down may be tried again, elapsed time; Infinity: none is down. */
function upAgainMs(all: readonly Assessed[]): number {
  return all.reduce((ms, { downUntilMs }) => Math.min(ms, downUntilMs ?? ms), Number.POSITIVE_INFINITY);
}

function isAny<P>(candidates: readonly Candidate<P>[]): candidates is Candidates<P> {
  return candidates.length > 0;
}

/** One registration of an instance: registered anew, it begins with a clean record. */
function keyOf({ path, czxid }: ServiceInstance): string {
  return `${path} ${czxid}`;
}
