/**
 * Turns what is seen in the tree, and what the demo itself does to its processes, into sentences for people: pure, one
 * view after the other. Times are milliseconds on the demo's elapsed clock.
 */
import type { GroupView } from "./group-view.ts";

/** A worker that was killed and that the group has not missed yet. */
interface KilledWorker {
  /** Tasks that it held. */
  readonly held: readonly string[];
}

/** Tells the story. `onView` for each look at the tree, the other methods for what the demo does. */
export class Narrator {
  #before: GroupView | undefined;
  /** When the primary was killed, until another has taken over. */
  #primaryKilledAtMs: number | undefined;
  readonly #killedWorkers = new Map<string, KilledWorker>();

  /** The primary master was killed just now. */
  primaryKilled(master: string, assigned: number, unfinished: number, atMs: number): string {
    this.#primaryKilledAtMs = atMs;
    return `${master} killed, the primary master: ${count(assigned, "task")} assigned, ${unfinished} unfinished`;
  }

  /** A worker was killed just now, while it held `held`. */
  workerKilled(worker: string, held: readonly string[], unfinished: number): string {
    this.#killedWorkers.set(worker, { held });
    return `${worker} killed: it held ${count(held.length, "task")}, ${unfinished} unfinished`;
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
      sentences.push(`${worker} is missed: its session has expired`);
    }
    for (const [worker, { held }] of this.#killedWorkers) {
      if (!view.workers.includes(worker) && (view.queues.get(worker)?.length ?? 0) === 0) {
        this.#killedWorkers.delete(worker);
        sentences.push(`${worker} killed: ${count(held.length, "task")} reassigned`);
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
