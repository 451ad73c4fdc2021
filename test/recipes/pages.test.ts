/**
 * The examples of the pages about recipes: valid TypeScript, run on plain Node as in a project of one's own, printing what
 * the pages say. Those of the READMEs run in test/packages, from the tarballs.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { TestServer } from "@corral/testing";
import { afterAll, expect, test } from "vitest";
import { PageExamples } from "../support/page-examples.ts";

const names = await readdir(join(import.meta.dirname, "..", "..", "docs", "recipes"));
const recipes = names.filter((name) => name !== "README.md").map((name) => `docs/recipes/${name}`);
const examples = await PageExamples.compile([...recipes, "docs/fencing.md"].sort(), "pages");
afterAll(() => examples[Symbol.asyncDispose]());

test("every page has one", () => {
  const pages = new Set(examples.all.map(({ page }) => page));
  expect(recipes.filter((page) => !pages.has(page))).toEqual([]);
});

test.each(examples.all.map((example) => [example.page, example] as const))("%s", async (_, example) => {
  await using server = await TestServer.start();
  const { stdout, stderr } = await examples.run(example, server.connectString);
  expect(stderr).toBe("");
  expect(stdout).toBe(example.printed);
});
