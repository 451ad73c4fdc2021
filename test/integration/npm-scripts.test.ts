/** What stands behind the npm scripts: signals reach the program once, and it ends the way the program ended. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { MarkedProcesses } from "../support/marked-processes.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const child = pathToFileURL(join(root, "scripts", "child.mjs")).href;
const setUp = pathToFileURL(join(root, "scripts", "set-up.mjs")).href;

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "corral scripts "));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** What is started here is in process groups of its own: after a failed test it is found by this. */
const started = new MarkedProcesses();
afterEach(() => started.end());
const { isStopped } = MarkedProcesses;

/** Starts a runner that runs a program made of `source`; what both print comes together. */
async function start(
  name: string,
  source: string,
  options: { readonly stopsItself?: boolean } = {},
): Promise<{ runner: ChildProcess; printed: () => string }> {
  const program = join(directory, `${name}.mjs`);
  await writeFile(program, source);
  const runnerSource = `import { endAs, runHere } from ${JSON.stringify(child)};
endAs(await runHere(process.execPath, [${JSON.stringify(program)}], ${JSON.stringify(directory)}, ${JSON.stringify(options)}));`;
  const runner = spawn(process.execPath, ["--input-type=module", "--eval", runnerSource], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...started.environment },
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
  await expect.poll(condition, { interval: 20 }).toBe(true);
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

  test("a change of the terminal's size is passed on", async () => {
    const { runner, printed } = await start(
      "resized",
      `process.on("SIGWINCH", () => process.exit(5)); setInterval(() => {}, 1000); console.log("running");`,
    );
    const end = ended(runner);
    await until(() => printed().includes("running"));
    runner.kill("SIGWINCH");
    expect(await end).toEqual({ code: 5, signal: null });
  });

  const linux = test.runIf(process.platform === "linux");

  linux("Ctrl-Z stops the program and its processes, fg lets them go on", async () => {
    const sub = `setInterval(() => {}, 1000)`;
    const { runner, printed } = await start(
      "suspended",
      `import { spawn } from "node:child_process";
const sub = spawn(process.execPath, ["--eval", ${JSON.stringify(sub)}]);
process.on("SIGCONT", () => { console.log("goes on"); sub.kill("SIGKILL"); process.exit(6); });
sub.once("spawn", () => console.log("pids", process.pid, sub.pid));`,
    );
    const end = ended(runner);
    await until(() => printed().includes("pids"));
    const [, program, below] = /pids (\d+) (\d+)/.exec(printed()) ?? [];
    const pids = [Number(program), Number(below), Number(runner.pid)];
    runner.kill("SIGTSTP");
    await until(() => pids.every((pid) => isStopped(pid)));
    runner.kill("SIGCONT");
    expect(await end).toEqual({ code: 6, signal: null });
    expect(printed()).toContain("goes on");
  });

  linux("a program that stops by itself is left the time for it, and can be ended while it is stopped", async () => {
    const { runner, printed } = await start(
      "self-suspended",
      `process.on("SIGTSTP", () => setTimeout(() => { console.log("ready to stop"); process.kill(process.pid, "SIGSTOP"); }, 100));
process.on("SIGTERM", () => process.exit(7));
setInterval(() => {}, 1000);
console.log("pid", process.pid);`,
      { stopsItself: true },
    );
    const end = ended(runner);
    await until(() => printed().includes("pid"));
    const pid = Number(/pid (\d+)/.exec(printed())?.[1]);
    runner.kill("SIGTSTP");
    await until(() => printed().includes("ready to stop") && isStopped(pid) && isStopped(Number(runner.pid)));
    // As a shell ends a stopped job.
    runner.kill("SIGTERM");
    runner.kill("SIGCONT");
    expect(await end).toEqual({ code: 7, signal: null });
  });

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

describe("setting up", () => {
  test("for the tests builds every package that there is", () => {
    const source = `import { packageProjects } from ${JSON.stringify(setUp)}; console.log(JSON.stringify(packageProjects()));`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", source], { encoding: "utf8" });
    const below = (parent: string) => readdirSync(join(root, parent)).map((name) => `${parent}/${name}`);
    const directories = ["bench", ...below("packages"), ...below("packages/recipes")];
    const projects = directories.filter((directory) => existsSync(join(root, directory, "tsconfig.json")));
    expect(JSON.parse(stdout)).toEqual(projects.sort());
  });

  /** A repository that holds nothing but the scripts, and a PATH on which `npx` is the given shell script. */
  async function strip(name: string, npx: string): Promise<{ root: string; path: string }> {
    const stripped = join(directory, name);
    await cp(join(root, "scripts"), join(stripped, "scripts"), { recursive: true });
    await writeFile(join(stripped, "package.json"), JSON.stringify({ type: "module", packageManager: "pnpm@10.0.0" }));
    await writeFile(join(stripped, "pnpm-lock.yaml"), "");
    await writeFile(join(stripped, "pnpm-workspace.yaml"), "packages:\n  - packages/*\n");
    await mkdir(join(stripped, "bin"));
    await writeFile(join(stripped, "bin", "npx"), `#!/bin/sh\n${npx}\n`);
    await chmod(join(stripped, "bin", "npx"), 0o755);
    return { root: stripped, path: `${join(stripped, "bin")}:${process.env.PATH}` };
  }

  function run(
    { root, path }: { root: string; path: string },
    as: { readonly uid?: number } = {},
  ): { runner: ChildProcess; printed: () => string } {
    const runner = spawn(process.execPath, [join(root, "scripts", "run.mjs"), "build"], {
      ...as,
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, ...started.environment, PATH: path },
    });
    let text = "";
    runner.stderr.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
    });
    return { runner, printed: () => text };
  }

  const announced = "Installing the dependencies with pnpm@10.0.0 (only when they have changed) …\n";

  test.each([
    ["dies of it", "sleep 60"],
    ["fails", "trap 'kill $!; exit 1' INT; sleep 60 & wait"],
    ["gets through all the same", "trap 'kill $!; exit 0' INT; sleep 60 & wait"],
  ])("an interrupted installation says so in one sentence, whether the installer %s", async (how, npx) => {
    const stripped = await strip(`interrupted ${how}`, `touch "${join(directory, how)}"; ${npx}`);
    const { runner, printed } = run(stripped);
    const end = ended(runner);
    await until(() => existsSync(join(directory, how)));
    runner.kill("SIGINT");
    expect(await end).toEqual({ code: null, signal: "SIGINT" });
    expect(printed()).toBe(
      `${announced}Interrupted (SIGINT): the dependencies are not installed. Run the command again to go on.\n`,
    );
  });

  test.each(["", "node_modules"])("a clone that cannot be written is named, with what to do: /%s", async (which) => {
    const stripped = await strip(`read-only ${which}`, "echo must not run");
    const unwritable = join(stripped.root, which);
    await mkdir(unwritable, { recursive: true });
    await chmod(directory, 0o755);
    await chmod(stripped.root, 0o777);
    await chmod(unwritable, 0o555);
    // Root may write anywhere: then the command runs as somebody who may not.
    const { runner, printed } = run(stripped, process.getuid?.() === 0 ? { uid: 65_534 } : {});
    expect(await ended(runner)).toEqual({ code: 1, signal: null });
    await chmod(unwritable, 0o755);
    expect(printed()).toBe(
      `${unwritable} cannot be written (EACCES), and the dependencies are installed there. ` +
        "Make it writable for this user, or clone into a directory of your own.\n",
    );
  });

  test("a failed installation shows what the installer said, or that it said nothing", async () => {
    const loud = run(await strip("loud", "echo no such host; exit 3"));
    expect(await ended(loud.runner)).toEqual({ code: 3, signal: null });
    expect(loud.printed()).toBe(
      `${announced}The dependencies could not be installed. The installer said:\nno such host\n`,
    );
    const quiet = run(await strip("quiet", "exit 4"));
    expect(await ended(quiet.runner)).toEqual({ code: 4, signal: null });
    expect(quiet.printed()).toBe(
      `${announced}The dependencies could not be installed. The installer said nothing, and ended with exit code 4.\n`,
    );
  });
});
