/**
 * One participant's part of one transaction, from the first look to the acknowledgement. It looks, does what `decideStep`
 * says, and looks again; nothing is concluded from the answer to a write. Each write of it is guarded by the place in the
 * queue of those who serve: of a process that was taken for dead and replaced, none happens any more.
 */
import { type Client, type Codec, isCoordinationError, type Transaction } from "@corral/client";
import { Bell, callAfter, type Grant, insist, isGrantLostError, isInterruption, sleep } from "@corral/recipe-kit";
import { pauseMs } from "./begin.ts";
import { blank, type Decision, decideStep, type Memory, type Vote } from "./decide.ts";
import type { Layout } from "./layout.ts";
import { look, outcomeOf, readVote, type Sight, writeDecision } from "./look.ts";
import type { Participant, Task } from "./participant.ts";
import { encodeTransaction, encodeVote, reasonOf } from "./records.ts";
import type { Slots } from "./slots.ts";

/** What a part is worked on with. */
export interface TaskRunParts<W> {
  readonly client: Client;
  readonly layout: Layout;
  readonly codec: Codec<W>;
  /** The participant. */
  readonly name: string;
  /** The transaction. */
  readonly id: string;
  readonly grant: Grant;
  readonly participant: Participant<W>;
  readonly slots: Slots;
  readonly onChange: (change: { readonly phase: TaskPhase } | { readonly trouble: unknown }) => void;
}

/** How far a part has come. */
export type TaskPhase = "begun" | "preparing" | "voting" | "voted" | "committing" | "rolling back" | "carried out";

/** What has to be done, or why it cannot be read. */
type Work<W> = { readonly work: W } | { readonly unreadable: unknown };

/** See the head of this file. */
export class TaskRun<W> {
  readonly #parts: TaskRunParts<W>;
  readonly #signal: AbortSignal;
  readonly #bell = new Bell();
  #memory: Memory = blank;
  /** Why it was prepared as it was. */
  #reason = "";
  #preparing: { readonly cancel: AbortController; readonly done: Promise<void> } | undefined;
  #overdue: Disposable | undefined;
  /** Since something last went well. */
  #failures = 0;

  constructor(parts: TaskRunParts<W>) {
    this.#parts = parts;
    this.#signal = parts.grant.signal;
  }

