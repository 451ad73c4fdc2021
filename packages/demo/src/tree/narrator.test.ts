import { describe, expect, it } from "vitest";
import { emptyView, type GroupView, killCondition, settle } from "./group-view.ts";
import { formatMs, formatNumber, Narrator } from "./narrator.ts";

const view = (change: Partial<GroupView>): GroupView => ({ ...emptyView, ...change });
const queue = (...tasks: string[]) => tasks.map((task) => ({ task, attempt: 1 }));

describe("Narrator", () => {
  it("tells of elections and registrations once", () => {
    const narrator = new Narrator();
    const first = view({ primary: "master-1", epoch: 1, workers: ["worker-1"] });
    expect(narrator.onView(first, 0)).toEqual(["master-1 is primary, epoch 1", "worker-1 has registered"]);
    expect(narrator.onView(first, 1)).toEqual([]);
  });

  it("measures a take-over from the kill", () => {
    const narrator = new Narrator();
    narrator.onView(view({ primary: "master-1", epoch: 1 }), 0);
    narrator.expectSuccessor(1_000);
    expect(narrator.settled).toBe(false);
    expect(narrator.onView(view({ primary: undefined, epoch: 1 }), 1_200)).toEqual([]);
    expect(narrator.onView(view({ primary: "master-2", epoch: 2 }), 1_412)).toEqual([
      "master-2 took over in 412 ms, epoch 2",
    ]);
    expect(narrator.settled).toBe(true);
  });

  it("tells of the same master elected again", () => {
    const narrator = new Narrator();
    narrator.onView(view({ primary: "master-1", epoch: 1 }), 0);
    expect(narrator.onView(view({ primary: "master-1", epoch: 2 }), 0)).toEqual(["master-1 is primary, epoch 2"]);
  });

  it("says that a killed worker's tasks are reassigned when all have left its queue", () => {
    const narrator = new Narrator();
    narrator.onView(view({ workers: ["worker-1"], queues: new Map([["worker-1", queue("a", "b")]]) }), 0);
    narrator.expectReassignment("worker-1", 2);
    expect(narrator.onView(view({ queues: new Map([["worker-1", queue("b")]]) }), 0)).toEqual([
      "worker-1 is gone: its session is over",
    ]);
    expect(narrator.onView(view({}), 0)).toEqual(["worker-1 killed: 2 tasks reassigned"]);
    expect(narrator.settled).toBe(true);
  });
});

describe("settle", () => {
  it("counts a task seen in two places where it came to last", () => {
    const settled = settle(
      view({ waiting: new Set(["a", "b", "c"]), queues: new Map([["w", queue("b", "c")]]), done: new Set(["c"]) }),
    );
    expect([...settled.waiting]).toEqual(["a"]);
    expect(settled.queues.get("w")).toEqual(queue("b"));
  });
});

describe("killCondition", () => {
  const with_ = (assigned: number, done: number) =>
    view({
      queues: new Map([["w", queue(...Array.from({ length: assigned }, (_, i) => `a${i}`))]]),
      done: new Set(Array.from({ length: done }, (_, i) => `d${i}`)),
    });
  it.each([
    [9, 2, 6, true],
    [9, 2, 7, false],
    [9, 0, 3, false],
    [1, 1, 0, true],
    [10, 3, 6, true],
    [10, 3, 7, false],
  ])("of %i tasks %i assigned and %i done: %s", (submitted, assigned, done, met) => {
    expect(killCondition(with_(assigned, done), submitted).met).toBe(met);
  });
});

describe("formats", () => {
  it.each([
    [0, "0"],
    [999, "999"],
    [1000, "1,000"],
    [1234567, "1,234,567"],
  ])("%i", (number, text) => {
    expect(formatNumber(number)).toBe(text);
  });
  it("shows long times in seconds", () => {
    expect(formatMs(1712.4)).toBe("1,712 ms");
    expect(formatMs(12_345)).toBe("12.3 s");
  });
});
