import { expect, test } from "vitest";
import { reportRepair } from "./report.ts";

test("a write that a crash cut short is no loss, as far as anybody can tell", () => {
  const kept = { zxid: 0x100000002, nodes: 5, sessions: 0, digest: "0x1", epoch: 1, hasOtherDigests: false };
  const steps = [{ kind: "move", name: "log.100000003", why: "it holds no record" }] as const;
  const lines = reportRepair("/data", { steps, losses: [], kept, lostUpToZxid: undefined });
  expect(lines).toEqual([
    "Nothing is lost that anybody was promised, as far as the files can tell.",
    "KEPT the state after 0x100000002: 5 nodes, 0 sessions, digest 0x1",
    "TO DO log.100000003: put aside (it holds no record)",
  ]);
});
