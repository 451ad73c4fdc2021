/** Proposals and edits in every interleaving of those who drive, answer and edit, any of whom may stop at any step. */
import { judge, type planHistory } from "@corral/configuration";
import { describe, expect, test } from "vitest";
import { explore } from "../support/explore.ts";
import { editModel } from "./configuration-edit-model.ts";
import { type ProposalRules, proposalModel } from "./configuration-model.ts";

describe("nothing is activated without the consent of everybody who has joined and is there, and nobody waits for ever", () => {
  test.each<[string, ProposalRules, number]>([
    ["three subscribers", { members: 3, isLookSplit: false }, 10_000],
    ["two subscribers, of whom one loses its session", { members: 2, losses: 1, isLookSplit: false }, 5_000],
    ["two drivers", { members: 1, drivers: 2, losses: 1 }, 5_000],
    ["somebody edits, and somebody withdraws it", { members: 2, edits: 1, withdrawals: 1 }, 5_000],
    ["one of two tries it out first", { members: 2, isTried: true }, 5_000],
    ["one tries it out first, with two drivers", { members: 1, drivers: 2, isTried: true }, 5_000],
    ["and loses its session, and all else", { members: 1, losses: 1, edits: 1, withdrawals: 1, isTried: true }, 1_000],
  ])("%s", (_, rules, atLeast) => {
    const { states, finals } = explore(proposalModel(rules));
    expect(states).toBeGreaterThan(atLeast);
    expect(finals).toBeGreaterThan(0);
  });
});

describe("the model finds", () => {
  test.each<[string, ProposalRules, string]>([
    ["who joined meanwhile, when that is not checked", { members: 1, checksJoins: false }, "without the consent of 0"],
    ["who changed its mind, when that is not checked", { members: 1, checksNodes: false }, "without the consent of 0"],
    ["a withdrawal, when that is not checked", { members: 0, withdrawals: 1, checksSlot: false }, "was withdrawn"],
    ["an edit, when that is not checked", { members: 0, edits: 1, checksRoot: false }, "an edit is lost"],
    ["who is announced before it is there", { members: 1, announcesLast: false }, "without the consent of 0"],
    ["a refusal that went with the session", { members: 1, losses: 1, remembers: false }, "0 had refused"],
    ["a driver that watches only after it has looked", { members: 1, watchesFirst: false }, "waits for ever"],
  ])("%s", (_, rules, problem) => {
    expect(() => explore(proposalModel(rules))).toThrow(problem);
  });

  test("a canary that has left, when nobody minds", () => {
    const judges: NonNullable<ProposalRules["judges"]> = (proposal, subscribers) =>
      judge({ ...proposal, canaries: undefined }, subscribers);
    expect(() => explore(proposalModel({ members: 1, isTried: true, judges }))).toThrow("a canary has left");
  });
});

describe("no edit is lost, and of each there is a way back", () => {
  test.each([
    ["three editors", { editors: 3, edits: 1, keep: 3 }, 100],
    ["two editors, and something else that writes", { editors: 2, edits: 2, outside: 2, keep: 2 }, 1_000],
    ["of whom much is kept", { editors: 2, edits: 2, outside: 1, keep: 10 }, 500],
  ])("%s", (_, rules, atLeast) => {
    const { states, finals } = explore(editModel(rules));
    expect(states).toBeGreaterThan(atLeast);
    expect(finals).toBeGreaterThan(0);
  });

  test("the model finds an edit that is lost, when versions are not looked at", () => {
    const careless = { editors: 2, edits: 1, keep: 5, checksVersion: false };
    expect(() => explore(editModel(careless))).toThrow("an edit is lost");
  });

  test("the model finds what something else has written and nobody keeps", () => {
    const plans: typeof planHistory = () => ({ addsReplaced: false, forgotten: [] });
    expect(() => explore(editModel({ editors: 1, edits: 1, outside: 1, keep: 5, plans }))).toThrow("no way back");
  });
});
