/** Style that a program can check. What each rule says instead is in rules.ts; exceptions stand in policy.ts. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readFiles, sources, type TextFile } from "./files.ts";
import { packages, unreachable, unusedDependencies, wrongImports } from "./import-graph.ts";
import { painPoints, painPointsPath } from "./pain-points.ts";
import { exceptions, layers, outside } from "./policy.ts";
import { impureCore, looseEnds, tellsOfElsewhere, tooLong, touchesOutside, undocumentedExports } from "./rules.ts";
import { format, isExcepted, type Violation } from "./violation.ts";

const files = readFiles(join(dirname(fileURLToPath(import.meta.url)), "..", ".."));
const source = sources(files);
const all = packages(files);

const isTable = ({ path }: TextFile) => path === painPointsPath;

const rules: readonly (readonly [name: string, find: () => Violation[]])[] = [
  ["the outside comes in through ports", () => source.flatMap(touchesOutside)],
  ["the core is pure and synchronous", () => source.flatMap(impureCore)],
  ["every export has a doc comment", () => source.flatMap(undocumentedExports)],
  ["no holes in the types, no forgotten switches, no swallowed errors", () => source.flatMap(looseEnds)],
  ["no file is too long", () => files.flatMap(tooLong)],
  ["nothing tells of the machine it was made on", () => files.flatMap(tellsOfElsewhere)],
  ["imports go down the layers", () => source.flatMap((file) => wrongImports(file, all))],
  ["no dependency is declared in vain", () => unusedDependencies(source, all)],
  ["no file is unreachable", () => unreachable(source)],
  [
    "what others suffer has a number, and a test",
    () => files.filter(isTable).flatMap((file) => painPoints(file, source)),
  ],
];

test("there is something to look at", () => expect(source.length).toBeGreaterThan(100));

test.each(rules)("%s", (_, find) => {
  const found = find().filter((one) => !isExcepted(one));
  expect(found.map(format).join("\n")).toBe("");
});

test("the policy names only what exists", () => {
  const paths = files.map(({ path }) => path);
  expect(paths).toContain(painPointsPath);
  for (const { path } of outside)
    expect(
      paths.some((one) => one.startsWith(path)),
      path,
    ).toBe(true);
  for (const name of Object.keys(layers))
    expect(
      all.map((one) => one.name),
      name,
    ).toContain(name);
  for (const { file, line } of exceptions) {
    expect(files.find(({ path }) => path === file)?.text, `${file}: ${line}`).toContain(line);
  }
});
