/**
 * A TypeScript project that has installed all packages compiles: every README's example, a CommonJS file, and the tests of
 * types that the workspace runs on the sources. Declarations are checked too, which `skipLibCheck` would leave out.
 */
import { execFile } from "node:child_process";
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { root } from "./packed.ts";
import { compiler, makeProject, packages, readExample } from "./projects.ts";

const run = promisify(execFile);
const names = packages.map(({ name }) => name);

/** What a cautious project sets. */
const cautious = {
  target: "ES2022",
  lib: ["ES2023", "ESNext.Disposable"],
  types: ["node"],
  strict: true,
  skipLibCheck: false,
  noEmit: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
};

let project = "";
beforeAll(async () => {
  project = await makeProject([...names, "@types/node", "expect-type", "rxjs", "zod"]);
  await cp(join(root, "test", "types"), join(project, "types"), { recursive: true });
  for (const packed of packages) {
    const example = await readExample(packed);
    const file = `${packed.name.replace("/", "-")}.ts`;
    // What is not imported or exported anywhere would be in one scope with all others.
    if (example !== undefined) await writeFile(join(project, file), `${example.code}\nexport {};\n`);
  }
  const required = names.map((name, i) => `import p${i} = require("${name}");\nvoid Object.keys(p${i});\n`);
  await writeFile(join(project, "required.cts"), required.join(""));
});

test.each([
  ["nodenext", { ...cautious, module: "nodenext" }, ["."]],
  ["bundler", { ...cautious, module: "preserve", moduleResolution: "bundler" }, ["."]],
  // As `tsc --init` would have it; tests of types need a newer library.
  ["plain", { module: "nodenext", strict: true, noEmit: true, types: ["node"] }, ["*.ts", "*.cts"]],
])("%s", async (name, compilerOptions, include) => {
  const config = join(project, `tsconfig.${name}.json`);
  await writeFile(config, JSON.stringify({ compilerOptions, include }));
  expect(await compile(config)).toBe("");
});

test("a type that is wrong does not pass", async () => {
  const wrong = await makeProject(["@corral/locks", "@types/node"]);
  await writeFile(
    join(wrong, "a.ts"),
    'import { connect } from "@corral/locks";\nexport const x: number = connect();\n',
  );
  const config = join(wrong, "tsconfig.json");
  await writeFile(config, JSON.stringify({ compilerOptions: { ...cautious, module: "nodenext" } }));
  expect(await compile(config)).toContain("Type 'Promise<Client>' is not assignable to type 'number'");
});

/** @returns what the compiler says; nothing, if all is well */
async function compile(config: string): Promise<string> {
  const { stdout } = await run(process.execPath, [compiler, "-p", config], { timeout: 60_000 }).catch((error) => error);
  return stdout;
}
