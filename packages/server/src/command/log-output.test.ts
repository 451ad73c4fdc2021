import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LogOutput } from "./log-output.ts";

/** Takes as many bytes as there is room for, then refuses as a full pipe does. */
let room: number;
let refusal: string;
let calls: number;
let taken: string;
let losses: number[];

/** What happens while the process is held up for a millisecond. */
let meanwhile: () => void;
let heldUpMs: number;

beforeEach(() => {
  vi.useFakeTimers();
  [meanwhile, heldUpMs] = [() => {}, 0];
  vi.spyOn(Atomics, "wait").mockImplementation(() => {
    heldUpMs++;
    meanwhile();
    return "timed-out";
  });
  [room, refusal, calls, taken, losses] = [Number.POSITIVE_INFINITY, "EAGAIN", 0, "", []];
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function make(maxWaitingBytes: number): LogOutput {
  const put = (bytes: Uint8Array): number => {
    calls++;
    if (room === 0) throw Object.assign(new Error(refusal), { code: refusal });
    const count = Math.min(room, bytes.length);
    room -= count;
    taken += Buffer.from(bytes.subarray(0, count)).toString();
    return count;
  };
  const output = new LogOutput({ maxWaitingBytes, put });
  output.onLoss = (count) => {
    losses.push(count);
    output.write(`lost ${count}\n`);
  };
  return output;
}

test("a line leaves at once, and piece by piece if need be", () => {
  const output = make(100);
  output.write("a\n");
  expect(taken).toBe("a\n");
  room = 3;
  output.write("bcdef\n");
  expect(taken).toBe("a\nbcd");
  room = 100;
  vi.advanceTimersByTime(1);
  output.write("g\n");
  expect(taken).toBe("a\nbcdef\ng\n");
});

test("of a reader who stands still lines wait up to the bound; those beyond are lost, and their count stands in their place", () => {
  const output = make(20);
  room = 0;
  for (let n = 0; n < 1_000; n++) output.write(`line ${n % 10}\n`);
  // Once it is waited for in vain, then no more.
  expect([taken, calls, heldUpMs]).toEqual(["", 1 + 50, 50]);
  room = 100;
  vi.advanceTimersByTime(100);
  expect(taken).toBe("line 0\nline 1\n");
  output.write("line x\n");
  expect(taken).toBe("line 0\nline 1\nlost 998\nline x\n");
  output.write("line y\n");
  expect(losses).toEqual([998]);
});

test("of a reader who is only slow nothing is lost", () => {
  const output = make(20);
  room = 0;
  meanwhile = () => {
    room = heldUpMs % 4 === 0 ? 10 : 0;
  };
  const lines = Array.from({ length: 1_000 }, (_, n) => `line ${n}\n`);
  for (const line of lines) output.write(line);
  room = 100;
  vi.advanceTimersByTime(100);
  expect(taken).toBe(lines.join(""));
  expect(losses).toEqual([]);
});

test("who takes nothing is asked ever more rarely, but ten times a second", () => {
  const output = make(100);
  room = 0;
  output.write("a\n");
  vi.advanceTimersByTime(60_000);
  expect(calls).toBeGreaterThan(500);
  expect(calls).toBeLessThan(610);
});

test("at the end a slow reader gets everything, and one that stands still is not waited for for ever", () => {
  const output = make(20);
  room = 0;
  for (const line of ["aaaaaaaaa\n", "bbbbbbbbb\n", "c\n"]) output.write(line);
  // As if somebody had read a little at every third look.
  meanwhile = () => {
    if (heldUpMs % 3 === 0) room = 4;
  };
  output.end();
  expect(taken).toBe("aaaaaaaaa\nbbbbbbbbb\nlost 1\n");
  room = 0;
  output.write("d\n");
  meanwhile = () => {};
  const before = calls;
  output.end();
  expect(calls - before).toBe(500);
});

test("a full disk under it keeps nobody from going on or ending; what waits is written when there is room", () => {
  const output = make(20);
  [room, refusal] = [0, "ENOSPC"];
  output.write("a\n");
  output.end();
  expect(calls).toBe(2);
  room = 100;
  output.write("b\n");
  vi.advanceTimersByTime(100);
  expect(taken).toBe("a\nb\n");
});
