/** The rules of the barriers in every interleaving of their parties, each of whom may die at any step. */
import { decideEnter, decidePhase } from "@corral/barriers";
import { describe, expect, test } from "vitest";
import { explore } from "../support/explore.ts";
import { doubleBarrierModel } from "./barriers-model.ts";
import { phasedBarrierModel } from "./barriers-phase-model.ts";

describe("a double barrier", () => {
  test("two parties, three rounds: nobody is a round ahead, nobody is stuck", () => {
    const { states } = explore(doubleBarrierModel({ parties: 2, rounds: 3, deaths: 0 }));
    expect(states).toBeGreaterThan(200);
  });

  test("names in another order in each round change nothing", () => {
    const nameOf = (party: number, round: number) => `${(party + round) % 2}.${party}.${round}`;
    explore(doubleBarrierModel({ parties: 2, rounds: 3, deaths: 0, nameOf }));
  });

  test("three parties, two rounds", () => {
    const { states } = explore(doubleBarrierModel({ parties: 3, rounds: 2, deaths: 0 }));
    expect(states).toBeGreaterThan(2_000);
  });

  test.each([
    [2, 2],
    [3, 2],
    [4, 1],
  ])(
    "%i parties, %i rounds, and one dies at any step: whoever waits waits for nobody but the dead",
    (parties, rounds) => {
      explore(doubleBarrierModel({ parties, rounds, deaths: 1 }));
    },
  );

  test.each([
    [2, 3],
    [3, 2],
  ])("%i parties, %i rounds, and one that has died comes back: nobody who leaves is stuck", (parties, rounds) => {
    explore(doubleBarrierModel({ parties, rounds, deaths: 1, comeBack: true }));
  });
});

describe("the model finds", () => {
  test("a round taken for the next, when a ready node that is left over counts", () => {
    const enter: typeof decideEnter = (view) => (view.ready !== undefined ? { kind: "enter" } : decideEnter(view));
    const stale = { ...doubleBarrierModel({ parties: 2, rounds: 1, deaths: 0, enter }) };
    const start = { ...stale.start, ready: { members: ["0.0", "1.0"], version: 0 } };
    expect(() => explore({ ...stale, start })).toThrow("without");
    const shipped = doubleBarrierModel({ parties: 2, rounds: 1, deaths: 0 });
    explore({ ...shipped, start });
  });

  test("parties stuck, when who leaves waits for those who enter the next round", () => {
    const model = doubleBarrierModel({ parties: 2, rounds: 2, deaths: 0, leaveByRound: false });
    expect(() => explore(model)).toThrow("stuck");
  });
});

describe("a phased barrier", () => {
  test.each([
    [2, 3, 0],
    [3, 2, 0],
    [2, 3, 1],
    [3, 1, 1],
    [4, 1, 0],
  ])("%i parties, %i phases, %i dies at any step and comes back: nobody is a phase ahead, or stuck", (...rules) => {
    const [parties, phases, deaths] = rules;
    const { states } = explore(phasedBarrierModel({ parties, phases, deaths }));
    expect(states).toBeGreaterThan(100);
  });

  test("the model finds a phase completed by arrivals at another", () => {
    const decide: typeof decidePhase = (view) => {
      const names = view.names.map((name) => name.replace(/-p\d+-/, `-p${view.phase}-`));
      return decidePhase({ ...view, names, own: view.own.replace(/-p\d+-/, `-p${view.phase}-`) });
    };
    expect(() => explore(phasedBarrierModel({ parties: 2, phases: 2, deaths: 0, decide }))).toThrow("without");
  });
});

describe("a phase", () => {
  const names = ["_c_a-p2-arrival-0000000004", "_c_b-p2-arrival-0000000005", "_c_c-p1-arrival-0000000003"];
  const view = { current: 2, phase: 2, names, own: "_c_b-p2-arrival-0000000005", needed: 2 };

  test.each([
    ["complete when so many have arrived at it", {}, { kind: "advance", arrived: names.slice(0, 2) }],
    ["completed by the first that came", { needed: 1 }, { kind: "advance", arrived: names.slice(0, 1) }],
    ["not complete by arrivals at another", { needed: 3 }, { kind: "wait" }],
    ["passed when a later one is under way", { current: 3 }, { kind: "passed" }],
    ["arrived at no more when the node is gone", { own: "_c_d-p2-arrival-0000000006" }, { kind: "gone" }],
    ["passed, even if the node is gone", { own: "_c_d-p2-arrival-0000000006", current: 4 }, { kind: "passed" }],
  ])("is %s", (_, change, decision) => {
    expect(decidePhase({ ...view, ...change })).toEqual(decision);
  });

  test("is no other whose number begins with the same digits", () => {
    const eleven = names.map((name) => name.replace(/-p[12]-/, "-p11-"));
    const own = "_c_x-p1-arrival-0000000009";
    expect(decidePhase({ current: 1, phase: 1, names: [...eleven, own], own, needed: 2 })).toEqual({ kind: "wait" });
  });
});
