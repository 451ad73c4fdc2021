/** The rule of registration in every interleaving of its steps, each registrant dying at any moment. */

import { decideEntry } from "@corral/service-registry";
import { describe, expect, test } from "vitest";
import { explore } from "../support/explore.ts";
import { type Registrant, registryModel } from "./registry-model.ts";

const plain = (id: string): Registrant => ({ id });
const alone = (id: string): Registrant => ({ id, exclusive: true });
const polite = (id: string): Registrant => ({ id, takeOver: false });
const lasting = (id: string): Registrant => ({ id, persistent: true });

describe("an id has one registration, a name that is held alone only its holder's", () => {
  test.each<[string, Registrant[]]>([
    ["the same id three times", [plain("x"), plain("x"), plain("x")]],
    ["two of an id that take nothing over", [polite("x"), polite("x"), plain("y")]],
    ["three that want the name alone", [alone("x"), alone("y"), alone("z")]],
    ["two that want it alone and two that do not", [alone("x"), alone("y"), plain("z"), plain("z")]],
    ["the former self of who wants it alone", [alone("x"), alone("x"), plain("y")]],
    ["the former self was no hermit", [plain("x"), alone("x"), polite("y")]],
    ["entries that stay when their owner has gone", [lasting("x"), lasting("x"), plain("x")]],
    ["entries that stay, and one who wants the name alone", [lasting("x"), alone("x"), alone("y")]],
  ])("%s", (_, registrants) => {
    expect(explore(registryModel(registrants)).states).toBeGreaterThan(50);
  });

  test.each(["nobody", "foreign"])("also where there was an entry before: of %s", (owner) => {
    for (const id of ["x", "y"]) {
      explore(registryModel([plain("x"), alone("x"), plain("x")], { entries: { [id]: owner } }));
    }
  });
});

test("also when somebody deletes claims by hand", () => {
  explore(registryModel([alone("x"), alone("x"), plain("y")], { hands: 1 }));
  explore(registryModel([plain("x"), plain("x"), plain("x")], { hands: 1 }));
  explore(registryModel([plain("x"), alone("x"), alone("y")], { hands: 1 }));
});

describe("the model finds", () => {
  test("two in a name that is held alone, when nobody looks who was there before", () => {
    const careless: typeof decideEntry = (situation, request) => decideEntry({ ...situation, members: [] }, request);
    expect(() => explore(registryModel([alone("x"), plain("y")], { decide: careless }))).toThrow(
      "does not hold the name alone",
    );
  });

  test("a claim that stands for nothing, when anybody removes marks without a claim", () => {
    const careless: typeof decideEntry = (situation, request) => {
      const idMark = situation.idMark && { ...situation.idMark, isOwn: true };
      return decideEntry({ ...situation, idMark }, request);
    };
    const model = registryModel([plain("x"), plain("x"), plain("x")], { hands: 1, decide: careless });
    expect(() => explore(model)).toThrow("stands for nothing");
  });

  test("a claim that stands for nothing, when entries are taken over without their claims", () => {
    const careless: typeof decideEntry = (situation, request) => {
      const decision = decideEntry(situation, request);
      return decision.kind === "enter" ? { ...decision, remove: { ...decision.remove, claims: [] } } : decision;
    };
    expect(() => explore(registryModel([plain("x"), plain("x")], { decide: careless }))).toThrow("stands for nothing");
  });
});
