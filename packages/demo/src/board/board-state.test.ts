import { expect, it } from "vitest";
import { emptyView, type GroupView } from "../tree/group-view.ts";
import { Credits, groupOnBoard } from "./board-state.ts";

const view: GroupView = {
  ...emptyView,
  primary: "master-2",
  epoch: 2,
  workers: ["worker-1", "worker-2", "worker-3"],
  waiting: new Set(["t9"]),
  queues: new Map([
    ["worker-1", [{ task: "t1", attempt: 1 }]],
    ["worker-2", [{ task: "t2", attempt: 1 }]],
    ["worker-3", []],
  ]),
  done: new Set(["t0"]),
};
const running = (id: string) => ({ id, isRunning: true, isKilled: false });
const killed = (id: string) => ({ id, isRunning: false, isKilled: true });
const stopped = (id: string) => ({ id, isRunning: false, isKilled: false });

it("tells the state of everyone", () => {
  const board = groupOnBoard({
    view,
    masters: [killed("master-1"), running("master-2"), running("master-3")],
    workers: [running("worker-1"), killed("worker-2"), running("worker-3"), running("worker-4"), stopped("worker-5")],
    credits: new Map([["worker-1", 1]]),
    submitted: 4,
  });
  expect(board.masters.map(({ state }) => state)).toEqual(["killed", "primary", "standing by"]);
  expect(board.workers.map(({ state, held, done }) => [state, held, done])).toEqual([
    ["working", 1, 1],
    ["killed", 1, 0],
    ["idle", 0, 0],
    ["not registered", 0, 0],
    ["stopped", 0, 0],
  ]);
  expect(board).toMatchObject({ epoch: 2, waiting: 1, assigned: 2, done: 1, submitted: 4 });
});

it("credits a task to whom it was seen with last, once", () => {
  const credits = new Credits();
  credits.onView(view);
  const later: GroupView = { ...view, queues: new Map(), done: new Set(["t0", "t1"]) };
  credits.onView(later);
  credits.onView(later);
  expect([...credits.byWorker]).toEqual([["worker-1", 1]]);
});
