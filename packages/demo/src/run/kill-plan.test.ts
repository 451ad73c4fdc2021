import { BehaviorSubject } from "rxjs";
import { expect, it } from "vitest";
import { emptyView, type GroupView } from "../tree/group-view.ts";
import { Narrator } from "../tree/narrator.ts";
import { type Cast, type KillScene, performKills, type Victim } from "./kill-plan.ts";

const SUBMITTED = 12;

/** A group in which a kill shows at once; `change` says what it looks like after the kill of that id. */
class FakeGroup {
  readonly killed: string[] = [];
  readonly told: string[] = [];
  readonly masters: Victim[] = [];
  readonly workers: Victim[] = [];
  readonly views: BehaviorSubject<GroupView>;
  readonly #change: (id: string, view: GroupView) => GroupView;

  constructor(view: GroupView, change: (id: string, view: GroupView) => GroupView) {
    this.views = new BehaviorSubject(view);
    this.#change = change;
  }

  #start(kind: "master" | "worker", list: Victim[]): Victim {
    const victim = this.victim(`${kind}-${list.length + 1}`);
    list.push(victim);
    return victim;
  }

  victim(id: string): Victim {
    const { killed } = this;
    return {
      id,
      get isRunning() {
        return !killed.includes(id);
      },
      kill: async () => {
        killed.push(id);
      },
    };
  }

  scene(masters: number, workers: number): KillScene {
    const stage: Cast = {
      masters: this.masters,
      workers: this.workers,
      server: this.victim("server"),
      startMaster: () => this.#start("master", this.masters),
      startWorker: () => this.#start("worker", this.workers),
      startServer: async () => {},
    };
    for (let index = 0; index < masters; index += 1) stage.startMaster();
    for (let index = 0; index < workers; index += 1) stage.startWorker();
    const narrator = new Narrator();
    this.views.subscribe((view) => {
      this.told.push(...narrator.onView(view, performance.now()));
    });
    return {
      stage,
      narrator,
      submitted: SUBMITTED,
      signal: new AbortController().signal,
      chronicle: { tell: (text) => this.told.push(text) },
      observer: {
        views: this.views,
        // What the kill has left behind; what the group makes of it shows in the next view.
        lookAfresh: async () => {
          const left = this.views.value;
          const after = this.#change(this.killed.at(-1) ?? "", left);
          setImmediate(() => this.views.next(after));
          return left;
        },
        serverEpoch: 1,
        doneUpTo: async () => this.views.value.done,
      },
    };
  }
}

const queue = (...tasks: string[]) => tasks.map((task) => ({ task, attempt: 1 }));
const done = (count: number) => new Set(Array.from({ length: count }, (_, index) => `done-${index}`));

const start: GroupView = {
  ...emptyView,
  primary: "master-1",
  epoch: 1,
  workers: ["worker-1", "worker-2"],
  queues: new Map([
    ["worker-1", queue("a")],
    ["worker-2", queue("b", "c")],
  ]),
  done: done(2),
};

/** The group makes good what was killed. */
function recover(id: string, view: GroupView): GroupView {
  if (id.startsWith("master")) {
    return { ...view, primary: "master-2", epoch: 2 };
  }
  if (id.startsWith("worker")) {
    return { ...view, workers: ["worker-1"], queues: new Map([["worker-1", queue("a", "b", "c")]]) };
  }
  return view;
}

it("kills the primary, the busiest worker and the server, each after the last was made good", async () => {
  const group = new FakeGroup(start, recover);
  await performKills(group.scene(2, 2));
  expect(group.killed).toEqual(["master-1", "worker-2", "server"]);
  expect(group.told.map((text) => text.replace(/\d+ ms/, "N ms"))).toEqual([
    "master-1 is primary, epoch 1",
    "worker-1 has registered",
    "worker-2 has registered",
    "master-1, the primary master, killed: 3 tasks assigned, 10 unfinished",
    "master-2 took over in N ms, epoch 2",
    "worker-2 killed: it held 2 tasks, 10 unfinished",
    "worker-2 is gone: its session is over",
    "worker-2 killed: 2 tasks reassigned",
    "server killed: 3 tasks assigned, 10 unfinished",
    "server back after N ms, on the same data directory",
  ]);
});

