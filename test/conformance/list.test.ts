/** Every line of the list is tried, or is said to be waiting; and every difference is one that a test has met. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { differences } from "./differences.ts";
import { waiting } from "./waiting.ts";

/** How many numbered lines each section of the list has. */
const sections = { A: 18, B: 10, C: 7, D: 15, E: 18, F: 8, G: 8, H: 6, I: 5, J: 5, K: 1, L: 4, M: 4, N: 9, S: 11 };
const list = Object.entries(sections).flatMap(([section, count]) =>
  Array.from({ length: count }, (_, at) => `${section}.${at + 1}`),
);

let source = "";
let tried = new Set<string>();
beforeAll(async () => {
  const directory = join(import.meta.dirname, "lines");
  const files = await Promise.all((await readdir(directory)).map((name) => readFile(join(directory, name), "utf8")));
  source = files.join("\n");
  tried = new Set([...source.matchAll(/server\.(?:test|slow)\(\s*["`]([A-S]\.\d+) /g)].map((match) => match[1] ?? ""));
});

/** `E.6`, `F.5–8`, `L`: the lines that it names. */
function named(text: string): string[] {
  return text.split(", ").flatMap((part) => {
    const [section = "", numbers] = part.split(".");
    if (numbers === undefined) return list.filter((line) => line.startsWith(`${section}.`));
    const [first = 0, last = first] = numbers.split("–").map(Number);
    return list.filter((line) => {
      const [of, number] = line.split(".");
      return of === section && Number(number) >= first && Number(number) <= last;
    });
  });
}

test("every line is tried or waits", () => {
  const waits = new Set(waiting.flatMap(({ lines }) => named(lines)));
  expect(list.filter((line) => !tried.has(line) && !waits.has(line))).toEqual([]);
  expect([...tried].filter((line) => !list.includes(line))).toEqual([]);
});

test("every difference is met by a test", () => {
  expect(Object.keys(differences).filter((name) => !source.includes(`differing("${name}")`))).toEqual([]);
});
