import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chooseCanaries, judge, type Subscriber } from "./decide.ts";
import type { Answer } from "./records.ts";

const accepts: Answer = { kind: "accepts", proposal: "p" };
const refuses: Answer = { kind: "refuses", proposal: "p", issues: [{ path: ["a"], message: "no" }] };
const earlier: Answer = { kind: "accepts", proposal: "an earlier one" };

function subscriber(name: string, answer?: Answer, tries?: string): Subscriber {
  return { name, identity: name.toUpperCase(), version: 1, tries, answer };
}

describe("a proposal", () => {
  test.each<[string, readonly Subscriber[], string]>([
    ["about which nobody is asked", [], "accepted"],
    ["that all accept", [subscriber("a", accepts), subscriber("b", accepts)], "accepted"],
    ["that one has not answered", [subscriber("a", accepts), subscriber("b")], "waiting"],
    ["to which one has answered about another", [subscriber("a", accepts), subscriber("b", earlier)], "waiting"],
    ["that one refuses", [subscriber("a", accepts), subscriber("b", refuses)], "refused"],
    ["that one refuses and another has not answered", [subscriber("a"), subscriber("b", refuses)], "refused"],
  ])("%s", (_, subscribers, verdict) => {
    expect(judge({ id: "p", canaries: undefined }, subscribers).verdict).toBe(verdict);
  });

  test("that is tried out tells who runs with it and who does not yet", () => {
    const subscribers = [subscriber("a", accepts, "p"), subscriber("b", accepts), subscriber("c", accepts, "q")];
    expect(judge({ id: "p", canaries: ["a", "b", "c"] }, subscribers)).toEqual({
      verdict: "accepted",
      accepted: ["A", "B", "C"],
      waitingFor: [],
      refusals: [],
      trying: ["A"],
      notTrying: ["B", "C"],
    });
  });

  test("is refused when one has left that was to try it out", () => {
    const { verdict, refusals } = judge({ id: "p", canaries: ["a", "gone"] }, [subscriber("a", accepts, "p")]);
    expect(verdict).toBe("refused");
    expect(refusals.map(({ identity }) => identity)).toEqual(["gone"]);
  });

  test("is accepted only by everybody, in whatever order they come", () => {
    const answer = fc.constantFrom(accepts, refuses, earlier, undefined);
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 6 }), (answers) => {
        const subscribers = answers.map((one, i) => subscriber(`${i}`, one));
        const standing = judge({ id: "p", canaries: undefined }, subscribers);
        expect(standing.verdict === "accepted").toBe(answers.every((one) => one === accepts));
        expect(standing.accepted.length + standing.waitingFor.length + standing.refusals.length).toBe(answers.length);
        expect(judge({ id: "p", canaries: undefined }, [...subscribers].reverse()).verdict).toBe(standing.verdict);
      }),
    );
  });
});

describe("canaries", () => {
  const names = Array.from({ length: 50 }, (_, i) => `subscriber-${String(i).padStart(10, "0")}`);

  test("are so many percent, at least one, at most all, none of nobody", () => {
    expect([0, 1, 2, 34, 99, 100].map((percent) => chooseCanaries(names, "p", percent).length)).toEqual([
      0, 1, 1, 17, 50, 50,
    ]);
    expect(chooseCanaries([], "p", 50)).toEqual([]);
    expect(chooseCanaries(["a"], "p", 1)).toEqual(["a"]);
  });

  test("are the same whoever chooses, and more of them with more percent", () => {
    const few = chooseCanaries(names, "p", 10);
    expect(chooseCanaries([...names].reverse(), "p", 10)).toEqual(few);
    expect(chooseCanaries(names, "p", 40)).toEqual(expect.arrayContaining(few));
  });

  test("are others with every proposal, so that each has its turn", () => {
    const turns = new Map<string, number>();
    for (let p = 0; p < 1_000; p++) {
      for (const name of chooseCanaries(names, `proposal ${p}`, 10)) turns.set(name, (turns.get(name) ?? 0) + 1);
    }
    expect(turns.size).toBe(names.length);
    // 100 each on average.
    for (const count of turns.values()) expect(count).toBeGreaterThan(50);
    for (const count of turns.values()) expect(count).toBeLessThan(170);
  });
});
