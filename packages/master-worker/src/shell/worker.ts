/** The worker: registered under its id, running what it is assigned, until it is drained or closed. */
import { type Client, isCoordinationError, isInterruption } from "@corral/client";
import {
  BehaviorSubject,
  filter,
  firstValueFrom,
  fromEvent,
  map,
  merge,
  type Observable,
  Subject,
  startWith,
} from "rxjs";
import { Layout, requireName } from "../core/layout.ts";
import { capacityMax } from "../core/limits.ts";
import { AssignmentRunner } from "./assignment-runner.ts";
import { isWorkerIdTakenError, TaskStoppedError } from "./errors.ts";
import { Announcer, type EventSource, type WorkerEvents } from "./events.ts";
import type { TaskFunction } from "./execution.ts";
import { Backoff, coalesceMap, onAbort } from "./flow.ts";
import { QueueReader } from "./queue-reader.ts";
import { type Registration, register, unregister } from "./registration.ts";
import { SessionScope, stateChanges } from "./session-scope.ts";

/** What a worker is doing. `suspended`: the connection is gone; what runs goes on until the session is lost. */
export type WorkerState = "idle" | "registering" | "working" | "suspended" | "draining" | "closed";

/** How a `Worker` is made. */
export interface WorkerOptions {
  /** Unique in the group: letters, digits, `-`, `_`. A process that restarts may use its id again. */
  readonly id: string;
  /** What to do with a task. */
  readonly run: TaskFunction;
  /** Tasks run at once. Default 1. */
  readonly capacity?: number;
  /** Tasks held besides, so that the next is at hand when one is done. Default: as many as `capacity`. */
  readonly backlog?: number;
  /** Where the group lives. Default `/`. */
  readonly root?: string;
}

/** How long `close()` lets reports of finished tasks go on when the server does not answer. */
const closeMs = 3_000;

type ServingEnd = "closing" | "drained" | "sessionLost" | "unregistered";

/**
 * Runs tasks.
 *
 *     const worker = new Worker(client, {
 *       id: "worker-1",
 *       capacity: 4,
 *       run: async (input, { signal, attempt, taskName }) => countWords(await readFile(input.path, { signal })),
 *     });
 *     worker.events.on("reportRefused", ({ task, why }) => log.warn({ task, why }));
 *     await worker.start();
 *     …
 *     await worker.drain();        // finishes what it has, takes nothing more
 *
 * Znodes     /workers/<id> ephemeral; /assign/<id>, its queue, which it only ever deletes from
 * Invariant  a result is recorded only together with the deletion of the very assignment it was run under
 * Suspended  tasks go on; nothing is started or reported until the server answers again
 * Lost       every task is told to stop; it registers anew, and what it had comes back to it or to others as new attempts
 * Not given  that a task runs once. It runs at least once, and possibly on two workers at a time: use `fencingToken`
 */
export class Worker {
  /** The group's znodes. */
  readonly layout: Layout;
  /** The id it registers under. */
  readonly id: string;
  readonly #client: Client;
  readonly #capacity: number;
  readonly #backlog: number;
  readonly #announcer: Announcer<WorkerEvents>;
  readonly #state = new BehaviorSubject<WorkerState>("idle");
  readonly #runner: AssignmentRunner;
  readonly #hints = new Subject<void>();
  readonly #ownGuids = new Set<string>();
  readonly #closing = new AbortController();
  /** Aborts when `close()` will wait no longer for the server. */
  readonly #cut = new AbortController();
  #draining = false;
  #running: Promise<void> | undefined;
  #registered: Promise<void> | undefined;

