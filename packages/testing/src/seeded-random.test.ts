import { describe, expect, it } from "vitest";
import { seededRandom } from "./seeded-random.ts";

describe("seededRandom", () => {
  it("replays: the same seed gives the same numbers, another one others", () => {
    const draw = (seed: number) => {
      const random = seededRandom(seed);
      return [random.fraction(), random.below(1_000), [...random.bytes(8)], random.pick(["a", "b", "c"])];
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it("spreads over its range", () => {
    const random = seededRandom(1);
    const counts = new Array<number>(10).fill(0);
    for (let draws = 0; draws < 10_000; draws += 1) counts[random.below(10)]! += 1;
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });
});
