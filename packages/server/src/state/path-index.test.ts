import fc from "fast-check";
import { expect, test } from "vitest";
import { PathIndex } from "./path-index.ts";

/** An index beside a map that must always agree with it. */
class Modelled {
  readonly #paths: string[] = [];
  readonly index: PathIndex;
  readonly model = new Map<string, number>();

  constructor(seed: number) {
    this.index = new PathIndex({ path: (number) => this.#paths[number] ?? "" }, seed);
  }

  add(path: string): void {
    const number = this.#paths.push(path) - 1;
    expect(this.index.add(path, number)).toBe(!this.model.has(path));
    if (!this.model.has(path)) this.model.set(path, number);
  }

  delete(path: string): void {
    const number = this.model.get(path);
    if (number === undefined) return;
    this.index.delete(path, number);
    this.model.delete(path);
  }

  expectSame(paths: Iterable<string>): void {
    expect(this.index.size).toBe(this.model.size);
    // One expectation for all of them: there are hundreds of thousands.
    expect([...paths].filter((path) => this.index.get(path) !== this.model.get(path))).toEqual([]);
  }
}

test("a path index is a map, whatever the seed", () => {
  const path = fc.string({ maxLength: 3 }).map((text) => `/${text}`);
  fc.assert(
    fc.property(
      fc.integer(),
      fc.array(fc.tuple(path, fc.boolean()), { maxLength: 300, size: "max" }),
      (seed, steps) => {
        const both = new Modelled(seed);
        for (const [path, remove] of steps) {
          if (remove) both.delete(path);
          else both.add(path);
          both.expectSame([path]);
        }
        both.expectSame(steps.map(([path]) => path));
      },
    ),
  );
});

test("finds everything as it grows, and as it gets small again", () => {
  const paths = Array.from({ length: 20_000 }, (_, i) => `/app/${i % 7}/node-${i}`);
  const both = new Modelled(7);
  for (const path of paths) both.add(path);
  both.expectSame(paths);
  // Every third stays to the end, so that slots are closed between those that are in use.
  const going = paths.filter((_, i) => i % 3 > 0);
  for (const path of going) both.delete(path);
  both.expectSame(paths);
  for (const path of going.slice(0, 5_000)) both.add(path);
  both.expectSame(paths);
});

test("another path that is missing is not taken for one with the same end", () => {
  const both = new Modelled(0);
  both.add("/a/x");
  both.expectSame(["/a/x", "/b/x", "/a", "x", ""]);
});

test("refuses to delete what is not in it", () => {
  const both = new Modelled(0);
  both.add("/a");
  expect(() => both.index.delete("/b", 5)).toThrow("/b is in the index");
});