it("starts another where there is no other", async () => {
  const alone = { ...start, workers: ["worker-1"], queues: new Map([["worker-1", queue("a")]]) };
  const group = new FakeGroup(alone, (id, view) =>
    id.startsWith("worker")
      ? { ...view, workers: ["worker-2"], queues: new Map([["worker-2", queue("a")]]) }
      : recover(id, view),
  );
  await performKills(group.scene(1, 1));
  expect(group.killed).toEqual(["master-1", "worker-1", "server"]);
  expect(group.told).toContain("master-2 started: there was no other master");
  expect(group.told).toContain("worker-2 started: there was no other worker");
});

it("waits until tasks are assigned", async () => {
  const group = new FakeGroup({ ...start, queues: new Map() }, recover);
  const kills = performKills(group.scene(2, 2));
  await new Promise(setImmediate);
  expect(group.killed).toEqual([]);
  group.views.next(start);
  await kills;
  expect(group.killed).toHaveLength(3);
});

it("does not kill on the strength of an old view: looks afresh, and if that shows no work, waits for the next view", async () => {
  const group = new FakeGroup(start, recover);
  const scene = group.scene(2, 2);
  let looks = 0;
  const observer = {
    ...scene.observer,
    lookAfresh: (signal: AbortSignal) =>
      ++looks === 1 ? Promise.resolve({ ...start, queues: new Map() }) : scene.observer.lookAfresh(signal),
  };
  const kills = performKills({ ...scene, observer });
  await new Promise(setImmediate);
  expect([looks, group.killed]).toEqual([1, []]);
  group.views.next(start);
  await kills;
  expect(group.killed).toHaveLength(3);
});

it("says so when the work is too far before the first kill", async () => {
  const group = new FakeGroup({ ...start, done: done(9) }, recover);
  await expect(performKills(group.scene(2, 2))).rejects.toThrow(
    "9 of 12 tasks were done before the primary master could be killed in the middle of the work. Give more files or a larger --pace",
  );
  expect(group.killed).toEqual([]);
});

it("says so when the work is too far before a later kill", async () => {
  const group = new FakeGroup(start, (id, view) => ({ ...recover(id, view), done: done(9) }));
  await expect(performKills(group.scene(2, 2))).rejects.toThrow(
    /9 of 12 tasks were done before a worker could be killed/,
  );
});

it("says so when a kill did not land", async () => {
  const group = new FakeGroup(start, recover);
  const scene = group.scene(2, 2);
  const looks = [start, { ...start, queues: new Map() }];
  const observer = { ...scene.observer, lookAfresh: async () => looks.shift() ?? start };
  await expect(performKills({ ...scene, observer })).rejects.toThrow(
    /The kill of the primary master did not land in the middle of the work: 0 tasks were assigned and 10 of 12 unfinished/,
  );
});

/** The server comes back, and before anybody looks nearly all is done. `doneAtKill`: how many were when it was killed. */
function quickAfterRestart(doneAtKill: number): { readonly group: FakeGroup; readonly kills: Promise<void> } {
  const group = new FakeGroup(start, recover);
  const scene = group.scene(2, 2);
  const observer = {
    ...scene.observer,
    lookAfresh: async (signal: AbortSignal) => {
      const view = await scene.observer.lookAfresh(signal);
      return group.killed.includes("server") ? { ...view, queues: new Map(), done: done(11) } : view;
    },
    doneUpTo: async (epoch: number) => done(epoch === 1 ? doneAtKill : 11),
  };
  return { group, kills: performKills({ ...scene, observer }) };
}

it("judges the kill of the server by what was recorded before it, not by what is by the time it is back", async () => {
  const { group, kills } = quickAfterRestart(3);
  await kills;
  expect(group.killed).toHaveLength(3);
});

it.each([
  [5, "0 tasks were assigned and 7 of 12 unfinished"],
  [9, "0 tasks were assigned and 3 of 12 unfinished"],
])("says so when the server's kill came too late: %i were done", async (doneAtKill, what) => {
  await expect(quickAfterRestart(doneAtKill).kills).rejects.toThrow(
    `The kill of the server did not land in the middle of the work: ${what}`,
  );
});

it("ends when it is told to", async () => {
  const group = new FakeGroup({ ...start, queues: new Map() }, recover);
  const end = new AbortController();
  const kills = performKills({ ...group.scene(2, 2), signal: end.signal });
  end.abort(new Error("enough"));
  await expect(kills).rejects.toThrow("enough");
});
