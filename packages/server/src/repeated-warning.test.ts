import { silentLogger } from "@corral/io";
import { VirtualClock } from "@corral/testing";
import { expect, test } from "vitest";
import { RepeatedWarning } from "./repeated-warning.ts";

test("the first of a kind is told at once, then one a second at most, with how many were left out", async () => {
  const clock = new VirtualClock();
  const lines: unknown[] = [];
  const warn = (fields: object, message: string) => void lines.push({ ...fields, message });
  const warning = new RepeatedWarning("refused", { logger: { ...silentLogger, warn }, clock });
  for (let n = 1; n <= 5; n++) warning.tell("many", { n });
  warning.tell("foreign", { n: 0 });
  await clock.advance(999);
  warning.tell("many", { n: 6 });
  await clock.advance(1);
  warning.tell("many", { n: 7 });
  await clock.advance(1_000);
  warning.tell("many", { n: 8 });
  expect(lines).toEqual([
    { n: 1, message: "refused" },
    { n: 0, message: "refused" },
    { n: 7, leftOut: 5, message: "refused" },
    { n: 8, message: "refused" },
  ]);
});
