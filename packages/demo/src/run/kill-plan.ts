/**
 * The three kills, each by SIGKILL: the primary master, a worker that holds tasks, the server. A kill proves something only
 * in the middle of the work, so each waits until that is seen in the tree, and is confirmed by a look that begins after the
 * process is gone: what is unfinished then was unfinished at the kill. When the server is back, more may be finished than
 * was when it was killed; then the zxids of the results tell.
 */
import { type Observable, skip } from "rxjs";
import { assignedCount, conditionOf, type GroupView, type KillCondition, killCondition } from "../tree/group-view.ts";
import { count, formatMs, formatNumber, type Narrator } from "../tree/narrator.ts";
import { DemoError } from "./demo-error.ts";
import { firstWhere } from "./wait.ts";

/** A process that can be killed. */
export interface Victim {
  readonly id: string;
  readonly isRunning: boolean;
  /** Resolves when it is gone. */
  kill(): Promise<void>;
}

/** Who there is to kill, and how another is started. */
export interface Cast {
  readonly masters: readonly Victim[];
  readonly workers: readonly Victim[];
  readonly server: Victim | undefined;
  startMaster(): Victim;
  startWorker(): Victim;
  startServer(): Promise<void>;
}

/** Who sees what is in the tree. */
export interface Witness {
  /** As it changes. */
  readonly views: Observable<GroupView>;
  /** At one look that begins when it is asked for. */
  lookAfresh(signal: AbortSignal): Promise<GroupView>;
  /** Each start of the server begins an epoch of its own, the upper half of its zxids: the newest one seen. */
  readonly serverEpoch: number;
  /** The tasks whose results were recorded in that epoch of the server's or before. */
  doneUpTo(serverEpoch: number, signal: AbortSignal): Promise<ReadonlySet<string>>;
}

/** What the kills need. */
export interface KillScene {
  readonly stage: Cast;
  readonly observer: Witness;
  /** Sees each view before whoever subscribes to them here. */
  readonly narrator: Narrator;
  readonly chronicle: { tell(text: string): void };
  /** Tasks in all. */
  readonly submitted: number;
  readonly signal: AbortSignal;
}

/** Kills what is to be killed, each after the last was made good. Rejects with `DemoError` if one did not land. */
export async function performKills(scene: KillScene): Promise<void> {
  await killPrimary(scene);
  await killWorker(scene);
  await killServer(scene);
}

async function killPrimary(scene: KillScene): Promise<void> {
  const { stage, narrator, chronicle, observer, signal } = scene;
  // A few results first, so that the one who takes over finds tasks in every state.
  const someDone = Math.floor(scene.submitted / 12);
  const before = await approach(
    scene,
    "the primary master",
    (view) => view.primary !== undefined && view.done.size >= someDone,
  );
  const primary = memberOf(stage.masters, before.primary);
  narrator.expectSuccessor(performance.now());
  await primary.kill();
  const after = await confirm(scene, "the primary master");
  chronicle.tell(`${primary.id}, the primary master, killed: ${loadOf(scene, after)}`);
  if (!stage.masters.some((master) => master.isRunning)) {
    chronicle.tell(`${stage.startMaster().id} started: there was no other master`);
  }
  await firstWhere(observer.views, (view) => narrator.settled && view.epoch > before.epoch, signal);
}

async function killWorker(scene: KillScene): Promise<void> {
  const { stage, narrator, chronicle, observer, signal } = scene;
  const holds = (view: GroupView, worker: Victim) => view.queues.get(worker.id)?.length ?? 0;
  const before = await approach(scene, "a worker", (view) =>
    stage.workers.some((worker) => worker.isRunning && view.workers.includes(worker.id) && holds(view, worker) > 0),
  );
  const [victim] = stage.workers
    .filter((worker) => worker.isRunning)
    .sort((one, other) => holds(before, other) - holds(before, one));
  if (victim === undefined) {
    throw new DemoError("There is no worker to kill.");
  }
  narrator.expectReassignment(victim.id, holds(before, victim));
  await victim.kill();
  const after = await confirm(scene, victim.id);
  const held = holds(after, victim);
  if (held === 0) {
    throw new DemoError(`${victim.id} was killed, but it had just finished its last task. Give a larger --pace.`);
  }
  narrator.expectReassignment(victim.id, held);
  chronicle.tell(
    `${victim.id} killed: it held ${count(held, "task")}, ${formatNumber(unfinished(scene, after))} unfinished`,
  );
  if (!stage.workers.some((worker) => worker.isRunning)) {
    chronicle.tell(`${stage.startWorker().id} started: there was no other worker`);
  }
  await firstWhere(observer.views, () => narrator.settled, signal);
}

