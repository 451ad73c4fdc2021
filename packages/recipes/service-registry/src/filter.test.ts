import { expect, test } from "vitest";
import { anInstance } from "../test-support/instances.ts";
import { type InstanceFilter, isWanted } from "./filter.ts";

const instance = anInstance("a", { tags: ["v2", "blue"], zone: "eu", health: "warning", metadata: { rack: "7" } });

test.each<[InstanceFilter, boolean]>([
  [{}, true],
  [{ tags: ["v2"] }, true],
  [{ tags: ["v2", "blue"] }, true],
  [{ tags: ["v2", "green"] }, false],
  [{ zone: "eu" }, true],
  [{ zone: "us" }, false],
  [{ health: "warning" }, true],
  [{ health: ["passing"] }, false],
  [{ enabled: true }, true],
  [{ enabled: false }, false],
  [{ metadata: { rack: "7" } }, true],
  [{ metadata: { rack: "8" } }, false],
  [{ metadata: { toString: "7" } }, false],
  [{ where: ({ id }) => id === "a" }, true],
  [{ zone: "eu", where: () => false }, false],
])("%j: %s", (filter, expected) => expect(isWanted(instance, filter)).toBe(expected));
