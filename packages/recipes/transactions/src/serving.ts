/**
 * Acting for a participant: holding its place among the processes that would, and working on everything that waits for
 * it, from what was left by the process before to what is begun from now on. When the place is lost it is taken again.
 */
import { type Client, type Codec, Observed } from "@corral/client";
import {
  beginWait,
  contend,
  Grant,
  insist,
  isInterruption,
  returnTicket,
  Standing,
  sleep,
  type WaitOptions,
} from "@corral/recipe-kit";
import { BehaviorSubject } from "rxjs";
import { pauseMs } from "./begin.ts";
import type { Layout } from "./layout.ts";
import type { Participant } from "./participant.ts";
import { decideServing, servingKind } from "./serving-queue.ts";
import { Slots } from "./slots.ts";
import { type TaskPhase, TaskRun } from "./task-run.ts";

/** A part that is not acknowledged yet. */
export interface OpenTask {
  /** The transaction's. */
  readonly id: string;
  readonly phase: TaskPhase;
  /** What went wrong last with it; it is tried again. `undefined`: nothing since the phase began. */
  readonly trouble: unknown;
}

/** What a process does for a participant. */
export interface ServingView {
  /** `standing by`: the place is lost, or somebody else's, and being taken again. */
  readonly state: "serving" | "standing by" | "ended";
  readonly open: readonly OpenTask[];
}

/** How to serve. */
export interface ServeOptions extends WaitOptions {
  /** Left in the node, for `explain()` and for people. Default: nothing. */
  readonly identity?: string | undefined;
  /** So many of the participant's functions run at a time, 1 … 10 000. Default 16. */
  readonly concurrency?: number | undefined;
  /** `hold` (default): a broken connection ends the place at its deadline. `abort`: at once. */
  readonly whenSuspended?: "hold" | "abort" | undefined;
}

/** What serving needs. */
export interface ServingParts<W> {
  readonly client: Client;
  readonly layout: Layout;
  readonly codec: Codec<W>;
  readonly name: string;
  readonly participant: Participant<W>;
  readonly options: ServeOptions;
}

/** See the head of this file. Made by `TwoPhaseCommit.serve()`. */
export class Serving<W = unknown> implements AsyncDisposable {
  readonly #parts: ServingParts<W>;
  readonly #slots: Slots;
  readonly #view$ = new BehaviorSubject<ServingView>({ state: "standing by", open: [] });
  readonly #open = new Map<string, OpenTask>();
  /** Whether all that waited when the place was taken is in `#open`, or done. */
  readonly #listed$ = new BehaviorSubject(false);
  #standing: Standing<Grant> | undefined;
  /** Resolves when nothing is worked on any more under the last grant. */
  #stopped: Promise<void> = Promise.resolve();

  private constructor(parts: ServingParts<W>) {
    this.#parts = parts;
    this.#slots = new Slots(parts.options.concurrency ?? 16);
  }