async function killServer(scene: KillScene): Promise<void> {
  const { stage, chronicle, observer, submitted, signal } = scene;
  const before = await approach(scene, "the server", () => true);
  const { serverEpoch } = observer;
  const atMs = performance.now();
  await stage.server?.kill();
  chronicle.tell(`server killed: ${loadOf(scene, before)}`);
  await stage.startServer();
  chronicle.tell(`server back after ${formatMs(performance.now() - atMs)}, on the same data directory`);
  const after = await observer.lookAfresh(signal);
  if (killCondition(after, submitted).met) {
    return;
  }
  const done = await observer.doneUpTo(serverEpoch, signal);
  // Of the tasks that were assigned just before, no more can have ended until the kill than results were recorded.
  const assigned = Math.max(0, assignedCount(before) - Math.max(0, done.size - before.done.size));
  requireLanded(conditionOf({ submitted, assigned, done: done.size }), "the server");
}

/**
 * Waits until `ready` holds in the middle of the work. Rejects when less than a third is left before that. A view may be
 * older than what it shows (by a lot, when the demo was stopped), so nothing is killed but on a fresh look.
 */
async function approach(scene: KillScene, whom: string, ready: (view: GroupView) => boolean): Promise<GroupView> {
  const { observer, submitted, signal } = scene;
  const isTooLate = (view: GroupView) => unfinished(scene, view) * 3 < submitted;
  const lands = (view: GroupView) => killCondition(view, submitted).met && ready(view);
  let { views } = observer;
  let view: GroupView;
  do {
    await firstWhere(views, (seen) => isTooLate(seen) || lands(seen), signal);
    // Should this look not confirm it, another one may: when the next view says so.
    views = observer.views.pipe(skip(1));
    view = await observer.lookAfresh(signal);
  } while (!isTooLate(view) && !lands(view));
  if (isTooLate(view)) {
    throw new DemoError(
      `${view.done.size} of ${submitted} tasks were done before ${whom} could be killed in the middle of the work. ` +
        "Give more files or a larger --pace, or --no-kill.",
    );
  }
  return view;
}

/** A look that begins after the kill. Rejects when it does not show that the kill landed in the middle of the work. */
async function confirm({ observer, submitted, signal }: KillScene, whom: string): Promise<GroupView> {
  const view = await observer.lookAfresh(signal);
  requireLanded(killCondition(view, submitted), whom);
  return view;
}

function requireLanded({ met, assigned, unfinished, submitted }: KillCondition, whom: string): void {
  if (!met) {
    throw new DemoError(
      `The kill of ${whom} did not land in the middle of the work: ${assigned} tasks were assigned and ${unfinished} of ` +
        `${submitted} unfinished right after it. Give more files or a larger --pace, or --no-kill.`,
    );
  }
}

function loadOf(scene: KillScene, view: GroupView): string {
  return `${count(assignedCount(view), "task")} assigned, ${formatNumber(unfinished(scene, view))} unfinished`;
}

function unfinished({ submitted }: KillScene, view: GroupView): number {
  return submitted - view.done.size;
}

function memberOf(members: readonly Victim[], id: string | undefined): Victim {
  const member = members.find((candidate) => candidate.id === id);
  if (member === undefined) {
    throw new DemoError(`${id} leads, which is none of the masters that were started.`);
  }
  return member;
}
