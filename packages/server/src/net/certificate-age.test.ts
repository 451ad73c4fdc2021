import { describe, expect, test } from "vitest";
import { agedness } from "./certificate-age.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Good from 1970-04-11 on for `lifeMs`. */
const certificate = (lifeMs: number) => ({ beginsMs: 100 * dayMs, expiresMs: 100 * dayMs + lifeMs });

describe("what is said of a certificate's time", () => {
  test.each<[string, number, number, string | undefined]>([
    [
      "not yet good",
      365 * dayMs,
      -1,
      "is not good before 1970-04-11T00:00:00.000Z: is the clock of this machine right?",
    ],
    ["new", 365 * dayMs, 0, undefined],
    ["good for 15 days", 365 * dayMs, 350 * dayMs, undefined],
    [
      "good for 14 days",
      365 * dayMs,
      351 * dayMs,
      "expires at 1971-04-11T00:00:00.000Z: put a new one in its place before",
    ],
    ["at its end", 365 * dayMs, 365 * dayMs, "expired at 1971-04-11T00:00:00.000Z: put a new one in its place"],
    ["of a day, good for three hours", dayMs, 21 * hourMs, undefined],
    [
      "of a day, good for two",
      dayMs,
      22 * hourMs,
      "expires at 1970-04-12T00:00:00.000Z: put a new one in its place before",
    ],
  ])("%s", (_, lifeMs, ageMs, words) => {
    const one = certificate(lifeMs);
    expect(agedness(one, one.beginsMs + ageMs)).toBe(words);
  });
});
