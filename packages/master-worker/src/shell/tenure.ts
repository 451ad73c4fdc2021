/**
 * The time for which one master rules: recovery first, then assigning, until it resigns or learns that it is no longer
 * the master. One loop, level-triggered: hints wake it, it brings its mirror up to date, asks the core what to do, does
 * it, and starts over until there is nothing to do. Never two passes at once.
 *
 * Recovery   the election itself was a write on this session, so what is read afterwards contains everything that
 *            earlier masters wrote. Everything is read with a watch; only when repairs are done are tasks assigned
 * Skeleton   whoever began to make the persistent nodes may have died over it, and a node that is not there cannot be
 *            watched for children: so a master makes what is missing before it reads, and again if one is removed
 * Suspended  nothing is written. On the same session, and if `/master` still stems from this election, it goes on
 * Deadline   before each write the client's deadline is looked at; once it has passed, a look at `/master` must succeed first
 * Stale      whatever slips through all of this is refused by the epoch check, and ends the tenure
 */
import { type Client, isCoordinationError, isInterruption } from "@corral/client";
import { filter, firstValueFrom, fromEvent, map, merge, Subject, startWith } from "rxjs";
import { assertNever } from "../core/assert.ts";
import { type Action, decideAssignments, decideRepairs, freePlacesIn, type GroupView } from "../core/decide.ts";
import type { Layout } from "../core/layout.ts";
import type { TaskFailure } from "../core/payloads.ts";
import { ActionPerformer, type ActionResult } from "./action-performer.ts";
import type { Mandate } from "./election.ts";
import { Backoff, coalesceMap, inFlight } from "./flow.ts";
import { GroupMirror, type Quarantined } from "./group-mirror.ts";
import { stateChanges } from "./session-scope.ts";
import { ensureSkeleton } from "./skeleton.ts";

/** How a tenure ends. */
export type TenureEnd =
  /** It was asked to. */
  | "resigned"
  /** The session is over. */
  | "sessionLost"
  /** `/master` is no longer from this election. */
  | "deposed"
  /** A write was refused because a later epoch exists. */
  | "superseded";

/** What a tenure tells while it lasts. All are called from within the loop and must not throw. */
export interface TenureObserver {
  onPhase(phase: "recovering" | "active" | "suspended"): void;
  onAssigned(event: { readonly task: string; readonly worker: string; readonly attempt: number }): void;
  onReassigned(event: { readonly worker: string; readonly count: number }): void;
  onBuried(event: { readonly task: string; readonly attempts: number; readonly error: TaskFailure }): void;
  onStaleWriteRefused(event: { readonly action: Action["type"]; readonly path: string }): void;
  onQuarantined(node: Quarantined): void;
  /** Something unexpected; it is tried again after a delay. */
  onTrouble(error: unknown): void;
}

/** What a tenure needs. */
export interface TenureOptions {
  readonly client: Client;
  readonly layout: Layout;
  readonly id: string;
  readonly mandate: Mandate;
  readonly attemptsMax: number;
  readonly inFlightMax: number;
  readonly observer: TenureObserver;
  /** Aborts when the master is to resign. */
  readonly stop: AbortSignal;
  /** Aborts when the session is lost. */
  readonly session: AbortSignal;
}

/** One tenure. */
export class Tenure {
  readonly #options: TenureOptions;
  readonly #mirror: GroupMirror;
  readonly #performer: ActionPerformer;
  readonly #backoff: Backoff;
  readonly #signal: AbortSignal;
  readonly #masterHints = new Subject<void>();
  /** Whether `/master` must be looked at before anything is written. */
  #doubted = true;
  #watchingMaster = false;
  /** Whether the persistent nodes have been seen to be there, and nothing has spoken against it since. */
  #rooted = false;
  #recovering = true;
  #finishedRead = false;
  #end: TenureEnd | undefined;

