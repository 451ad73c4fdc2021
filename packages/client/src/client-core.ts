/** What all views of one session share: the session itself, its state and who listens to it, the ports. */
import type { Address, Clock, Dialer, Logger, Random } from "@corral/io";
import { Observable } from "rxjs";
import { viewOf } from "./context.ts";
import { type Engine, Features } from "./features.ts";
import { askFourLetterWord } from "./four-letter-word.ts";
import { limits } from "./limits.ts";
import type { ClientMetrics } from "./meter.ts";
import { Observers } from "./observe/observers.ts";
import { children, childrenWithStat, exists, get } from "./operations/read.ts";
import { watchRecursively } from "./operations/watch-recursively.ts";
import type { Session } from "./session.ts";
import type { ClientState } from "./session-types.ts";
import { StateEmitter, type StateEvent } from "./state-emitter.ts";

/** What a client is made of; `connect()` puts it together. */
export interface ClientParts {
  /** Makes the session, which tells `onState` what becomes of it. */
  makeSession(onState: (event: StateEvent) => void): Session;
  readonly connectString: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly dialer: Dialer;
  readonly logger: Logger;
  readonly requestBytesMax: number;
  /** What the servers are, if that need not be asked. */
  readonly engine: Engine | undefined;
}

/** See the head of this file. */
export class ClientCore {
  readonly session: Session;
  readonly states: StateEmitter;
  readonly connectString: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly requestBytesMax: number;
  /** The state at once, then every change of it. Completes after `closed`. */
  readonly state$: Observable<StateEvent>;
  readonly features: Features;
  /** What is observed, by the server's paths. */
  readonly observers: Observers;
  readonly #dialer: Dialer;
  #state: ClientState = "connecting";
  #readOnly = false;
  #questions = 0;
  #asking: Promise<void> | undefined;
  readonly #closed = new AbortController();

  constructor(parts: ClientParts) {
    this.connectString = parts.connectString;
    this.clock = parts.clock;
    this.random = parts.random;
    this.logger = parts.logger;
    this.requestBytesMax = parts.requestBytesMax;
    this.#dialer = parts.dialer;
    this.features = new Features(parts.engine);
    this.states = new StateEmitter(parts.logger);
    this.session = parts.makeSession((event) => {
      this.#state = event.state;
      this.#readOnly = event.readOnly === true;
      if (event.state === "connected") this.#ask();
      if (event.state === "closed") this.#closed.abort();
      this.states.emit(event);
    });
    const whole = viewOf(this, "");
    this.observers = new Observers(
      {
        get: (path, options) => get(whole, path, options),
        exists: (path, options) => exists(whole, path, options),
        children: (path, options) => children(whole, path, options),
        watchRecursively: (path, watcher, signal) => watchRecursively(whole, path, watcher, { signal }),
        childrenWithStat: (path, options) => childrenWithStat(whole, path, options),
        unwatch: (path, watcher) => this.session.unwatch(path, watcher),
      },
      this,
    );
    this.state$ = new Observable((subscriber) => {
      const tell = (event: StateEvent): void => {
        subscriber.next(event);
        if (event.state === "closed") subscriber.complete();
      };
      this.states.on(tell);
      subscriber.add(() => this.states.off(tell));
      const { sessionId, deadlineMs } = this.session;
      tell({ state: this.#state, sessionId, deadlineMs, ...(this.#readOnly && { readOnly: true }) });
    });
  }

  get state(): ClientState {
    return this.#state;
  }

  /** Whether the server takes no writes. */
  get readOnly(): boolean {
    return this.#readOnly;
  }

  /** Counts, and what is so at the moment. */
  metrics(): ClientMetrics {
    const { meter, deadlineMs, lastZxid, watchers, waiting, bytes } = this.session;
    const { attempted, failed, established, sessionsLost, events, lateMsMax } = meter;
    return {
      state: this.#state,
      deadlineInMs: deadlineMs - this.clock.elapsedMs(),
      lastZxid,
      operations: structuredClone(meter.operations),
      waiting,
      watches: { watchers, events },
      connections: { attempted, failed, established },
      sessionsLost,
      bytes,
      lateMsMax,
    };
  }

  /** What the servers are; `undefined` while it is not known. */
  get engine(): Engine | undefined {
    return this.features.engine;
  }

  /** The question to the servers that is under way, if one is. */
  get asking(): Promise<void> | undefined {
    return this.#asking;
  }

  #ask(): void {
    const { host } = this.session;
    if (this.engine !== undefined || host === undefined || this.#questions === limits.serverQuestions) return;
    this.#questions++;
    const asking = this.#askWhoServes(host).finally(() => {
      if (this.#asking === asking) this.#asking = undefined;
    });
    this.#asking = asking;
  }

  async #askWhoServes(host: Address): Promise<void> {
    const ports = { clock: this.clock, dialer: this.#dialer };
    const answer = await askFourLetterWord(ports, host, "srvr", this.#closed.signal);
    if (answer !== undefined) this.features.learn(answer);
    if (this.engine === "corral") this.session.trustAnswers();
  }
}
