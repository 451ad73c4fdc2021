/** Each rule catches what it is for, at the right line, and lets pass what only looks like it. */
import { describe, expect, test } from "vitest";
import { type SourceFile, sourceFile } from "./files.ts";
import { packages, unreachable, unusedDependencies, wrongImports } from "./import-graph.ts";
import { painPointCount, painPoints, painPointsPath } from "./pain-points.ts";
import { impureCore, looseEnds, tellsOfElsewhere, tooLong, touchesOutside, undocumentedExports } from "./rules.ts";
import { blank } from "./source-text.ts";
import { format, isExcepted, type Violation } from "./violation.ts";

const shell = "packages/client/src/x.ts";
const inCore = "packages/server/src/state/x.ts";

/** One line of code below two harmless ones; a violation must say line 3. */
function at(path: string, line: string): SourceFile {
  return sourceFile(path, `/** A file. */\n\n${line}\n`);
}

function caught(find: (file: SourceFile) => Violation[], path: string, line: string): void {
  const found = find(at(path, line));
  expect(found.length).toBeGreaterThanOrEqual(1);
  for (const one of found) {
    expect(one).toMatchObject({ file: path, line: 3, text: line.trim() });
    expect(one.instead).not.toBe("");
    expect(format(one)).toContain(`${path}:3 [${one.rule}]`);
  }
}

describe("the outside", () => {
  test.each([
    "const now = Date.now();",
    "const now = new Date();",
    "const stamp = Date();",
    "setTimeout(() => {}, 10);",
    "const timer = setInterval(tick, 10);",
    "globalThis.setImmediate(tick);",
    "const signal = AbortSignal.timeout(5);",
    "const x = Math.random();",
    "const id = crypto.randomUUID();",
    "const t = performance.now();",
    "const home = process.env.HOME;",
    'const home = process["env"];',
    'import { readFileSync } from "node:fs";',
    'import { connect } from "node:net";',
    'export { spawn } from "node:child_process";',
    'const os = await import("node:os");',
    "const text = `it is $" + "{Date.now()}`;",
  ])("%s", (line) => caught(touchesOutside, shell, line));

  test.each([
    "// Date.now() is not for here",
    'const text = "Date.now()";',
    "const text = `setTimeout`;",
    "const readable = new Date(wallMs).toISOString();",
    "clock.setTimer(10, tick);",
    "this.process.kill();",
    "const { process } = parts;",
    'import { join } from "node:path";',
    "const pattern = /Math.random/;",
  ])("%s may stand", (line) => expect(touchesOutside(at(shell, line))).toEqual([]));

  test("tests, entry points and the ports' implementation may", () => {
    for (const path of ["packages/client/src/x.test.ts", "packages/io/src/node/x.ts", "bench/src/main.ts"]) {
      expect(touchesOutside(at(path, "Date.now();"))).toEqual([]);
    }
  });
});

describe("the core", () => {
  test.each([
    "export async function f() {}",
    "await something;",
    "let p: Promise<void>;",
    "queueMicrotask(f);",
    'import { Subject } from "rxjs";',
    'import { map } from "rxjs/operators";',
    'import { EventEmitter } from "eventemitter3";',
  ])("%s", (line) => caught(impureCore, inCore, line));

  test("the shell may", () => expect(impureCore(at(shell, "await something;"))).toEqual([]));
});

describe("doc comments", () => {
  test.each([
    "export function f() {}",
    "export async function f() {}",
    "export const x = 1;",
    "export class C {}",
    "export abstract class C {}",
    "export interface I {}",
    "export type T = string;",
    "export default function f() {}",
  ])("%s", (line) => caught(undocumentedExports, shell, line));

  test("a comment above, a re-export, a further overload, a test's own", () => {
    expect(undocumentedExports(sourceFile(shell, "/** F. */\nexport function f() {}\n"))).toEqual([]);
    expect(undocumentedExports(sourceFile(shell, 'export { f } from "./f.ts";\nexport * from "./g.ts";\n'))).toEqual(
      [],
    );
    const overloads = "/** F. */\nexport function f(a: number): void;\nexport function f(a: string): void;\n";
    expect(undocumentedExports(sourceFile(shell, overloads))).toEqual([]);
    expect(undocumentedExports(at("packages/client/src/x.test.ts", "export const x = 1;"))).toEqual([]);
  });
});

