/** What each strategy promises, for any candidates and any chance. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anInstance } from "../test-support/instances.ts";
import {
  type Candidate,
  type Candidates,
  leastRecentlyFailed,
  type Memory,
  preferZone,
  random,
  roundRobin,
  type Strategy,
  type StrategyName,
  sticky,
  strategyNamed,
  weighted,
} from "./strategies.ts";

const candidate = (id: string, of: { weight?: number; zone?: string; failedMs?: number } = {}): Candidate => ({
  instance: anInstance(id, { weight: of.weight ?? 1, zone: of.zone }),
  failedMs: of.failedMs,
});

const someIds = fc.uniqueArray(fc.constantFrom(..."abcdefgh"), { minLength: 1 }).map((ids) => ids.sort());
const someCandidates = someIds.map((ids) => listed(ids.map((id) => candidate(id))));
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

function listed(all: readonly Candidate[]): Candidates {
  const [first, ...others] = all;
  if (first === undefined) throw new Error("no candidates");
  return [first, ...others];
}

/** The ids that a strategy chooses, one after the other. */
function choices(strategy: Strategy, candidates: Candidates, chances: readonly number[], memory?: Memory): string[] {
  return chances.map((one) => {
    const choice = strategy(candidates, memory, one);
    memory = choice.memory;
    return choice.chosen.instance.id;
  });
}

const count = (ids: readonly string[], id: string): number => ids.filter((one) => one === id).length;

describe("every strategy", () => {
  test.each(["round-robin", "random", "weighted", "sticky", "least-recently-failed"] as const)(
    "%s chooses a candidate, and the same for the same input",
    (name) => {
      const strategy = strategyNamed(name);
      fc.assert(
        fc.property(
          someCandidates,
          fc.option(fc.constantFrom("/s/a", "/s/z"), { nil: undefined }),
          chance,
          (all, memory, one) => {
            const choice = strategy(all, memory, one);
            expect(all).toContain(choice.chosen);
            expect(strategy(all, memory, one)).toEqual(choice);
          },
        ),
      );
    },
  );
});

