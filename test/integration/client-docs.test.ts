/** The examples of the client's pages run as they stand there, on plain Node, and print what the pages say. */
import { execFile } from "node:child_process";
import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

const run = promisify(execFile);
const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
// Below test/, so that the packages are found by name as in a project that has installed them.
const directory = join(root, "test", "node_modules", `.client-docs-${process.pid}`);

beforeAll(async () => {
  await mkdir(join(directory, "node_modules"), { recursive: true });
  await symlink(join(root, "packages/client/node_modules/zod"), join(directory, "node_modules/zod"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const pages = [
  "packages/client/README.md",
  "docs/client/connecting.md",
  "docs/client/operations.md",
  "docs/client/observing.md",
  "docs/client/typed-nodes.md",
];

async function blockOf(page: string, language: "ts" | "text"): Promise<string> {
  const text = await readFile(join(root, page), "utf8");
  return new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "ms").exec(text)?.[1] ?? "";
}

/** A file for the example of a page. */
function fileOf(page: string, extension: "mjs" | "mts"): string {
  return join(directory, `${page.replaceAll("/", "-")}.${extension}`);
}

test.each(pages)("%s", async (page) => {
  const script = fileOf(page, "mjs");
  await writeFile(script, await blockOf(page, "ts"));
  const { stdout, stderr } = await run(process.execPath, [script], { timeout: 60_000 });
  expect(stderr).toBe("");
  expect(stdout).toBe(await blockOf(page, "text"));
  expect(stdout).not.toBe("");
});

test("they are valid TypeScript, too", async () => {
  for (const page of pages) await writeFile(fileOf(page, "mts"), await blockOf(page, "ts"));
  const { compilerOptions } = JSON.parse(await readFile(join(root, "tsconfig.base.json"), "utf8"));
  const { customConditions: _, ...asInstalled } = compilerOptions;
  const project = {
    compilerOptions: {
      ...asInstalled,
      noEmit: true,
      composite: false,
      declaration: false,
      declarationMap: false,
      sourceMap: false,
      typeRoots: [join(root, "node_modules/@types")],
    },
    include: ["*.mts"],
  };
  await writeFile(join(directory, "tsconfig.json"), JSON.stringify(project));
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const { stdout } = await run(process.execPath, [compiler, "-p", directory]).catch((error: unknown) => {
    // What it has to say stands in its output.
    return error as { readonly stdout: string };
  });
  expect(stdout).toBe("");
});
