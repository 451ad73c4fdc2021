/**
 * npm itself installs the packages into empty projects, and what was installed works. Every package with
 * `CORRAL_INSTALLS=all`; otherwise one, for examples.test.ts has looked at each in a stricter layout than npm's.
 */
import { execFile } from "node:child_process";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { TestServer } from "@corral/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalRegistry, startRegistry } from "./local-registry.ts";
import { foreign, makeProject, packages, packedDirectory, readExample } from "./projects.ts";

const run = promisify(execFile);
const everything = process.env.CORRAL_INSTALLS === "all";
const alone = packages.filter(({ name }) => everything || name === "@corral/locks");

let registry: LocalRegistry;
beforeAll(async () => {
  registry = await startRegistry(packages, foreign, packedDirectory);
});
afterAll(() => registry[Symbol.asyncDispose]());

/** A project that has installed `names` and what they ask for. */
async function install(...names: readonly string[]): Promise<string> {
  const project = await makeProject([]);
  const settings = {
    registry: registry.url,
    cache: join(packedDirectory, "npm-cache"),
    userconfig: join(project, "none"),
    audit: false,
    fund: false,
    "update-notifier": false,
  };
  const flags = Object.entries(settings).map(([key, value]) => `--${key}=${value}`);
  const env = { ...process.env, NO_PROXY: "127.0.0.1", no_proxy: "127.0.0.1" };
  await run("npm", ["install", ...flags, ...names], { cwd: project, env, timeout: 100_000 });
  return project;
}

test.for(alone)("$name alone", async (packed, { skip }) => {
  const example = await readExample(packed);
  if (example === undefined) return skip("it has no README yet");
  await using server = await TestServer.start();
  const project = await install(...example.imports);
  await writeFile(join(project, "example.js"), example.code.replaceAll("127.0.0.1:2181", server.connectString));
  const { stdout, stderr } = await run(process.execPath, ["example.js"], { cwd: project, timeout: 60_000 });
  expect(stderr).toBe("");
  expect(stdout).not.toBe("");
});

test.runIf(everything)("all in one project share one copy of everything", async () => {
  const names = packages.map(({ name }) => name);
  const project = await install(...names);
  const installed = await readdir(join(project, "node_modules", "@corral"));
  expect(installed.sort()).toEqual(names.map((name) => name.replace("@corral/", "")));
  for (const name of names) {
    const nested = await readdir(join(project, "node_modules", name));
    expect([name, nested.includes("node_modules")]).toEqual([name, false]);
  }
  const { stdout } = await run(join(project, "node_modules", ".bin", "corral-server"), ["--help"], { cwd: project });
  expect(stdout).toContain("--data-dir");
});
