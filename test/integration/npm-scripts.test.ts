/** What stands behind the npm scripts: signals reach the program once, and it ends the way the program ended. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const child = pathToFileURL(join(root, "scripts", "child.mjs")).href;

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "corral scripts "));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Starts a runner that runs a program made of `source`; what both print comes together. */
async function start(name: string, source: string): Promise<{ runner: ChildProcess; printed: () => string }> {
  const program = join(directory, `${name}.mjs`);
  await writeFile(program, source);
  const runnerSource = `import { endAs, runHere } from ${JSON.stringify(child)};
endAs(await runHere(process.execPath, [${JSON.stringify(program)}], ${JSON.stringify(directory)}));`;
  const runner = spawn(process.execPath, ["--input-type=module", "--eval", runnerSource], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [runner.stdout, runner.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
    });
  }
  return { runner, printed: () => text };
}

function ended(runner: ChildProcess): Promise<{ code: number | null; signal: string | null }> {
  return new Promise((resolve) => runner.once("close", (code, signal) => resolve({ code, signal })));
}

async function until(condition: () => boolean): Promise<void> {
  await expect.poll(condition, { timeout: 20_000, interval: 20 }).toBe(true);
}

/** Counts signals, and ends with code 3 when its input says so: once the second signal has surely been dropped. */
const counting = `
let count = 0;
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {
  console.log(signal, ++count);
  if (count === 1) setTimeout(() => { console.log("cleaned up"); process.exit(3); }, 300);
});
setInterval(() => {}, 1000);
console.log("running in", process.cwd());
`;

describe("runHere", () => {
  test.each(["SIGINT", "SIGTERM"] as const)(
    "%s, sent twice as npm does, arrives once; the clean-up is waited for",
    async (signal) => {
      const { runner, printed } = await start(`counting-${signal}`, counting);
      const end = ended(runner);
      await until(() => printed().includes("running"));
      runner.kill(signal);
      await until(() => printed().includes(`${signal} 1`));
      runner.kill(signal);
      expect(await end).toEqual({ code: 3, signal: null });
      expect(printed()).toContain("cleaned up");
      expect(printed()).not.toContain(`${signal} 2`);
    },
  );

  test.each([0, 1, 42])("exit code %i is passed on", async (code) => {
    const { runner } = await start(`exit-${code}`, `process.exitCode = ${code};`);
    expect(await ended(runner)).toEqual({ code, signal: null });
  });

  test("so is a death by signal", async () => {
    const { runner } = await start("killed", `process.kill(process.pid, "SIGKILL");`);
    expect(await ended(runner)).toEqual({ code: null, signal: "SIGKILL" });
  });
});

test("an unknown command is told in one sentence, with those that there are", async () => {
  const runner = spawn(process.execPath, [join(root, "scripts", "run.mjs"), "toString"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  runner.stderr.setEncoding("utf8").on("data", (chunk) => {
    text += chunk;
  });
  expect(await ended(runner)).toEqual({ code: 2, signal: null });
  expect(text).toMatch(/^There is no command 'toString'. Those there are: demo, start, .*\.\n$/);
});
