/** Proposals in every interleaving of a driver and of subscribers who come, answer, change their minds and leave. */
import { describe, expect, test } from "vitest";
import { explore } from "../support/explore.ts";
import { proposalModel } from "./configuration-model.ts";

test("nothing is activated without the consent of everybody who has joined and is there", () => {
  const { states } = explore(proposalModel({ members: 3 }));
  expect(states).toBeGreaterThan(3_000);
});

describe("the model finds", () => {
  test("who joined while the driver was looking, when it does not check for that", () => {
    expect(() => explore(proposalModel({ members: 2, checksJoins: false }))).toThrow("without the consent");
  });

  test("who changed its mind meanwhile, when the driver does not check for that", () => {
    expect(() => explore(proposalModel({ members: 1, checksNodes: false }))).toThrow("without the consent of 0");
  });

  test("who is announced before it is there, and so is not seen", () => {
    // The two writes of a join are one step here; what matters is that the later one is the announcement.
    const model = proposalModel({ members: 2, joinsLast: false, checksJoins: true });
    explore(model);
  });
});
