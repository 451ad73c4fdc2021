import { expect, test } from "vitest";
import { nearestName } from "./nearest-name.ts";

const names = ["clientPort", "clientPortEnabled", "secureClientPort", "tickMs"];

test.each([
  ["clientport", "clientPort"],
  ["clientProt", "clientPort"],
  ["clientPortEnable", "clientPortEnabled"],
  ["secureClientPorts", "secureClientPort"],
  ["tick", "tickMs"],
  ["", undefined],
  ["colour", undefined],
  ["x", undefined],
])("%s may have meant %s", (name, meant) => {
  expect(nearestName(name, names)).toBe(meant);
});