  /** Throws a TypeError for an id or a root, a RangeError for a capacity that cannot be. Does nothing yet. */
  constructor(client: Client, options: WorkerOptions) {
    requireName("The worker's id", options.id);
    this.layout = new Layout(options.root);
    this.id = options.id;
    this.#client = client;
    this.#capacity = requireCount("capacity", options.capacity ?? 1, 1);
    this.#backlog = requireCount("backlog", options.backlog ?? this.#capacity, 0);
    this.#announcer = new Announcer(client.logger);
    this.#runner = new AssignmentRunner({
      client,
      layout: this.layout,
      worker: this.id,
      capacity: this.#capacity,
      work: options.run,
      announcer: this.#announcer,
      cut: this.#cut.signal,
      onSettled: () => this.#hints.next(),
    });
  }

  /** What happens, as it happens. */
  get events(): EventSource<WorkerEvents> {
    return this.#announcer.source;
  }

  get state(): WorkerState {
    return this.#state.value;
  }

  /** The state now, and every change of it. Completes when the worker is closed. */
  get state$(): Observable<WorkerState> {
    return this.#state.asObservable();
  }

  /** Tasks being run now. */
  get runningCount(): number {
    return this.#runner.runningCount;
  }

  /**
   * Registers, and works from then on in the background. Resolves when it is registered (or closed before that).
   * Rejects with WorkerIdTakenError if another live process has the id.
   */
  start(): Promise<void> {
    if (this.#registered === undefined) {
      const first = firstValueFrom(this.#state.pipe(filter((state) => state === "working" || state === "closed")));
      this.#running = this.#run();
      // Whoever calls start() hears of a failure there; run() and close() report it as well.
      this.#registered = Promise.race([first.then(() => undefined), this.#running]);
    }
    return this.#registered;
  }

  /** Starts, and drains when `signal` aborts. Resolves when closed. Rejects with WorkerIdTakenError. */
  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const drain = (): void => void this.drain();
    if (signal.aborted) drain();
    const ignore = onAbort(signal, drain);
    try {
      await this.start();
      await this.#running;
    } finally {
      ignore();
    }
  }

  /** Takes no more tasks, finishes those it has (waiting ones included), then closes. Resolves when closed. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#hints.next();
    // Without a registration there is nothing to finish that could still be recorded under it.
    if (this.#running === undefined || this.#state.value === "registering") return await this.close();
    await this.#ended();
  }

  /**
   * Stops: tells its tasks to, gives its registration up so that a master can reassign them at once, and waits for the
   * tasks' functions to return. Leaves the client open. Idempotent.
   */
  async close(): Promise<void> {
    this.#closing.abort(new TaskStoppedError("closing", "The worker is closing."));
    if (this.#running === undefined) {
      this.#become("closed");
      this.#state.complete();
      return;
    }
    const timer = this.#client.clock.setTimer(closeMs, () => this.#cut.abort(this.#closing.signal.reason));
    await this.#ended();
    timer.cancel();
  }

  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A failure to run has been reported to whoever started the worker. */
  async #ended(): Promise<void> {
    try {
      await this.#running;
    } catch (error) {
      if (!isWorkerIdTakenError(error)) throw error;
    }
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#client;
    const backoff = new Backoff(clock, random);
    const closing = this.#closing.signal;
    try {
      while (!closing.aborted) {
        const session = new SessionScope(this.#client);
        try {
          this.#become("registering");
          const registration = await this.#register(session.signal);
          backoff.reset();
          const end = await this.#serve(registration, session.signal);
          if (end === "drained") break;
        } catch (error) {
          if (isWorkerIdTakenError(error)) throw error;
          if (closing.aborted || isCoordinationError(error, "ClientClosed")) break;
          if (!session.signal.aborted && !isInterruption(error)) this.#trouble(error);
          await backoff.wait(closing);
        } finally {
          session[Symbol.dispose]();
        }
      }
    } finally {
      this.#runner.stopAll(new TaskStoppedError("closing", "The worker is closing."));
      await this.#runner.settled();
      this.#become("closed");
      this.#state.complete();
    }
  }

  #register(session: AbortSignal): Promise<Registration> {
    const signal = AbortSignal.any([this.#closing.signal, session]);
    const description = { capacity: this.#capacity, backlog: this.#backlog, draining: this.#draining };
    const { layout, id } = this;
    return register({ client: this.#client, layout, id, description, ownGuids: this.#ownGuids, signal });
  }

  /** Works under one registration until it is over. */
  async #serve(registration: Registration, session: AbortSignal): Promise<ServingEnd> {
    const { guid, czxid } = registration;
    const signal = AbortSignal.any([this.#closing.signal, session]);
    const reader = new QueueReader({
      client: this.#client,
      layout: this.layout,
      id: this.id,
      registration,
      onQuarantined: (node) => this.#announcer.emit("quarantined", node),
      onHint: () => this.#hints.next(),
    });
    const states = stateChanges(this.#client).pipe(map((state) => this.#onClientState(state)));
    this.#become(this.#draining ? "draining" : "working");
    this.#announcer.emit("registered", { czxid });
    const backoff = new Backoff(this.#client.clock, this.#client.random);
    const end = await firstValueFrom(
      merge(this.#hints, states, fromEvent(signal, "abort")).pipe(
        startWith(undefined),
        coalesceMap(() => this.#pass(reader, session, signal, backoff)),
        filter((end) => end !== undefined),
      ),
    );
    reader.close();
    if (end === "closing") this.#runner.stopAll(new TaskStoppedError("closing", "The worker is closing."));
    if (end === "sessionLost" || end === "unregistered") {
      this.#runner.stopAll(new TaskStoppedError("registrationLost", "The worker's registration is over."));
      this.#announcer.emit("lost", { why: end });
    } else {
      await unregister(this.#client, this.layout, this.id, guid, session);
    }
    return end;
  }

  /** Reads what is assigned, and starts and stops accordingly. `undefined` unless the registration is over. */
  async #pass(
    reader: QueueReader,
    session: AbortSignal,
    signal: AbortSignal,
    backoff: Backoff,
  ): Promise<ServingEnd | undefined> {
    for (;;) {
      if (session.aborted) return "sessionLost";
      if (this.#closing.signal.aborted) return "closing";
      if (this.#client.state !== "connected") return undefined;
      try {
        if (!(await reader.confirm(this.#draining, signal))) return "unregistered";
        const { assigned, added } = await reader.read(signal);
        this.#runner.stopAllBut(assigned);
        for (const execution of added) this.#runner.add(execution);
        backoff.reset();
        const idle = assigned.size === 0 && this.#runner.runningCount === 0;
        if (reader.draining) this.#become("draining");
        if (reader.draining && idle) return "drained";
        if (!reader.stale && reader.draining === this.#draining) return undefined;
      } catch (error) {
        if (signal.aborted) continue;
        reader.invalidate();
        if (!isInterruption(error)) this.#trouble(error);
        await backoff.wait(signal);
      }
    }
  }

  #onClientState(state: string): void {
    if (state === "suspended") this.#become("suspended");
    else if (state === "connected" && this.#state.value === "suspended") {
      this.#become(this.#draining ? "draining" : "working");
    }
  }

  #trouble(error: unknown): void {
    this.#client.logger.error({ err: error, worker: this.id }, "A worker met trouble; it tries again");
    this.#announcer.emit("trouble", { error });
  }

  #become(state: WorkerState): void {
    if (this.#state.value !== state) this.#state.next(state);
  }
}

function requireCount(name: string, value: number, min: number): number {
  if (Number.isInteger(value) && value >= min && value <= capacityMax) return value;
  throw new RangeError(`${name} must be a whole number from ${min} to ${capacityMax}, not ${value}.`);
}