  /** Waits for the place, and begins. `signal` ends only the wait. */
  static async begin<W>(parts: ServingParts<W>, signal: AbortSignal): Promise<Serving<W>> {
    const serving = new Serving(parts);
    const onChange = (grant: Grant | undefined): void => serving.#onGrant(grant);
    const standing = await Standing.begin(parts.client, { acquire: (s) => serving.#acquire(s), onChange }, signal);
    serving.#standing = standing;
    const end = (): void => serving.#tell("ended");
    if (standing.signal.aborted) end();
    else standing.signal.addEventListener("abort", end, { once: true });
    return serving;
  }

  /** The participant. */
  get name(): string {
    return this.#parts.name;
  }

  /** Aborts when it is over for good: after `release()`, or with the reason why it could not go on. */
  get signal(): AbortSignal {
    if (this.#standing === undefined) throw new Error("Serving has not begun.");
    return this.#standing.signal;
  }

  /** What it does now. */
  get view(): ServingView {
    return this.#view$.value;
  }

  /** What it does, now and after every change: an Observable and an AsyncIterable. Completes when it is over. */
  get view$(): Observed<ServingView> {
    return new Observed(this.#view$);
  }

  /**
   * Waits until nothing that it knows of is open: at the beginning, until all that was left has been carried out.
   * @throws WaitTimeoutError, the signal's reason; Error if it ends before
   */
  async idle(wait: WaitOptions = {}): Promise<void> {
    const { client, layout, name } = this.#parts;
    using limit = beginWait(client, "The end of all that waits at", layout.inbox(name), wait);
    const isIdle = (): boolean => this.#listed$.value && this.#open.size === 0;
    for await (const _ of new Observed(this.#view$, limit.signal)) if (isIdle()) return;
    limit.signal.throwIfAborted();
    throw new Error(`Serving for ${name} has ended while tasks were open.`, { cause: this.signal.reason });
  }

  /**
   * Stops. Resolves when what is being worked on has come to an end and another process can have the place; what is not
   * acknowledged, that one takes up. Idempotent.
   */
  async release(): Promise<void> {
    await this.#standing?.release();
    await this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  async #acquire(signal: AbortSignal): Promise<Grant> {
    const { client, layout, name, options } = this.#parts;
    // Of two lives of one participant the second must not begin while the first has not stopped.
    await this.#stopped;
    await insist(client, () => client.ensurePath(layout.inbox(name), { signal }), signal);
    const contest = { parent: layout.serving(name), kind: servingKind, data: options.identity ?? "" };
    const ticket = await contend(client, { ...contest, decide: decideServing }, signal);
    return new Grant(client, {
      path: ticket.path,
      sessionId: ticket.sessionId,
      fencingToken: ticket.czxid,
      whenSuspended: options.whenSuspended,
      giveBack: async () => {
        await this.#stopped;
        await returnTicket(client, ticket);
      },
    });
  }

  #onGrant(grant: Grant | undefined): void {
    this.#listed$.next(false);
    if (grant !== undefined) this.#stopped = this.#work(grant);
    this.#tell(grant === undefined ? "standing by" : "serving");
  }

  /** Works on everything, until the grant ends and nothing is worked on any more. Never rejects. */
  async #work(grant: Grant): Promise<void> {
    const { client, layout, name } = this.#parts;
    const runs = new Map<string, Promise<void>>();
    for (let failures = 0; !grant.signal.aborted; failures++) {
      try {
        for await (const ids of client.watchChildren(layout.inbox(name), { signal: grant.signal })) {
          this.#takeUp(ids ?? [], runs, grant);
        }
        // Complete without having been stopped: the client is closed, and the grant about to end.
        if (!grant.signal.aborted) break;
      } catch (err) {
        if (!isInterruption(err)) client.logger.warn({ err, participant: name }, "what waits cannot be listed; again");
        await sleep(client.clock, pauseMs(client, failures), grant.signal);
      }
    }
    await Promise.all(runs.values());
  }

  #takeUp(ids: readonly string[], runs: Map<string, Promise<void>>, grant: Grant): void {
    // What is not listed any more is done, for good; what is listed still may be done all the same.
    for (const id of runs.keys()) if (!ids.includes(id) && !this.#open.has(id)) runs.delete(id);
    for (const id of ids) {
      if (runs.has(id)) continue;
      this.#open.set(id, { id, phase: "begun", trouble: undefined });
      runs.set(id, this.#run(id, grant));
    }
    this.#listed$.next(true);
    this.#tell("serving");
  }

  async #run(id: string, grant: Grant): Promise<void> {
    const onChange = (change: { readonly phase: TaskPhase } | { readonly trouble: unknown }): void => {
      const before = this.#open.get(id);
      if (before === undefined) return;
      this.#open.set(
        id,
        "phase" in change ? { id, phase: change.phase, trouble: undefined } : { ...before, ...change },
      );
      this.#tell(this.view.state);
    };
    await new TaskRun({ ...this.#parts, id, grant, slots: this.#slots, onChange }).run();
    this.#open.delete(id);
    this.#tell(this.view.state);
  }

  #tell(state: ServingView["state"]): void {
    if (this.view.state === "ended") return;
    this.#view$.next({ state, open: [...this.#open.values()] });
    if (state === "ended") this.#view$.complete();
  }
}
