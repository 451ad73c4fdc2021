import { nodeRandom } from "@corral/io";
import { expect, test } from "vitest";
import { newGuid, newTicketGuid, sessionTimeoutIn } from "./guid.ts";

test("GUIDs are UUIDs, and differ", () => {
  const made = Array.from({ length: 1_000 }, (_, i) => (i % 2 ? newGuid(nodeRandom) : newTicketGuid(nodeRandom, 400)));
  for (const guid of made)
    expect(guid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-[48][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(new Set(made).size).toBe(made.length);
});

test.each([1, 400, 30_000, 2 ** 31 - 1])("a ticket's GUID tells a timeout of %i ms", (timeoutMs) => {
  const guid = newTicketGuid(nodeRandom, timeoutMs);
  expect(sessionTimeoutIn(guid)).toBe(timeoutMs);
  expect(sessionTimeoutIn(`${guid}-lock-0000000007`)).toBe(timeoutMs);
});

test.each([
  ["of a timeout that was not known", newTicketGuid(nodeRandom, 0)],
  ["of others", newGuid(nodeRandom)],
  ["of kazoo", "5a1f0f3f0e4c4c70a2b8a5f2ad0cf7a1"],
  ["that is none", "lock-0000000001"],
])("a GUID %s tells nothing", (_, text) => {
  expect(sessionTimeoutIn(text)).toBeUndefined();
});
