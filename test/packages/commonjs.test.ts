/** Every package alone can be required from CommonJS, and is then the same module that import gives. */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { makeProject, packages } from "./projects.ts";

const run = promisify(execFile);

test("require() gives what import gives", async () => {
  const names = packages.map(({ name }) => name);
  const projects = await Promise.all(names.map((name) => makeProject([name], "commonjs")));
  const script = `
    const { createRequire } = require("node:module");
    const { pathToFileURL } = require("node:url");
    (async () => {
      for (const [name, file] of ${JSON.stringify(names.map((name, i) => [name, join(projects[i] ?? "", "index.js")]))}) {
        const required = createRequire(file)(name);
        const imported = await import(pathToFileURL(createRequire(file).resolve(name)));
        console.log(name, required === imported, Object.keys(required).length > 0);
      }
    })();`;
  const project = await makeProject([], "commonjs");
  await writeFile(join(project, "require.js"), script);
  const { stdout } = await run(process.execPath, ["require.js"], { cwd: project, timeout: 60_000 });
  expect(stdout.trim().split("\n")).toEqual(names.map((name) => `${name} true true`));
});