describe("loose ends", () => {
  test.each([
    "let x: any;",
    "let x: any[];",
    "const x = y as any;",
    "let x: Map<string, any>;",
    "let x: string | any;",
    "const f = (): Array<any> => [];",
    `// @${"ts"}-ignore`,
    `// @${"ts"}-expect-error it is so`,
    `test.${"only"}("x", f);`,
    `describe.concurrent.${"only"}("x", f);`,
    'console.log("x");',
    "debugger;",
    `// ${"TO"}DO: mend`,
    "try { f(); } catch {}",
    "try { f(); } catch (error) { }",
    "promise.catch(() => {});",
    "promise.catch((_) => {});",
  ])("%s", (line) => caught(looseEnds, shell, line));

  test.each([
    "const kinds = { any: 3 };",
    "if (kind === WatcherType.any) return any;",
    "await Promise.any(all);",
    "// any console. is fine in a comment",
    "const any = a || any;",
    "const { data, any, persistent } = WatcherType;",
    "call({ path, type: any });",
    'const text = "console.log";',
    "view.console.clear();",
    "try { f(); } catch { /* it was gone already */ }",
  ])("%s may stand", (line) => expect(looseEnds(at(shell, line))).toEqual([]));

  test("a test of types says where it expects an error", () => {
    expect(looseEnds(at("test/types/x.test-d.ts", `// @${"ts"}-expect-error: as it should be`))).toEqual([]);
    caught(looseEnds, "test/types/x.test-d.ts", `// @${"ts"}-ignore`);
  });
});

test("long files", () => {
  expect(tooLong({ path: shell, text: "x\n".repeat(500) })).toEqual([]);
  expect(tooLong({ path: shell, text: "x\n".repeat(501) })).toHaveLength(1);
  expect(tooLong({ path: "pnpm-lock.yaml", text: "x\n".repeat(9000) })).toEqual([]);
});

describe("elsewhere", () => {
  test.each([
    `see /${"work"}/main/x`,
    `in /tmp/${"contract"}`,
    `resolved https://${"registry"}.npmjs.org/x`,
    `resolution: {${"tarball"}: https://example.org/x.tgz}`,
    `registry=https://npm.${"artifactory"}.example.org/`,
  ])("%s", (text) => expect(tellsOfElsewhere({ path: "README.md", text: `a\n${text}\n` })).not.toEqual([]));

  test("ordinary paths and addresses may stand", () => {
    expect(
      tellsOfElsewhere({ path: "README.md", text: "the /workers node, https://nodejs.org, a service registry" }),
    ).toEqual([]);
  });
});

describe("imports", () => {
  const all = packages([
    {
      path: "packages/client/package.json",
      text: '{"name":"@corral/client","dependencies":{"@corral/io":"*","@corral/server":"*"}}',
    },
    { path: "packages/server/package.json", text: '{"name":"@corral/server"}' },
    { path: "package.json", text: '{"name":"root"}' },
    {
      path: "packages/recipes/locks/package.json",
      text: '{"name":"@corral/locks","dependencies":{"@corral/barriers":"*","@corral/client":"*"}}',
    },
  ]);
  const find = (file: SourceFile) => wrongImports(file, all);

  test.each([
    ["upward, or sideways", 'import { x } from "@corral/server";'],
    ["into another's files", 'import { x } from "@corral/io/src/x.ts";'],
    ["around the front door", 'import { x } from "../../server/src/x.ts";'],
    ["without an extension", 'import { x } from "./x";'],
    ["with the extension of the output", 'import { x } from "./x.js";'],
    ["the support of tests", 'import { x } from "../test-support/x.ts";'],
    ["what is not declared", 'import { x } from "left-pad";'],
    ["what is not declared, of our own", 'import { x } from "@corral/protocol";'],
    ["only its place", 'const place = import.meta.resolve("@corral/server");'],
    ["a type", 'export type { x } from "@corral/server";'],
  ])("%s", (_, line) => caught(find, shell, line));

  test.each([
    'import { x } from "@corral/io";',
    'import { x } from "./deeper/x.ts";',
    'import { x } from "node:path";',
    '// import { x } from "@corral/server";',
  ])("%s may stand", (line) => expect(find(at(shell, line))).toEqual([]));

  test("a recipe stands on the client, not on other recipes", () => {
    caught(find, "packages/recipes/locks/src/x.ts", 'import { x } from "@corral/barriers";');
    expect(find(at("packages/recipes/locks/src/x.ts", 'import { x } from "@corral/client";'))).toEqual([]);
  });

  test("a test may import what it needs", () => {
    expect(find(at("packages/client/src/x.test.ts", 'import { x } from "@corral/server";'))).toEqual([]);
    expect(find(at("packages/client/src/x.test.ts", 'import { x } from "../test-support/x.ts";'))).toEqual([]);
  });

  test("a dependency that nobody imports", () => {
    const used = at(shell, 'import { x } from "@corral/io";');
    expect(unusedDependencies([used], all)).toEqual([
      expect.objectContaining({ file: "packages/client/package.json", text: "@corral/server" }),
      expect.objectContaining({ file: "packages/recipes/locks/package.json", text: "@corral/barriers" }),
      expect.objectContaining({ file: "packages/recipes/locks/package.json", text: "@corral/client" }),
    ]);
  });
});

