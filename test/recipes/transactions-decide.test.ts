/** Two-phase commit in every interleaving of a coordinator and three participants, any of whom may die at any step. */
import { decideOutcome, decideStep } from "@corral/transactions";
import { describe, expect, test } from "vitest";
import { explore } from "../support/explore.ts";
import { type TransactionRules, transactionModel } from "./transactions-model.ts";

const three: TransactionRules = { participants: 3, mayDie: false, comeBack: false, isLookSplit: false };
const two = { ...three, participants: 2, isLookSplit: true };
const forGood = { mayDie: true, comeBack: false };
const forAWhile = { mayDie: true, comeBack: true };

describe("three participants and a coordinator", () => {
  test("all commit or all abort, and all finish", () => {
    const { states } = explore(transactionModel(three));
    expect(states).toBeGreaterThan(30_000);
  });

  test("any of them may die for good at any step: those who live finish, and agree with what the dead have done", () => {
    const { states } = explore(transactionModel({ ...three, ...forGood }));
    expect(states).toBeGreaterThan(80_000);
  });

  test("any of them may die at any step, again and again, and come back: they find the decision, and agree", () => {
    const { states } = explore(transactionModel({ ...three, ...forAWhile }));
    expect(states).toBeGreaterThan(300_000);
  });
});

describe("two participants and a coordinator who read decision and votes one after the other", () => {
  test.each([
    ["live", {}],
    ["die for good", forGood],
    ["die and come back", forAWhile],
  ])("%s: they agree", (_, deaths) => {
    const { states } = explore(transactionModel({ ...two, ...deaths }));
    expect(states).toBeGreaterThan(1_000);
  });
});

describe("the model finds", () => {
  test("a decision that changes, when it is written whatever is there", () => {
    expect(() => explore(transactionModel({ ...two, once: false }))).toThrow("the decision was changed");
  });

  test("one that waits for ever, when nobody ends the wait for the dead", () => {
    expect(() => explore(transactionModel({ ...two, ...forGood, isTimed: false }))).toThrow("stuck");
  });

  test("a commit without everybody's vote, when silence is taken for consent", () => {
    const step: typeof decideStep = (view, own, memory) =>
      view.decision === undefined && memory.isOverdue
        ? { kind: "decide", decision: "commit" }
        : decideStep(view, own, memory);
    expect(() => explore(transactionModel({ ...two, step }))).toThrow("without all votes");
  });

  test("one that aborts what others commit, when who comes back presumes instead of asking", () => {
    const step: typeof decideStep = (view, own, memory) =>
      view.decision === undefined && view.votes[own] === "commit" && memory.prepared === "idle" && !memory.isCarriedOut
        ? { kind: "carry out", decision: "abort" }
        : decideStep(view, own, memory);
    expect(() => explore(transactionModel({ ...two, ...forAWhile, step }))).toThrow(
      "one committed and another aborted",
    );
  });
});

test("silence is no vote, and no reason to give up before the time is over", () => {
  const view = { participants: ["a", "b"], decision: undefined, votes: { a: "commit" } } as const;
  expect(decideOutcome(view, false)).toBeUndefined();
  expect(decideOutcome(view, true)).toBe("abort");
  expect(decideOutcome({ ...view, votes: { a: "commit", b: "commit" } }, true)).toBe("commit");
  expect(decideOutcome({ ...view, decision: "commit" }, true)).toBeUndefined();
});
