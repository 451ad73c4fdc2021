/** The built demo, run as a person runs it: what it proves, what it says when it cannot, and that it leaves nothing behind. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DemoProcess, type DemoResult } from "../support/demo-process.ts";

let input: string;

beforeEach(() => {
  input = mkdtempSync(join(tmpdir(), "corral-demo-input-"));
});
afterEach(() => {
  rmSync(input, { recursive: true, force: true });
});

const write = (path: string, content: string | Uint8Array) => writeFileSync(join(input, path), content);

/** Runs the demo to its end, and checks what must be true of every end: no process, no file left. */
async function run(...args: string[]): Promise<DemoResult> {
  await using demo = new DemoProcess(args);
  const result = await demo.result;
  expect(demo.alive()).toEqual([]);
  expect(demo.leftBehind()).toEqual([]);
  return result;
}

/** A number from the reckoning at the end. */
function numberOf({ stdout }: DemoResult, what: string): number {
  const [, digits] = new RegExp(`^ *${what} +([0-9,]+)$`, "m").exec(stdout) ?? [];
  return Number(digits?.replaceAll(",", ""));
}

function expectProven(result: DemoResult, submitted: number): void {
  expect(result, result.stdout + result.stderr).toMatchObject({ exitCode: 0, stderr: "" });
  expect(numberOf(result, "tasks submitted")).toBe(submitted);
  expect(numberOf(result, "results recorded")).toBe(submitted);
  expect(numberOf(result, "executions")).toBeGreaterThanOrEqual(submitted);
  expect(numberOf(result, "lost")).toBe(0);
  expect(numberOf(result, "recorded twice")).toBe(0);
  expect(result.stdout).toMatch(/^ *result +identical to the direct computation$/m);
}

function expectKills({ stdout }: DemoResult): void {
  const story = stdout.split("\n").join(" ");
  expect(story).toMatch(/master-\d, the primary master, killed: [1-9]\d* tasks? assigned, \d+ unfinished/);
  expect(story).toMatch(/master-\d took over in [\d,.]+ m?s, epoch 2/);
  expect(story).toMatch(/worker-\d killed: [1-9]\d* tasks? reassigned/);
  expect(story).toMatch(/server killed: [1-9]\d* tasks? assigned, \d+ unfinished/);
  expect(story).toMatch(/server back after [\d,.]+ m?s, on the same data directory/);
}

describe("a run to the end", () => {
  it("finishes the texts that come with Corral though master, worker and server are killed", async () => {
    const result = await run();
    expectProven(result, 51);
    expectKills(result);
    expect(numberOf(result, "executions")).toBeGreaterThan(51);
    expect(numberOf(result, "reassignments")).toBeGreaterThan(0);
  });

  it("replaces what is killed where there is no other", async () => {
    for (let index = 0; index < 9; index += 1) write(`${index}.txt`, `text number ${index} `.repeat(index));
    const result = await run("--input", input, "--masters", "1", "--workers", "1", "--pace", "700");
    expectProven(result, 9);
    expectKills(result);
    expect(result.stdout).toMatch(/master-2 started: there was no other master/);
    expect(result.stdout).toMatch(/worker-2 started: there was no other worker/);
  });

  it("counts words whatever the line ends, and passes over what is not text", async () => {
    mkdirSync(join(input, "below"));
    write("windows.txt", "To be,\r\nor not\r\nto be.\r\n");
    write("below/unix.txt", "that is the question\n");
    write("empty.txt", "");
    write("picture.png", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0));
    write("latin1.txt", Uint8Array.of(0x63, 0x61, 0x66, 0xe9));
    symlinkSync("nowhere", join(input, "dangling.txt"));
    const result = await run("--input", input, "--no-kill", "--pace", "0");
    expectProven(result, 3);
    expect(result.stdout).toMatch(
      /^Not counted: 3 files are not text: dangling.txt: it is a link that leads nowhere; latin1.txt: it is not UTF-8; picture.png: it holds a NUL byte\.$/m,
    );
    expect(result.stdout).toMatch(/^10 words, 8 different, in 3 texts$/m);
    expect(result.stdout).toMatch(/^ +be +█+ 2$/m);
    expect(result.stdout).not.toMatch(/killed/);
    expect(numberOf(result, "executions")).toBe(3);
  });

  it("gives the tasks of a worker that hangs to others, and gets rid of it at the end", async () => {
    for (let index = 0; index < 12; index += 1) write(`${index}.txt`, "some words");
    await using demo = new DemoProcess(["--input", input, "--no-kill", "--pace", "1500"]);
    await demo.says(/has submitted 12 tasks/);
    demo.signal(/"id":"worker-2"/, "SIGSTOP");
    const result = await demo.result;
    expectProven(result, 12);
    expect(result.stdout).toMatch(/worker-2 is gone: its session is over/);
    expect(numberOf(result, "reassignments")).toBeGreaterThan(0);
    expect(demo.alive()).toEqual([]);
    expect(demo.leftBehind()).toEqual([]);
  });

  it("a worker that was taken for dead and goes on does no harm, and takes part again", async () => {
    for (let index = 0; index < 12; index += 1) write(`${index}.txt`, "some words");
    await using demo = new DemoProcess(["--input", input, "--no-kill", "--pace", "2500"]);
    await demo.says(/has submitted 12 tasks/);
    demo.signal(/"id":"worker-2"/, "SIGSTOP");
    await demo.says(/worker-2 is gone: its session is over/);
    demo.signal(/"id":"worker-2"/, "SIGCONT");
    const result = await demo.result;
    expectProven(result, 12);
    expect(result.stdout).toMatch(/is gone[\s\S]*worker-2 has registered/);
    expect(numberOf(result, "reassignments")).toBeGreaterThan(0);
  });
});