  /** Resolves when the part is done and acknowledged, or the process does not serve any more. Never rejects. */
  async run(): Promise<void> {
    const { client, layout, id, name, onChange } = this.#parts;
    for (; !this.#signal.aborted; this.#failures++) {
      try {
        await this.#work();
        break;
      } catch (err) {
        if (this.#signal.aborted || isGrantLostError(err) || isCoordinationError(err, "GrantLost")) break;
        if (!isInterruption(err)) {
          onChange({ trouble: err });
          client.logger.warn(
            { err, id, participant: name },
            "a part of a transaction is in trouble; it is tried again",
          );
        }
        await sleep(client.clock, pauseMs(client, this.#failures), this.#signal);
      }
    }
    this.#overdue?.[Symbol.dispose]();
    client.unwatch(layout.transaction(id), this.#bell.ring);
    this.#preparing?.cancel.abort(this.#signal.reason);
    await this.#preparing?.done;
  }

  async #work(): Promise<void> {
    const { client, layout, name, id, grant } = this.#parts;
    const work = await this.#read();
    while (work !== undefined) {
      grant.throwIfLost();
      const sight = await look({ client, layout, id }, this.#signal, this.#bell.ring);
      if (sight === undefined) {
        if ((await this.#read()) === undefined) return;
        throw new Error(`${layout.transaction(id)} was deleted before everybody was done: nobody knows its outcome`);
      }
      if (await this.#step(sight, name, work)) return;
      this.#failures = 0;
    }
  }

  /** `true`: all is done. */
  async #step(sight: Sight, name: string, work: Work<W>): Promise<boolean> {
    const { client, layout, id, onChange } = this.#parts;
    const step = decideStep(sight.view, name, this.#memory);
    switch (step.kind) {
      case "prepare":
        onChange({ phase: "preparing" });
        this.#prepare(work);
        return false;
      case "vote":
        onChange({ phase: "voting" });
        await this.#vote(sight, step.vote);
        return false;
      case "decide": {
        const outcome = outcomeOf(step.decision, sight, name);
        await writeDecision({ client, layout, id }, sight.record, outcome, this.#signal);
        return false;
      }
      case "wait":
        if (sight.view.decision !== undefined) this.#preparing?.cancel.abort(new Error("all is decided by now"));
        if (sight.view.votes[name] !== undefined) onChange({ phase: "voted" });
        this.#overdue ??= callAfter(client, sight.record.voteTimeoutMs, () => {
          this.#memory = { ...this.#memory, isOverdue: true };
          this.#bell.ring();
        });
        await this.#bell.wait(this.#signal);
        return false;
      case "carry out":
        onChange({ phase: step.decision === "commit" ? "committing" : "rolling back" });
        await this.#carryOut(step.decision, work);
        return false;
      case "acknowledge":
        await this.#acknowledge();
        return true;
    }
  }

  /** `undefined`: there is nothing to do any more. */
  async #read(): Promise<Work<W> | undefined> {
    const { client, layout, name, id, codec } = this.#parts;
    let data: Buffer | null;
    try {
      const path = layout.task(name, id);
      data = (await insist(client, () => client.get(path, { signal: this.#signal }), this.#signal)).data;
    } catch (error) {
      if (isCoordinationError(error, "NoNode")) return undefined;
      throw error;
    }
    try {
      return { work: await codec.decode(data) };
    } catch (error) {
      return { unreadable: error };
    }
  }

  /** In the background: meanwhile it may be decided, or time may be over. */
  #prepare(work: Work<W>): void {
    const { participant, slots } = this.#parts;
    const cancel = new AbortController();
    const onEnd = (): void => cancel.abort(this.#signal.reason);
    this.#signal.addEventListener("abort", onEnd, { once: true });
    this.#memory = { ...this.#memory, prepared: "running" };
    const prepare = async (): Promise<void> => {
      let prepared: Vote = "abort";
      try {
        const vote = await slots.run(() => participant.prepare(this.#task(work, cancel.signal)), cancel.signal);
        if (vote !== "commit" && vote !== "abort") throw new TypeError(`prepare gave ${String(vote)}, no vote`);
        prepared = vote;
        this.#reason = vote === "abort" ? "it voted against it" : "";
      } catch (error) {
        this.#reason = reasonOf(error);
      }
      this.#signal.removeEventListener("abort", onEnd);
      this.#memory = { ...this.#memory, prepared };
      this.#bell.ring();
    };
    this.#preparing = { cancel, done: prepare() };
  }

  /** Once, and only while nothing is decided. A vote against it is the decision as well. */
  async #vote(sight: Sight, vote: Vote): Promise<void> {
    const { client, layout, name, id, grant } = this.#parts;
    const path = layout.transaction(id);
    const record = encodeVote({ vote, reason: this.#reason });
    const attempt = client.transaction().guard(grant).set(layout.vote(id, name), record, { version: 0 });
    if (vote === "commit") attempt.check(path, { version: 0 });
    else {
      const outcome = { decision: vote, by: name, reason: this.#reason };
      attempt.set(path, encodeTransaction({ ...sight.record, outcome }), { version: 0 });
    }
    await this.#unlessMoved(attempt);
  }

  async #carryOut(decision: Decision, work: Work<W>): Promise<void> {
    const { participant, slots, grant, client, id, name } = this.#parts;
    if (decision === "abort" && "unreadable" in work && (await this.#ownVote()) !== "commit") {
      client.logger.warn(
        { err: work.unreadable, id, participant: name },
        "what cannot be read is not rolled back either",
      );
    } else {
      const task = this.#task(work, this.#signal);
      await slots.run(() => {
        grant.throwIfLost();
        return decision === "commit" ? participant.commit(task) : participant.rollback(task);
      }, this.#signal);
    }
    this.#memory = { ...this.#memory, isCarriedOut: true };
    this.#parts.onChange({ phase: "carried out" });
  }

  async #acknowledge(): Promise<void> {
    const { client, layout, name, id, grant } = this.#parts;
    const paths = [layout.task(name, id), layout.vote(id, name)] as const;
    try {
      await insist(
        client,
        () => client.transaction().guard(grant).delete(paths[0]).delete(paths[1]).commit({ signal: this.#signal }),
        this.#signal,
      );
    } catch (error) {
      // Acknowledged by an attempt whose reply was lost; or one of the two by somebody's hand, so both are seen to.
      if (!isCoordinationError(error, "NoNode")) throw error;
      for (const path of paths) await insist(client, () => this.#remove(path), this.#signal);
    }
  }

  async #remove(path: string): Promise<void> {
    const { client, grant } = this.#parts;
    try {
      await client.transaction().guard(grant).delete(path).commit({ signal: this.#signal });
    } catch (error) {
      if (!isCoordinationError(error, "NoNode")) throw error;
    }
  }

  /** What has moved meanwhile, or happened at an attempt whose reply was lost, the next look tells. */
  async #unlessMoved(attempt: Transaction): Promise<void> {
    try {
      await attempt.commit({ signal: this.#signal });
    } catch (error) {
      if (!isCoordinationError(error, "BadVersion")) throw error;
    }
  }

  async #ownVote(): Promise<Vote | undefined> {
    const { client, layout, id, name } = this.#parts;
    return (await insist(client, () => readVote(client, layout.vote(id, name), this.#signal), this.#signal))?.vote;
  }

  /** @throws Error if the work cannot be read: then it can be neither prepared nor carried out. */
  #task(work: Work<W>, signal: AbortSignal): Task<W> {
    const { id, grant } = this.#parts;
    if ("unreadable" in work) throw new Error(`the work cannot be read: ${reasonOf(work.unreadable)}`);
    return { id, work: work.work, signal, fencingToken: grant.fencingToken };
  }
}