  constructor(options: TenureOptions) {
    const { client, layout, observer, stop, session } = options;
    this.#options = options;
    this.#signal = AbortSignal.any([stop, session]);
    this.#mirror = new GroupMirror(client, layout, options.inFlightMax, (node) => observer.onQuarantined(node));
    this.#backoff = new Backoff(client.clock, client.random);
    this.#performer = new ActionPerformer({
      client,
      layout,
      id: options.id,
      epoch: options.mandate.epoch,
      attemptsMax: options.attemptsMax,
      mayWrite: () => this.#mayWrite(),
    });
  }

  /** Rules until the tenure is over, and tells why it is. Never rejects but for a bug. */
  run(): Promise<TenureEnd> {
    this.#options.observer.onPhase("recovering");
    const states = stateChanges(this.#options.client).pipe(map((state) => this.#onClientState(state)));
    const hints = merge(this.#mirror.hints, this.#masterHints, states, fromEvent(this.#signal, "abort"));
    return firstValueFrom(
      hints.pipe(
        startWith(undefined),
        coalesceMap(() => this.#pass()),
        filter((end) => end !== undefined),
      ),
    );
  }

  #onClientState(state: string): void {
    if (state === "suspended") {
      this.#doubted = true;
      this.#options.observer.onPhase("suspended");
    }
  }

  /** Works until there is nothing left to do. `undefined` unless that is the end. */
  async #pass(): Promise<TenureEnd | undefined> {
    for (;;) {
      const end = this.#over();
      if (end !== undefined) return end;
      // Connected again, or lost: either is a hint.
      if (this.#options.client.state !== "connected") return undefined;
      try {
        const progress = await this.#round();
        if (progress === "idle") return this.#over();
        if (progress === "stuck") await this.#backoff.wait(this.#signal);
        else this.#backoff.reset();
      } catch (error) {
        if (this.#signal.aborted) continue;
        this.#doubted = true;
        this.#rooted = false;
        this.#mirror.invalidateAll();
        if (!isInterruption(error)) this.#options.observer.onTrouble(error);
        await this.#backoff.wait(this.#signal);
      }
    }
  }

  #over(): TenureEnd | undefined {
    if (this.#end === undefined && this.#options.session.aborted) this.#end = "sessionLost";
    if (this.#end === undefined && this.#options.stop.aborted) this.#end = "resigned";
    return this.#end;
  }

  /** Reads, decides, acts: once. `stuck` when every action was refused: the same view again would make a busy loop. */
  async #round(): Promise<"worked" | "stuck" | "idle"> {
    if (this.#doubted && !(await this.#confirm())) return "worked";
    if (!this.#rooted) await ensureSkeleton(this.#options.client, this.#options.layout, this.#signal);
    this.#rooted = true;
    if (!this.#finishedRead) await this.#mirror.readFinished(this.#signal);
    this.#finishedRead = true;
    await this.#mirror.refresh(this.#signal);
    const wanted = this.#recovering ? Number.POSITIVE_INFINITY : freePlacesIn(this.#mirror.view());
    await this.#mirror.refreshWaiting(wanted, this.#signal);
    if (this.#mirror.uprooted) {
      this.#rooted = false;
      this.#mirror.invalidateAll();
      return "stuck";
    }
    const view = this.#mirror.view();
    const actions = decideRepairs(view);
    if (this.#recovering && actions.length === 0) {
      this.#recovering = false;
      this.#mirror.forgetFinished();
      this.#options.observer.onPhase("active");
      return "worked";
    }
    if (!this.#recovering) actions.push(...decideAssignments(view));
    if (actions.length === 0) return this.#mirror.stale ? "worked" : "idle";
    const results = await inFlight(this.#options.inFlightMax, actions, (action) => this.#perform(action, view));
    this.#reportReassigned(results);
    return results.every(({ outcome }) => outcome === "outdated" || outcome === "unknown") ? "stuck" : "worked";
  }

  /** Looks whether `/master` is still from this election, and keeps a watch on it. */
  async #confirm(): Promise<boolean> {
    const { client, layout, mandate, observer } = this.#options;
    const watch = (): void => {
      this.#watchingMaster = false;
      this.#doubted = true;
      this.#masterHints.next();
    };
    const arming = !this.#watchingMaster;
    this.#watchingMaster = true;
    this.#doubted = false;
    try {
      // What this session wrote before its connection broke may still be on the way; sync waits for it.
      await client.sync(layout.master, { signal: this.#signal });
      const { stat } = await client.get(layout.master, { ...(arming ? { watch } : {}), signal: this.#signal });
      if (stat.czxid === mandate.zxid) {
        observer.onPhase(this.#recovering ? "recovering" : "active");
        return true;
      }
    } catch (error) {
      if (arming) this.#watchingMaster = false;
      this.#doubted = true;
      if (!isCoordinationError(error, "NoNode")) throw error;
    }
    this.#end ??= "deposed";
    return false;
  }

  /** Whether this master can be sure, here and now and without asking anybody, that its session lives. */
  #mayWrite(): boolean {
    const { client } = this.#options;
    if (this.#end !== undefined || this.#signal.aborted || this.#doubted || client.state !== "connected") return false;
    if (client.clock.elapsedMs() < client.deadlineMs) return true;
    this.#doubted = true;
    return false;
  }

  async #perform(action: Action, view: GroupView): Promise<ActionResult> {
    const worker = action.type === "drop" ? undefined : view.workers.get(action.worker);
    const result = await this.#performer.perform(action, worker, this.#signal);
    const { observer } = this.#options;
    switch (result.outcome) {
      case "assigned":
        this.#mirror.noteTaken(result.task);
        // The multi checked a registration at least as old as the view's, so the assignment is younger than that.
        this.#mirror.noteAssigned(result.worker, `${result.task}.${result.attempt}`, worker?.czxid ?? 0n);
        observer.onAssigned(result);
        break;
      case "reassigned":
        this.#noteQueue(action);
        this.#mirror.noteTasksChanged();
        break;
      case "buried":
        this.#mirror.noteTaken(result.task);
        this.#noteQueue(action);
        observer.onBuried(result);
        break;
      case "younger":
        if (action.type === "reassign") this.#mirror.noteAssigned(action.worker, action.assignment, result.czxid);
        break;
      case "quarantine":
        this.#mirror.quarantine(result.node);
        if (action.type === "assign") this.#mirror.noteTaken(action.task);
        break;
      case "stale":
        this.#end ??= "superseded";
        observer.onStaleWriteRefused({ action: action.type, path: result.path });
        break;
      case "applied":
      case "outdated":
      case "unknown":
        this.#noteQueue(action);
        if (action.type === "assign") this.#mirror.noteTaken(action.task);
        if (action.type === "drop" && action.place.in === "tasks") this.#mirror.noteTaken(action.place.task);
        this.#mirror.noteTasksChanged();
        break;
      case "held":
        break;
      default:
        assertNever(result);
    }
    return result;
  }

  /** Whatever is believed of the worker that an action was about has to be read again. */
  #noteQueue(action: Action): void {
    if (action.type !== "drop") this.#mirror.invalidateWorker(action.worker);
    else if (action.place.in === "assign") this.#mirror.invalidateWorker(action.place.worker);
  }

  #reportReassigned(results: readonly ActionResult[]): void {
    const counts = new Map<string, number>();
    for (const result of results) {
      if (result.outcome === "reassigned") counts.set(result.worker, (counts.get(result.worker) ?? 0) + 1);
    }
    for (const [worker, count] of counts) this.#options.observer.onReassigned({ worker, count });
  }
}
