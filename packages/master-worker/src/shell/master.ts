/** The master: a candidate, again and again the master of its group, until it is closed. */
import { type Client, isCoordinationError, isInterruption } from "@corral/client";
import { BehaviorSubject, type Observable } from "rxjs";
import { Layout, requireName } from "../core/layout.ts";
import { attemptsMaxDefault, inFlightDefault } from "../core/limits.ts";
import { type Candidate, campaign, type Mandate, release } from "./election.ts";
import { Announcer, type EventSource, type MasterEvents } from "./events.ts";
import { Backoff, onAbort, pause } from "./flow.ts";
import { SessionScope } from "./session-scope.ts";
import { Tenure, type TenureEnd, type TenureObserver } from "./tenure.ts";

/** What a master is doing: waiting to be elected; ruling (the four in the middle); nothing, not yet or for good. */
export type MasterState = "idle" | "candidate" | "elected" | "recovering" | "active" | "suspended" | "closed";

/** How a `Master` is made. */
export interface MasterOptions {
  /** Names this process in `/master`: letters, digits, `-`, `_`. Two masters may share an id; it is for people. */
  readonly id: string;
  /** Where the group lives. Default `/`. */
  readonly root?: string;
  /** How often a task is started before it is recorded as failed. Default 5. */
  readonly attemptsMax?: number;
  /** Writes in flight at once. Default 32. */
  readonly inFlightMax?: number;
}

/** After resigning, a master lets others go first for so long. */
const resignPauseMs = 1_000;

/** A tenure of this length is no sign of trouble, however it ends. */
const stableTenureMs = 30_000;

/**
 * Hands waiting tasks to workers, and takes them back from workers that are gone.
 *
 *     const master = new Master(client, { id: "master-1" });
 *     master.events.on("elected", ({ epoch, tookMs }) => log.info({ epoch, tookMs }, "took over"));
 *     master.start();
 *     …
 *     await master.close();        // steps down at once, so that a backup need not wait for the session to expire
 *
 * Znodes     /master ephemeral, /epoch versioned; see the README for the whole layout
 * Invariant  a write is applied only under the present epoch: each one is a multi with check(/epoch, version)
 * Wake-up    watches on workers, queues and waiting tasks; every wake-up reads again and decides again
 * Suspended  writes nothing; goes on if the session is the same and /master still its own
 * Lost       drops everything and is a candidate again on the new session
 * Not given  that a task runs only once: a worker that was taken for dead may still be at it
 */
export class Master {
  /** The group's znodes. */
  readonly layout: Layout;
  readonly #client: Client;
  readonly #options: Required<Omit<MasterOptions, "root">>;
  readonly #announcer: Announcer<MasterEvents>;
  readonly #state = new BehaviorSubject<MasterState>("idle");
  readonly #ownGuids = new Set<string>();
  readonly #closing = new AbortController();
  #resigning = new AbortController();
  #running: Promise<void> | undefined;