test("files that nothing needs", () => {
  const found = unreachable([
    sourceFile("packages/client/src/index.ts", 'export * from "./a.ts";'),
    sourceFile("packages/client/src/a.ts", 'import "./b.ts";\nimport type { C } from "./deep/c.ts";'),
    sourceFile("packages/client/src/b.ts", 'import "./a.ts";'),
    sourceFile("packages/client/src/deep/c.ts", ""),
    sourceFile("packages/client/src/lonely.ts", 'import "./a.ts";'),
    sourceFile("packages/client/src/tested.ts", ""),
    sourceFile("packages/client/src/tested.test.ts", 'import "./tested.ts";\nimport "../test-support/help.ts";'),
    sourceFile("packages/client/test-support/help.ts", ""),
    sourceFile("packages/client/test-support/forgotten.ts", ""),
  ]);
  expect(found.map(({ file }) => file)).toEqual([
    "packages/client/src/lonely.ts",
    "packages/client/src/tested.ts",
    "packages/client/test-support/forgotten.ts",
  ]);
});

test("an exception lets one line of one file pass one rule", () => {
  const file = "packages/protocol/test-support/arbitraries.ts";
  const one = { rule: "outside", file, line: 1, text: "Number(process.env.FUZZ_RUNS)", instead: "" };
  expect(isExcepted(one)).toBe(true);
  expect(isExcepted({ ...one, rule: "loose end" })).toBe(false);
  expect(isExcepted({ ...one, file: shell })).toBe(false);
  expect(isExcepted({ ...one, text: "process.env.HOME" })).toBe(false);
});

test.each([
  ["a // b\nc", "a     \nc"],
  ['f("a // b"); g', 'f("      "); g'],
  ["f('it\\'s'); g", "f('     '); g"],
  ["`a $" + "{b + `c $" + "{d}`} e` + f", "`  $" + "{b + `  $" + "{d}`}  ` + f"],
  ["`$" + "{ {a: 1}.a } x`; y", "`$" + "{ {a: 1}.a }  `; y"],
  ['x = /[/"]/g; y / 2 / z', "x = /    /g; y / 2 / z"],
  ["return /'/.test(a)", "return / /.test(a)"],
  ["/* a\n b */ c", "    \n      c"],
])("%j without comments and strings", (text, expected) => {
  expect(blank(text, { comments: true, strings: true })).toBe(expected);
});

describe("what others suffer", () => {
  const link = "[t](../test/x.test.ts)";
  const table = (row: (number: number) => string) => ({
    path: painPointsPath,
    text: Array.from({ length: painPointCount }, (_, at) => row(at + 1)).join("\n"),
  });
  const titles = (numbers: readonly number[]) =>
    sourceFile("test/x.test.ts", numbers.map((number) => `test("§6.${number} something", run);\n`).join(""));
  const all = Array.from({ length: painPointCount }, (_, at) => at + 1);
  const whole = table((number) => `| 6.${number} | a | b | ${link} |`);

  test("a row and a title for each number is what is wanted", () => {
    expect(painPoints(whole, [titles(all)])).toEqual([]);
  });

  test.each([
    [
      "no row",
      table((number) => (number === 4 ? "" : `| 6.${number} | a | b | ${link} |`)),
      titles(all.toSpliced(3, 1)),
    ],
    ["no test in the row", table((number) => `| 6.${number} | a | b | ${number === 4 ? "" : link} |`), titles(all)],
    ["no title, though one begins alike", whole, titles(all.filter((number) => number !== 2))],
    ["a comment that is no title", whole, sourceFile("test/x.test.ts", `${titles(all.slice(1)).text}// §6.1\n`)],
    ["no such file", whole, sourceFile("test/y.test.ts", titles(all).text)],
    ["a number that is none", whole, titles([...all, 26])],
  ])("%s", (_, from, tests) => {
    const found = painPoints(from, [tests]);
    expect(found.length).toBeGreaterThanOrEqual(1);
    for (const one of found) expect(one.instead).not.toBe("");
  });
});
