/** Puts together what is on the board: what the tree says, and what the demo knows of its own processes. Pure. */
import { assignedCount, type GroupView } from "../tree/group-view.ts";
import type { BoardState, Member, MemberState } from "./render.ts";

/** A process of the cast. */
export interface CastMember {
  readonly id: string;
  readonly isRunning: boolean;
  readonly isKilled: boolean;
}

/** Everything the board is made of. */
export interface BoardSources {
  readonly view: GroupView;
  readonly masters: readonly CastMember[];
  readonly workers: readonly CastMember[];
  /** Results by worker, see `Credits`. */
  readonly credits: ReadonlyMap<string, number>;
  readonly submitted: number;
}

/** The part of the board's state that follows from the sources. */
export function groupOnBoard({ view, masters, workers, credits, submitted }: BoardSources) {
  const master = (member: CastMember): Member => {
    const alive = view.primary === member.id ? "primary" : "standing by";
    return { id: member.id, state: stateOf(member, alive), held: 0, done: 0 };
  };
  const worker = (member: CastMember): Member => {
    const { id } = member;
    const held = view.queues.get(id)?.length ?? 0;
    const alive = !view.workers.includes(id) ? "not registered" : held > 0 ? "working" : "idle";
    return { id, state: stateOf(member, alive), held, done: credits.get(id) ?? 0 };
  };
  return {
    epoch: view.epoch,
    masters: masters.map(master),
    workers: workers.map(worker),
    submitted,
    waiting: view.waiting.size,
    assigned: assignedCount(view),
    done: view.done.size,
  } satisfies Partial<BoardState>;
}

function stateOf({ isRunning, isKilled }: CastMember, alive: MemberState): MemberState {
  if (isKilled) {
    return "killed";
  }
  return isRunning ? alive : "stopped";
}

/**
 * Who did how much, as far as the tree shows it from outside: a task counts for the worker in whose queue it was seen last.
 * For the eye only; the reckoning at the end reads who recorded each result.
 */
export class Credits {
  readonly byWorker = new Map<string, number>();
  readonly #lastHolder = new Map<string, string>();
  readonly #credited = new Set<string>();

  /** Takes the next view. */
  onView(view: GroupView): void {
    for (const task of view.done) {
      const holder = this.#lastHolder.get(task);
      if (!this.#credited.has(task) && holder !== undefined) {
        this.byWorker.set(holder, (this.byWorker.get(holder) ?? 0) + 1);
      }
      this.#credited.add(task);
      this.#lastHolder.delete(task);
    }
    for (const [worker, queue] of view.queues) {
      for (const { task } of queue) {
        this.#lastHolder.set(task, worker);
      }
    }
  }
}
