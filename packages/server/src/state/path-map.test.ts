import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { PathMap } from "./path-map.ts";

let map: PathMap<string>;
beforeEach(() => {
  map = new PathMap();
});

function above(path: string): string[] {
  const found: string[] = [];
  map.visitAbove(path, (value) => found.push(value));
  return found;
}

test("the root is above everything, and a name is whole", () => {
  for (const path of ["/", "/a", "/a/bc/d"]) map.set(path, path);
  expect(above("/a/bc/d/e")).toEqual(["/", "/a", "/a/bc/d"]);
  expect(above("/a/bc/d")).toEqual(["/", "/a", "/a/bc/d"]);
  expect(above("/a/b")).toEqual(["/", "/a"]);
  expect(above("/a/bcd")).toEqual(["/", "/a"]);
  expect(above("/ab")).toEqual(["/"]);
  expect(above("/")).toEqual(["/"]);
});

test("finds what a plain map finds by looking for each path, whatever came and went", () => {
  const path = fc
    .array(fc.constantFrom("a", "b", "ab", "ba", "\u{1f600}"), { maxLength: 6 })
    .map((names) => `/${names.join("/")}`);
  const step = fc.record({ path, isSet: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.array(path, { minLength: 5, maxLength: 10 }), (steps, asked) => {
      map = new PathMap();
      const plain = new Map<string, string>();
      for (const [i, { path: at, isSet }] of steps.entries()) {
        if (isSet) {
          map.set(at, `${at} ${i}`);
          plain.set(at, `${at} ${i}`);
        } else {
          map.delete(at);
          plain.delete(at);
        }
        expect([map.size, map.get(at)]).toEqual([plain.size, plain.get(at)]);
        for (const one of [at, ...asked]) {
          const names = one.split("/").filter((name) => name !== "");
          const paths = ["/", ...names.map((_, n) => `/${names.slice(0, n + 1).join("/")}`)];
          expect(above(one)).toEqual(paths.flatMap((p) => plain.get(p) ?? []));
        }
      }
    }),
    { numRuns: 100 },
  );
});

test("a path of many names takes no more places than one of few, and those that come and go are as fast", () => {
  // A place for each name would be 20 million of them, for which there is neither time nor room.
  const long = "/a".repeat(200_000);
  for (let i = 0; i < 100; i++) map.set(`/${i}${long}`, "long");
  for (let i = 0; i < 1_000; i++) {
    map.set(`/0${long.slice(0, 2 * i)}`, "short");
    map.delete(`/0${long.slice(0, 2 * i)}`);
  }
  expect(above(`/7${long}/x`)).toEqual(["long"]);
});
