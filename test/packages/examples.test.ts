/**
 * The example of each README runs in an empty project that has installed the packages which it imports, and these alone:
 * what they declare suffices.
 */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { TestServer } from "@corral/testing";
import { expect, test } from "vitest";
import { makeProject, packages, readExample } from "./projects.ts";

const run = promisify(execFile);

test.for(packages)("$name", async (packed) => {
  const example = await readExample(packed);
  if (example === undefined) throw new Error(`The README of ${packed.name} has no example.`);
  expect(example.imports).toContain(packed.name);
  await using server = await TestServer.start();
  const project = await makeProject(example.imports);
  const code = example.code.replaceAll("127.0.0.1:2181", server.connectString);
  await writeFile(join(project, "example.js"), code);
  const { stdout, stderr } = await run(process.execPath, ["example.js"], { cwd: project, timeout: 60_000 });
  expect(stderr).toBe("");
  if (example.printed === undefined) expect(stdout).not.toBe("");
  else expect(stdout).toBe(example.printed);
});
