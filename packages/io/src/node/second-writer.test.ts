/** Every write is done once, whole, and by whichever thread; where there is no second thread, that is said. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SecondThread, type SecondThreadOptions } from "./second-thread.ts";
import { type DirectWrite, SecondWriter } from "./second-writer.ts";

let directory = "";
let descriptor = 0;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "corral-second-writer-"));
  descriptor = openSync(join(directory, "lines"), "a");
});

afterEach(() => {
  closeSync(descriptor);
  rmSync(directory, { recursive: true });
});

function lines(): string[] {
  return readFileSync(join(directory, "lines"), "utf8").split("\n").slice(0, -1);
}

/** Lines that say which they are, of many lengths. */
function writesOf(count: number, name: string): DirectWrite[] {
  return Array.from({ length: count }, (_, number) => {
    const text = `${name} ${number} ${"x".repeat((number * 7) % 400)}\n`;
    return { descriptor, bytes: Buffer.from(text), taken: -1 };
  });
}

async function ready(options: SecondThreadOptions = {}): Promise<{ thread: SecondThread; writer: SecondWriter }> {
  const thread = new SecondThread(options);
  expect(thread.isReady).toBe(false);
  await vi.waitFor(() => expect(thread.isReady).toBe(true), { timeout: 10_000 });
  return { thread, writer: new SecondWriter(thread) };
}

describe.skipIf(availableParallelism() < 2)("a second thread (needs two processors)", () => {
  test("has its part, and everything is written once", async () => {
    const { writer } = await ready();
    const written: string[] = [];
    // More than a batch has room for, and rounds that follow on each other while the thread is still awake.
    for (let round = 0; round < 200 && (round < 20 || writer.sharedTotal === 0); round++) {
      const writes = writesOf(round === 0 ? 9_000 : 1 + ((round * 97) % 600), `round ${round}`);
      writer.write(writes);
      for (const { bytes, taken } of writes) {
        expect(taken).toBe(bytes.length);
        written.push(Buffer.from(bytes).toString().slice(0, -1));
      }
    }
    expect(writer.sharedTotal).toBeGreaterThan(0);
    expect(lines().sort()).toEqual(written.sort());
  });

  test("says of each write what was taken: nothing where the descriptor is none", async () => {
    const { writer } = await ready();
    const none = 1 << 20;
    const writes = writesOf(1_000, "all").map((write, number) =>
      number % 3 === 0 ? { ...write, descriptor: none } : write,
    );
    writer.write(writes);
    for (const { descriptor, bytes, taken } of writes) expect(taken).toBe(descriptor === none ? 0 : bytes.length);
    expect(lines()).toHaveLength(666);
    writer.write([]);
  });

  test("ends when it has had nothing to do for long, and comes again when it is wanted", async () => {
    const { thread, writer } = await ready({ idleMs: 200 });
    await vi.waitFor(() => expect(thread.hasEnded).toBe(true), { timeout: 10_000, interval: 50 });
    await vi.waitFor(() => expect(thread.isReady).toBe(true), { timeout: 10_000 });
    writer.write(writesOf(100, "again"));
    expect(lines()).toHaveLength(100);
  });

  test("that cannot be had is told of, once", async () => {
    const thread = new SecondThread({ program: new URL("no-such-program.js", import.meta.url) });
    expect([thread.isReady, thread.takeFailure()]).toEqual([false, undefined]);
    await vi.waitFor(() => expect(thread.hasEnded).toBe(true), { timeout: 10_000 });
    expect(thread.takeFailure()?.message).toContain("Cannot find module");
    expect([thread.isReady, thread.takeFailure()]).toEqual([false, undefined]);
    expect(thread.hasEnded).toBe(true);
  });

  test("that fails is not waited for: of what it was at, it is said that it is not known", async () => {
    const source = readFileSync(new URL("../../worker/second-writer.js", import.meta.url), "utf8");
    const failing = source.replace("const end =", 'throw new Error("broken");\n  const end =');
    expect(failing).not.toBe(source);
    const { thread, writer } = await ready({ program: new URL(`data:text/javascript,${encodeURIComponent(failing)}`) });
    const rounds: DirectWrite[][] = [];
    await vi.waitFor(
      () => {
        rounds.push(writesOf(4_096, "all"));
        writer.write(rounds.at(-1)!);
        expect(thread.hasEnded).toBe(true);
      },
      { timeout: 5_000, interval: 1 },
    );
    expect(thread.takeFailure()?.message).toBe("broken");
    const unknown = rounds.flat().filter(({ taken }) => taken < 0);
    expect(unknown).toHaveLength(32);
    for (const write of rounds.flat()) if (!unknown.includes(write)) expect(write.taken).toBe(write.bytes.length);
    expect(lines()).toHaveLength(rounds.length * 4_096 - 32);
  });

  test("that is held up is given up: it writes nothing any more, and is not asked again", async () => {
    const source = readFileSync(new URL("../../worker/second-writer.js", import.meta.url), "utf8");
    const held = source.replace("const end =", "Atomics.wait(words, finished, 0, 1000);\n  const end =");
    expect(held).not.toBe(source);
    const { thread, writer } = await ready({
      program: new URL(`data:text/javascript,${encodeURIComponent(held)}`),
      patienceMs: 1,
    });
    const writes = writesOf(4_096, "all");
    const ended = vi.waitFor(() => expect(() => writer.write(writes)).toThrow("has not done its part in 0.1 s"), {
      timeout: 10_000,
      interval: 1,
    });
    await ended;
    expect(thread.takeFailure()?.message).toContain("has not done its part");
    expect(thread.isReady).toBe(false);
    const before = lines().length;
    expect(before % 4_096).toBe(4_096 - 32);
    await vi.waitFor(() => expect(thread.hasEnded).toBe(true), { timeout: 10_000 });
    expect(lines()).toHaveLength(before);
    expect(thread.isReady).toBe(false);
  });
});