describe("round-robin", () => {
  test("takes each as often as the others, one after the other", () => {
    fc.assert(
      fc.property(someCandidates, fc.array(chance, { minLength: 1, maxLength: 40, size: "max" }), (all, chances) => {
        const chosen = choices(roundRobin, all, chances);
        const times = all.map(({ instance }) => count(chosen, instance.id));
        expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test("goes on from where it was when others come and go", () => {
    const [a, b, c, d] = ["a", "b", "c", "d"].map((id) => candidate(id)) as [
      Candidate,
      Candidate,
      Candidate,
      Candidate,
    ];
    const { memory } = roundRobin([a, b, d], a.instance.path, 0);
    expect(memory).toBe(b.instance.path);
    expect(roundRobin([a, c, d], memory, 0).chosen).toBe(c);
    expect(roundRobin([a, b], d.instance.path, 0).chosen).toBe(a);
  });

  test("begins anywhere, so that many clients do not all begin with the first", () => {
    const all = listed(["a", "b", "c"].map((id) => candidate(id)));
    expect([0, 0.34, 0.99].map((one) => roundRobin(all, undefined, one).chosen.instance.id)).toEqual(["a", "b", "c"]);
  });
});

/** How much of all chances falls to each, to within the step. */
function shares(strategy: Strategy, all: Candidates, steps = 10_000): Map<string, number> {
  const chosen = choices(
    strategy,
    all,
    Array.from({ length: steps }, (_, i) => i / steps),
  );
  return new Map(all.map(({ instance }) => [instance.id, count(chosen, instance.id) / steps]));
}

test("random: each as likely as the others", () => {
  for (const share of shares(random, listed(["a", "b", "c", "d"].map((id) => candidate(id)))).values()) {
    expect(share).toBeCloseTo(0.25, 3);
  }
});

describe("weighted", () => {
  test("each as likely as its weight says", () => {
    const weights = fc.array(fc.integer({ min: 0, max: 10 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(weights, (of) => {
        fc.pre(of.some((weight) => weight > 0));
        const total = of.reduce((sum, weight) => sum + weight, 0);
        const all = listed(of.map((weight, i) => candidate(String(i), { weight })));
        for (const [id, share] of shares(weighted, all, 2_000)) {
          expect(Math.abs(share - (of[Number(id)] ?? 0) / total)).toBeLessThan(0.002);
        }
      }),
      { numRuns: 30 },
    );
  });

  test("of those that weigh nothing any, if there is no other", () => {
    const all = listed(["a", "b"].map((id) => candidate(id, { weight: 0 })));
    expect([...shares(weighted, all).values()]).toEqual([0.5, 0.5]);
  });

  test("never one that weighs nothing beside one that does, whatever the rounding", () => {
    const weight = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e9, noNaN: true }));
    fc.assert(
      fc.property(fc.array(weight, { minLength: 1, maxLength: 6 }), chance, (of, one) => {
        fc.pre(of.some((w) => w > 0));
        const all = listed(of.map((w, i) => candidate(String(i), { weight: w })));
        expect(weighted(all, undefined, one).chosen.instance.weight).toBeGreaterThan(0);
      }),
    );
  });
});

test("sticky: the same as long as it is there, then another that stays", () => {
  fc.assert(
    fc.property(someCandidates, fc.array(chance, { minLength: 2 }), (all, chances) => {
      const chosen = choices(sticky(random), all, chances);
      expect(new Set(chosen).size).toBe(1);
      const left = all.filter(({ instance }) => instance.id !== chosen[0]);
      if (left.length === 0) return;
      const then = choices(sticky(random), listed(left), chances, `/s/${chosen[0]}`);
      expect(new Set(then).size).toBe(1);
      expect(then[0]).not.toBe(chosen[0]);
    }),
  );
});

describe("least recently failed", () => {
  test("never one of which another failed longer ago", () => {
    const failures = fc.array(fc.option(fc.nat(5), { nil: undefined }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(failures, fc.option(fc.constant("/s/2"), { nil: undefined }), chance, (of, memory, one) => {
        const all = listed(of.map((failedMs, i) => candidate(String(i), failedMs === undefined ? {} : { failedMs })));
        const { chosen } = leastRecentlyFailed(all, memory, one);
        for (const other of all) expect(chosen.failedMs ?? -1).toBeLessThanOrEqual(other.failedMs ?? -1);
      }),
    );
  });

  test("one after the other among equals", () => {
    const all = listed([candidate("a"), candidate("b", { failedMs: 3 }), candidate("c"), candidate("d")]);
    expect(choices(leastRecentlyFailed, all, [0, 0, 0, 0])).toEqual(["a", "c", "d", "a"]);
  });
});

describe("one's own zone", () => {
  const all = [candidate("a", { zone: "eu" }), candidate("b", { zone: "us" }), candidate("c", { zone: "eu" })];
  const ids = (of: readonly Candidate[]) => of.map(({ instance }) => instance.id).join("");

  test.each<[string | undefined, number | undefined, string]>([
    ["eu", undefined, "ac"],
    ["us", undefined, "b"],
    ["us", 2, "abc"],
    ["eu", 2, "ac"],
    ["asia", undefined, "abc"],
    ["asia", 0, "abc"],
    [undefined, undefined, "abc"],
  ])("%s, at least %s: %s", (zone, atLeast, expected) => {
    expect(ids(preferZone(all, zone, atLeast))).toBe(expected);
  });
});

test("a strategy that nobody knows is refused, with those there are", () => {
  const name = "fastest" as StrategyName;
  expect(() => strategyNamed(name)).toThrow(/"fastest" is not a strategy; use one of round-robin, random, weighted/);
});

test.each(["round-robin", "random", "weighted", "sticky", "least-recently-failed"] as const)(
  "%s looks at all candidates once, however often it is asked",
  (name) => {
    let looks = 0;
    const counting = (value: number) => ({
      get: () => {
        looks++;
        return value;
      },
    });
    const ids = Array.from({ length: 1_000 }, (_, i) => String(i).padStart(4, "0"));
    const many = ids.map((id, i) => {
      const { instance } = candidate(id);
      const counted = { ...instance };
      Object.defineProperty(counted, "weight", counting(1));
      return Object.defineProperty({ instance: counted, failedMs: undefined }, "failedMs", counting(i % 2));
    });
    choices(
      strategyNamed(name),
      listed(many),
      ids.map((_, i) => i / ids.length),
    );
    expect(looks).toBeLessThanOrEqual(2 * many.length);
  },
);
