import { describe, expect, test } from "vitest";
import { decideTaken, type TakenView } from "./decide-taken.ts";

const holder = { czxid: 5n, sessionId: 77n, sessionTimeoutMs: 10_000 };
const view: TakenView = {
  holder,
  whenTaken: "recover",
  sessionId: 88n,
  sessionTimeoutMs: 4_000,
  isFormer: false,
  isHeldHere: false,
  met: { czxid: 5n, atMs: 1_000 },
  nowMs: 1_000,
};
const wait = (waitMs: number) => ({ kind: "wait", waitMs });
const own = { ...holder, sessionId: 88n };

describe("a name that is taken", () => {
  test.each<[string, Partial<TakenView>, unknown]>([
    ["is waited for while its holder may be a dead process", {}, wait(20_000)],
    ["is waited for less the longer it took", { nowMs: 15_000 }, wait(6_000)],
    [
      "is waited for by one's own timeout if the holder tells none",
      { holder: { ...holder, sessionTimeoutMs: undefined } },
      wait(8_000),
    ],
    ["is refused when that time is over: its holder lives", { nowMs: 21_000 }, { kind: "refuse" }],
    ["is refused when somebody else has come meanwhile", { met: { czxid: 4n, atMs: 1_000 } }, { kind: "refuse" }],
    ["is refused when it belongs to no session", { holder: { ...holder, sessionId: 0n } }, { kind: "refuse" }],
    ["is refused at once if so asked", { whenTaken: "refuse" }, { kind: "refuse" }],
    ["is waited for without limit if so asked", { whenTaken: "wait", nowMs: 99_000 }, wait(Number.POSITIVE_INFINITY)],
    ["is taken over if so asked", { whenTaken: "replace" }, { kind: "take over" }],
    ["is taken over from one's own former session", { isFormer: true, whenTaken: "refuse" }, { kind: "take over" }],
    [
      "is taken over from one's own attempt that was given up",
      { holder: own, whenTaken: "refuse" },
      { kind: "take over" },
    ],
    ["is refused while one holds it oneself", { holder: own, isHeldHere: true }, { kind: "refuse" }],
    [
      "is waited for while one holds it oneself, if so asked",
      { holder: own, isHeldHere: true, whenTaken: "wait" },
      wait(Number.POSITIVE_INFINITY),
    ],
  ])("%s", (_, change, decision) => {
    expect(decideTaken({ ...view, ...change })).toEqual(decision);
  });
});
