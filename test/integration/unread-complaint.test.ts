/** Nobody reads why the server, or one of its other commands, could not do what it was asked for: it ends all the same. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const command = fileURLToPath(new URL("../../packages/server/bin/corral-server.js", import.meta.url));
/** Something has the port that a server is to have. */
const taken = createServer();
let directory: string;
/** Both ends of a pipe. */
let pipe: number;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "corral-complaint-"));
  execFileSync("mkfifo", [join(directory, "pipe")]);
  mkdirSync(join(directory, "apache", "version-2"), { recursive: true });
  pipe = openSync(join(directory, "pipe"), constants.O_RDWR | constants.O_NONBLOCK);
  await once(taken.listen(0, "127.0.0.1"), "listening");
});
afterAll(async () => {
  taken.close();
  closeSync(pipe);
  rmSync(directory, { recursive: true });
});

/** Writes into the pipe until nothing more goes in. */
function fill(): void {
  for (const bytes of [Buffer.alloc(4_096, "x"), Buffer.from("x")]) {
    for (let isFull = false; !isFull; ) {
      try {
        writeSync(pipe, bytes);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
        isFull = true;
      }
    }
  }
}

/** Reads all that is in the pipe. */
function drain(): string {
  const bytes = Buffer.alloc(1 << 20);
  let text = "";
  try {
    for (;;) text += bytes.toString("utf8", 0, readSync(pipe, bytes));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    return text;
  }
}

const portTaken = (): string => String((taken.address() as AddressInfo).port);

const mistakes: readonly { code: number; sentence: RegExp; args: () => readonly string[] }[] = [
  { code: 2, sentence: /unknown option '--nope'/, args: () => ["--nope"] },
  { code: 2, sentence: /Say where the data shall live/, args: () => [] },
  { code: 2, sentence: /tick.*at least|tick.*must be/i, args: () => ["--memory", "--tick", "0"] },
  { code: 1, sentence: /holds the data of an Apache/, args: () => ["--data-dir", join(directory, "apache")] },
  { code: 1, sentence: /is in use/, args: () => ["--memory", "--client-port", portTaken()] },
  { code: 1, sentence: /There is no directory/, args: () => ["verify", join(directory, "none")] },
  { code: 2, sentence: /missing required argument 'dir'/, args: () => ["verify"] },
  { code: 2, sentence: /There is no password/, args: () => ["scram", "bob"] },
  { code: 2, sentence: /missing required argument 'user'/, args: () => ["digest"] },
];

/** Has all of them made at once, and resolves with how they exit. */
async function makeAll(): Promise<unknown> {
  const children = mistakes.map(({ args }) => {
    // Opened for each: whether it holds up who writes is a property of what was opened, and all that have it would share it.
    const stderr = openSync(join(directory, "pipe"), "r+");
    const child = spawn(process.execPath, [command, ...args()], { stdio: ["ignore", "ignore", stderr] });
    closeSync(stderr);
    return child;
  });
  try {
    return await Promise.all(children.map((child) => once(child, "exit")));
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
}

const codes = mistakes.map(({ code }) => [code, null]);

test("a mistake ends the process even when nobody reads what is said of it", async () => {
  fill();
  expect(await makeAll()).toEqual(codes);
  drain();
});

test("who reads a little late is told", async () => {
  fill();
  let text = "";
  const reading = setInterval(() => {
    text += drain();
  }, 300);
  try {
    expect(await makeAll()).toEqual(codes);
  } finally {
    clearInterval(reading);
  }
  text += drain();
  for (const { sentence } of mistakes) expect(text).toMatch(sentence);
});
