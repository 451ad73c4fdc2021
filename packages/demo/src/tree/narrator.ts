/**
 * Turns what is seen in the tree, and what the demo itself does to its processes, into sentences for people: pure, one
 * view after the other. Times are milliseconds on the demo's elapsed clock.
 */
import type { GroupView } from "./group-view.ts";

/** Tells the story: `onView` for each look at the tree, the other methods for what the demo is about to do. */
export class Narrator {
  #before: GroupView | undefined;
  /** When the primary was killed, until another has taken over. */
  #primaryKilledAtMs: number | undefined;
  /** Workers that were killed and that the group has not made up for yet, with how many tasks each held. */
  readonly #killedWorkers = new Map<string, number>();

  /** The primary master is being killed: the next primary is its successor. Said before the kill, not to miss that. */
  expectSuccessor(atMs: number): void {
    this.#primaryKilledAtMs = atMs;
  }

  /** The worker is being killed while it holds `held` tasks; said again if it turns out to be another number. */
  expectReassignment(worker: string, held: number): void {
    this.#killedWorkers.set(worker, held);
  }

  /** Sentences about what has changed since the last view. */
  onView(view: GroupView, atMs: number): string[] {
    const before = this.#before;
    this.#before = view;
    return [...this.#aboutMaster(before, view, atMs), ...this.#aboutWorkers(before, view)];
  }

  #aboutMaster(before: GroupView | undefined, view: GroupView, atMs: number): string[] {
    if (view.primary === undefined || (view.primary === before?.primary && view.epoch === before.epoch)) {
      return [];
    }
    const since = this.#primaryKilledAtMs;
    this.#primaryKilledAtMs = undefined;
    const how = since === undefined ? "is primary" : `took over in ${formatMs(atMs - since)}`;
    return [`${view.primary} ${how}, epoch ${view.epoch}`];
  }

  #aboutWorkers(before: GroupView | undefined, view: GroupView): string[] {
    const sentences: string[] = [];
    const known = before?.workers ?? [];
    for (const worker of view.workers.filter((id) => !known.includes(id))) {
      sentences.push(`${worker} has registered`);
    }
    for (const worker of known.filter((id) => !view.workers.includes(id))) {
      sentences.push(`${worker} is gone: its session is over`);
    }
    for (const [worker, held] of this.#killedWorkers) {
      if (!view.workers.includes(worker) && (view.queues.get(worker)?.length ?? 0) === 0) {
        this.#killedWorkers.delete(worker);
        sentences.push(`${worker} killed: ${count(held, "task")} reassigned`);
      }
    }
    return sentences;
  }

  /** Whether everything that was killed has been made good: another primary leads, no dead worker holds tasks. */
  get settled(): boolean {
    return this.#primaryKilledAtMs === undefined && this.#killedWorkers.size === 0;
  }
}

/** "1 task", "7 tasks". */
export function count(number: number, noun: string): string {
  return `${formatNumber(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** With commas between thousands. */
export function formatNumber(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "412 ms"; from ten seconds on "12.3 s". */
export function formatMs(durationMs: number): string {
  return durationMs < 10_000 ? `${formatNumber(Math.round(durationMs))} ms` : `${(durationMs / 1000).toFixed(1)} s`;
}
