import type { Stat } from "@corral/client";
import { expect, test } from "vitest";
import { explain } from "./explain.ts";

const nowMs = Date.UTC(2026, 10, 28, 12);
const base: Stat = {
  czxid: (3n << 32n) + 7n,
  mzxid: 0n,
  pzxid: 0n,
  ctimeMs: nowMs - 3 * 86_400_000,
  mtimeMs: nowMs - 90_000,
  version: 0,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 0,
  numChildren: 0,
};
const openAcl = [{ perms: 31, id: { scheme: "world", id: "anyone" } }];

test("a lock, and who stands in line", () => {
  const stat = { ...base, cversion: 24, numChildren: 2 };
  const children = new Map([
    ["_c_b-lock-0000000012", { ...base, ephemeralOwner: -1n, czxid: 12n }],
    ["_c_a-lock-0000000010", { ...base, ephemeralOwner: 0x1000n, czxid: 10n }],
  ]);
  expect(explain({ path: "/lock", stat, acl: openAcl, children, nowMs })).toMatchInlineSnapshot(`
    [
      "/lock stays until it is deleted (or is a container or has a time to live, which no server shows).",
      "It was created 3 days ago (2026-11-25T12:00:00.000Z) in epoch 3; its fencing token, czxid, is 12884901895 (0x300000007).",
      "Its 0 bytes of data have never been changed.",
      "It has 2 children. 2 of them stand in line by their numbers; the next would get 0000000013:",
      "  1. _c_a-lock-0000000010, of session 0x1000, token 10",
      "  2. _c_b-lock-0000000012, of session 0xffffffffffffffff, token 12",
      "Everybody may do everything with it.",
    ]
  `);
});

test("an ephemeral node that few may see", () => {
  const stat = { ...base, ephemeralOwner: 0x10n, version: 3, dataLength: 5 };
  const acl = [{ perms: 5, id: { scheme: "ip", id: "10.0.0.0/8" } }];
  expect(explain({ path: "/me", stat, acl, children: new Map(), nowMs })).toMatchInlineSnapshot(`
    [
      "/me is ephemeral: it goes when session 0x10 ends.",
      "It was created 3 days ago (2026-11-25T12:00:00.000Z) in epoch 3; its fencing token, czxid, is 12884901895 (0x300000007).",
      "Its 5 bytes of data were last changed 90 seconds ago (2026-11-28T11:58:30.000Z), for the 3rd time.",
      "It never had children.",
      "Who may do what (create, delete, read, write, admin):",
      "  cr ip:10.0.0.0/8",
    ]
  `);
});