describe("Ctrl-Z", () => {
  it("stops every process; after fg, later than any session lasts, the run goes on and is proven", async () => {
    for (let index = 0; index < 18; index += 1) write(`${index}.txt`, "some words");
    await using demo = new DemoProcess(["--input", input, "--pace", "700"]);
    await demo.says(/primary master, killed/);
    demo.kill("SIGTSTP");
    await demo.allStopped();
    const stopped = demo.alive().length;
    expect(stopped).toBeGreaterThanOrEqual(7);
    // What was said before that is still to be read.
    await delay(500);
    const said = demo.said;
    await delay(2_500);
    expect(demo.said).toBe(said);
    expect(demo.alive()).toHaveLength(stopped);
    demo.kill("SIGCONT");
    const result = await demo.result;
    expectProven(result, 18);
    expectKills(result);
    expect(demo.alive()).toEqual([]);
    expect(demo.leftBehind()).toEqual([]);
  });

  it("a stopped demo can be ended, and leaves nothing behind", async () => {
    await using demo = new DemoProcess([]);
    await demo.says(/has submitted 51 tasks/);
    demo.kill("SIGTSTP");
    await demo.allStopped();
    demo.kill("SIGTERM");
    demo.kill("SIGCONT");
    expect(await demo.result).toMatchObject({ exitCode: 130 });
    expect(demo.alive()).toEqual([]);
    expect(demo.leftBehind()).toEqual([]);
  });
});

describe("input that cannot be worked on gets one sentence and exit code 1", () => {
  it.each<[what: string, prepare: () => string, sentence: RegExp]>([
    [
      "an empty directory",
      () => input,
      /^The input directory .* holds no files: there is nothing to count\. Give --input/,
    ],
    [
      "a missing directory",
      () => join(input, "none"),
      /none cannot be used: it does not exist \(ENOENT\)\. Give --input/,
    ],
    [
      "a file",
      () => {
        write("file.txt", "text");
        return join(input, "file.txt");
      },
      /file\.txt is not a directory\. Give --input/,
    ],
    [
      "only binary files",
      () => {
        write("binary", Uint8Array.of(1, 0, 2));
        return input;
      },
      /^Nothing below .* is UTF-8 text \(1 file is not text: binary: it holds a NUL byte\)/,
    ],
    [
      "a file that cannot be read",
      () => {
        // Where no permission keeps root from reading, this does: nothing is mapped where the file begins.
        symlinkSync("/proc/self/mem", join(input, "broken.txt"));
        return input;
      },
      /broken\.txt cannot be read: the disk reports an error \(EIO\)\. Make it readable/,
    ],
  ])("%s", async (_, prepare, sentence) => {
    const result = await run("--input", prepare());
    expect(result).toMatchObject({ exitCode: 1, stdout: "", stderr: expect.stringMatching(sentence) });
    expect(result.stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});

describe("flags", () => {
  it("wrong ones name the flag and the remedy, with exit code 2", async () => {
    const result = await run("--workers", "none");
    expect(result).toMatchObject({ exitCode: 2, stdout: "" });
    expect(result.stderr).toMatch(/--workers.*'none' is invalid\. Give --workers a whole number from 1 to 32\./);
  });
  it("--help explains them", async () => {
    expect(await run("--help")).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/--no-kill[\s\S]*--pace/) });
  });
});
