/** The bench does its work on our server: starts it, builds the tree, verifies every reply, prints, leaves nothing behind. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { hasCurator, hasKazoo } from "../support/peers.ts";

const bench = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "bench", "dist", "main.js");

/** Columns of the libraries that are there; of the others it is said, loudly, that they are not. */
const peers = [...(hasCurator() ? ["LeaderLatch", "LeaderSelector"] : []), ...(hasKazoo() ? ["kazoo"] : [])];

/** What the bench prints on stdout; one that fails is shown with all that it said. */
async function output(args: readonly string[]): Promise<string> {
  try {
    return (await promisify(execFile)(process.execPath, [bench, ...args], { timeout: 100_000 })).stdout;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { code, signal, stdout, stderr } = error as Error & Readonly<Record<string, unknown>>;
    throw new Error(`bench ${args.join(" ")} ended with code ${code}, signal ${signal}:\n${stdout}${stderr}`, {
      cause: error,
    });
  }
}

test("a quick run of creates and deletes", async () => {
  const directory = await mkdtemp(join(tmpdir(), "corral-bench-test-"));
  try {
    const args = ["--quick", "--no-peer", "--only", "create/delete", "--data-dir", directory];
    const stdout = await output(args);
    for (const figure of ["create/delete 50x1", "create/delete 50x16"]) {
      expect(stdout).toMatch(new RegExp(`^\\| ${figure} +\\| +[1-9][\\d,]* \\|`, "m"));
    }
    expect(await readdir(directory)).toEqual([]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test("a quick run of ephemeral sequential nodes, watchers and a lock", async () => {
  const directory = await mkdtemp(join(tmpdir(), "corral-bench-test-"));
  try {
    const run = async (only: string) => {
      const args = ["--quick", "--no-peer", "--no-ceiling", "--only", only, "--data-dir", directory];
      return await output(args);
    };
    expect(await run("sequential")).toMatch(/^\| create ephemeral-sequential 50x16 +\| +[1-9][\d,]* \|/m);
    const stdout = await run("100");
    expect(stdout).toMatch(/^\| watchers 10,000 on 100 +\| ms to the last +\| +[\d,.]+ \|$/m);
    expect(stdout).toMatch(/^\| lock 100 +\| +hand-overs\/s +\| +[\d,.]+ \|$/m);
    expect(await readdir(directory)).toEqual([]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test("a quick run with snapshots and without", async () => {
  const directory = await mkdtemp(join(tmpdir(), "corral-bench-test-"));
  try {
    const args = ["--quick", "--snapshot", "--nodes", "5000", "--sessions", "200", "--data-dir", directory];
    const stdout = await output(args);
    expect(stdout).toMatch(/^\| without +\| +[1-9][\d,]* \|.*\| +0 \| +\|$/m);
    expect(stdout).toMatch(/^\| with +\| +[1-9][\d,]* \|.*\| +[1-9]\d* \| +[\d.]+ \|$/m);
    expect(await readdir(directory)).toEqual([]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test.each<[what: string, args: string[], environment: Record<string, string>, code: number, sentence: RegExp]>([
  ["an unknown flag", ["--sooner"], {}, 2, /^error: unknown option '--sooner'$/],
  ["a wrong number", ["--rounds", "none"], {}, 2, /^error: option '--rounds <n>' argument 'none' is invalid\./],
  ["no such figure", ["--only", "none"], {}, 2, /^No figure's name holds 'none'\. There are: get 1x1, /],
  [
    "a directory that is not there",
    ["--data-dir", "/nowhere/at/all"],
    {},
    1,
    /^--data-dir \/nowhere\/at\/all cannot be used \(ENOENT\)\. Give it a directory that can be written\.$/,
  ],
  [
    "a load driver that is not there, before anything is measured",
    [],
    { ZKLOAD: "/nowhere/zkload" },
    1,
    /^ZKLOAD=\/nowhere\/zkload cannot be run \(ENOENT\)\. Give it the path of a program, or leave it out\.$/,
  ],
])("%s is told in one sentence", async (_what, args, environment, code, sentence) => {
  const env = { ...process.env, ...environment };
  const failed = await promisify(execFile)(process.execPath, [bench, ...args], { env, timeout: 100_000 }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
  expect(`${failed.stdout}${failed.stderr}`.trimEnd()).toMatch(sentence);
  expect(failed.code).toBe(code);
});

test("a quick run of elections, of every library that is installed", async () => {
  const directory = await mkdtemp(join(tmpdir(), "corral-bench-test-"));
  try {
    const args = ["--recipes", "--quick", "--no-peer", "--only", "resigns", "--data-dir", directory];
    const stdout = await output(args);
    const [header = "", row = ""] = stdout.split("\n").filter((line) => /^\| (figure|resigns) /.test(line));
    for (const name of ["Corral", ...peers]) expect(header).toContain(`| ${name} p50 ms |`);
    const figures = row.split("|").slice(3, 3 + 2 * (1 + peers.length));
    for (const figure of figures) expect(Number(figure.replace(",", ""))).toBeGreaterThan(0);
    expect(await readdir(directory)).toEqual([]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