  /** Throws a TypeError for an id or a root that cannot be. Does nothing yet. */
  constructor(client: Client, options: MasterOptions) {
    requireName("The master's id", options.id);
    this.layout = new Layout(options.root);
    this.#client = client;
    this.#options = {
      id: options.id,
      attemptsMax: options.attemptsMax ?? attemptsMaxDefault,
      inFlightMax: options.inFlightMax ?? inFlightDefault,
    };
    this.#announcer = new Announcer(client.logger);
  }

  /** What happens, as it happens. */
  get events(): EventSource<MasterEvents> {
    return this.#announcer.source;
  }

  get state(): MasterState {
    return this.#state.value;
  }

  /** The state now, and every change of it. Completes when the master is closed. */
  get state$(): Observable<MasterState> {
    return this.#state.asObservable();
  }

  /** Becomes a candidate, and works from then on in the background. A second call changes nothing. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Starts, and closes when `signal` aborts. Resolves when closed. */
  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const close = (): void => void this.close();
    if (signal.aborted) close();
    const ignore = onAbort(signal, close);
    this.start();
    await this.#running;
    ignore();
  }

  /** Hands over: steps down if it rules, lets others go first, and is a candidate again. Returns at once. */
  resign(): void {
    this.#resigning.abort();
    this.#resigning = new AbortController();
  }

  /** Steps down if it rules, and stops for good. Leaves the client open. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.start();
    await this.#running;
  }

  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(): Promise<void> {
    const { clock, random, logger } = this.#client;
    const backoff = new Backoff(clock, random);
    const closing = this.#closing.signal;
    while (!closing.aborted) {
      const session = new SessionScope(this.#client);
      try {
        this.#become("candidate");
        const mandate = await campaign(this.#candidate, closing, session.signal);
        const electedAtMs = clock.elapsedMs();
        const end = await this.#rule(mandate, electedAtMs, session.signal);
        // Whoever loses the mastership again and again right after each election would only disturb.
        if (clock.elapsedMs() - electedAtMs >= stableTenureMs) backoff.reset();
        if (end === "resigned") await pause(clock, resignPauseMs, closing);
        else await backoff.wait(closing);
      } catch (error) {
        if (closing.aborted || isCoordinationError(error, "ClientClosed")) break;
        if (!session.signal.aborted && !isInterruption(error)) {
          logger.error({ err: error, id: this.#options.id }, "A master met trouble; it tries again");
          this.#announcer.emit("trouble", { error });
        }
        await backoff.wait(closing);
      } finally {
        session[Symbol.dispose]();
      }
    }
    this.#become("closed");
    this.#state.complete();
  }

  /** One tenure, from the election on. */
  async #rule(mandate: Mandate, electedAtMs: number, session: AbortSignal): Promise<TenureEnd> {
    const { logger } = this.#client;
    const { id } = this.#options;
    const { epoch, zxid, tookMs } = mandate;
    const stop = AbortSignal.any([this.#closing.signal, this.#resigning.signal]);
    logger.info({ id, epoch, tookMs }, "Elected master");
    this.#become("elected");
    this.#announcer.emit("elected", { epoch, zxid, tookMs });
    const observer = this.#observer(epoch, electedAtMs);
    const end = await new Tenure({ ...this.#candidate, ...this.#options, mandate, observer, stop, session }).run();
    logger.info({ id, epoch, end }, "No longer master");
    if (end !== "sessionLost") await release(this.#client, this.layout, mandate.guid, session);
    this.#become("candidate");
    if (end === "resigned") this.#announcer.emit("resigned", { epoch });
    else this.#announcer.emit("lost", { epoch, why: end });
    return end;
  }

  #observer(epoch: number, electedAtMs: number): TenureObserver {
    const { id } = this.#options;
    const { clock, logger } = this.#client;
    return {
      onPhase: (phase) => {
        const before = this.#state.value;
        if (before === phase) return;
        this.#become(phase);
        if (phase === "suspended") this.#announcer.emit("suspended", { epoch });
        else if (before === "suspended") this.#announcer.emit("resumed", { epoch });
        if (phase === "active" && before !== "suspended") {
          this.#announcer.emit("active", { epoch, tookMs: clock.elapsedMs() - electedAtMs });
        }
      },
      onAssigned: ({ task, worker, attempt }) => this.#announcer.emit("assigned", { epoch, task, worker, attempt }),
      onReassigned: ({ worker, count }) => {
        logger.info({ id, epoch, worker, count }, "Took tasks back from a worker that is gone");
        this.#announcer.emit("reassigned", { epoch, worker, count });
      },
      onBuried: ({ task, attempts, error }) => {
        logger.warn({ id, epoch, task, attempts, error }, "Recorded a task as failed");
        this.#announcer.emit("buried", { epoch, task, attempts, error });
      },
      onStaleWriteRefused: ({ action, path }) => {
        logger.warn({ id, epoch, action, path }, "A write was refused: a later master exists");
        this.#announcer.emit("staleWriteRefused", { epoch, action, path });
      },
      onQuarantined: (node) => {
        logger.warn({ id, ...node }, "Left a node alone");
        this.#announcer.emit("quarantined", node);
      },
      onTrouble: (error) => {
        logger.error({ err: error, id, epoch }, "The master met trouble; it tries again");
        this.#announcer.emit("trouble", { error });
      },
    };
  }

  get #candidate(): Candidate {
    return { client: this.#client, layout: this.layout, id: this.#options.id, ownGuids: this.#ownGuids };
  }

  #become(state: MasterState): void {
    if (this.#state.value !== state) this.#state.next(state);
  }
}
