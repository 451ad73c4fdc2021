import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LogOutput } from "./log-output.ts";

/** Takes as many bytes as there is room for, then refuses as a full pipe does. */
let room: number;
let refusal: string;
let calls: number;
let taken: string;

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
  [room, refusal, calls, taken] = [Number.POSITIVE_INFINITY, "EAGAIN", 0, ""];
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
  return new LogOutput({ maxWaitingBytes, put });
}

const lossLine = (lost: number): string =>
  `{"level":50,"time":${Date.now()},"lost":${lost},"msg":"lines of the log are lost: too many waited for who reads it"}\n`;

test("a line leaves at once, and piece by piece if need be", () => {
  const output = make(100);
  output.write("a\n");
  expect(taken).toBe("a\n");
  room = 3;
  output.write("bcdef\n");
  expect(taken).toBe("a\nbcd");
  room = 100;
  vi.advanceTimersByTime(5);
  output.write("g\n");
  expect(taken).toBe("a\nbcdef\ng\n");
});

test("of a reader who stands still lines wait up to the bound; those beyond are lost, and their count stands in their place", () => {
  const output = make(20);
  room = 0;
  for (let n = 0; n < 1_000; n++) output.write(`line ${n % 10}\n`);
  expect([taken, calls, heldUpMs, output.waitingBytes]).toEqual(["", 1, 0, 14]);
  room = 100;
  vi.advanceTimersByTime(5);
  expect(taken).toBe("line 0\nline 1\n");
  room = 1_000;
  output.write("line x\n");
  output.write("line y\n");
  expect(taken).toBe(`line 0\nline 1\n${lossLine(998)}line x\nline y\n`);
});

test("who makes many lines waits for room as long as the reader takes some, and then none of them is lost", () => {
  const output = make(100);
  room = 0;
  const all: string[] = [];
  const more = (): void => {
    // Twice what the bound allows, as of writes that become durable together.
    const lines = Array.from({ length: 20 }, (_, n) => `line ${all.length + n}, long\n`);
    for (const line of lines) expect(output.add(line, true)).toBe(true);
    all.push(...lines);
    if (all.length < 1_000) output.whenRoom(more);
  };
  output.whenRoom(more);
  expect(all).toHaveLength(20);
  expect(output.add("not so important\n", false)).toBe(false);
  for (let n = 0; n < 20_000 && output.waitingBytes > 0; n++) {
    // Takes something twice in a second.
    room = n % 100 === 0 ? 150 : 0;
    vi.advanceTimersByTime(5);
  }
  expect(all).toHaveLength(1_000);
  expect(taken.replace(/\{.*\n/, "")).toBe(all.join(""));
  expect([taken.match(/"lost":\d+/g), heldUpMs]).toEqual([['"lost":1'], 0]);
});

test("a reader who takes nothing for a second is not waited for, until he takes some", () => {
  const output = make(20);
  room = 0;
  let released = 0;
  const hold = (): void => output.whenRoom(() => released++);
  output.add("a long line, beyond the bound\n", false);
  hold();
  vi.advanceTimersByTime(900);
  expect([released, output.isFailing]).toEqual([0, false]);
  vi.advanceTimersByTime(200);
  expect([released, output.isFailing]).toEqual([1, true]);
  hold();
  expect(released).toBe(2);
  expect(output.add("b\n", false)).toBe(false);
  const before = calls;
  vi.advanceTimersByTime(60_000);
  expect(calls - before).toBeLessThan(610);
  room = 1_000;
  vi.advanceTimersByTime(100);
  expect([output.isFailing, output.add("c\n", false)]).toEqual([false, true]);
  expect(taken).toBe(`a long line, beyond the bound\n${lossLine(1)}c\n`);
});

test("what nothing is in the way of leaves, however small the bound", () => {
  const output = make(1);
  for (const line of ["a long line\n", "another\n"]) output.write(line);
  expect(taken).toBe("a long line\nanother\n");
});

test("a last word is kept though the reader has taken nothing for long, and is told if he goes on at the end", () => {
  const output = make(20);
  room = 0;
  for (let n = 0; n < 10; n++) output.write("a line\n");
  vi.advanceTimersByTime(2_000);
  expect(output.isFailing).toBe(true);
  expect(output.add("why it ends\n", true)).toBe(true);
  meanwhile = () => {
    room = 1_000;
  };
  const told = lossLine(8);
  expect(output.end()).toEqual({ lost: 0, obstacle: undefined });
  expect(taken).toBe(`a line\na line\n${told}why it ends\n`);
});

test("errors of the log have as much room again, and no more", () => {
  const output = make(1_000);
  const logger = pino({ base: null, timestamp: false }, output);
  room = 0;
  for (let n = 0; n < 100; n++) logger.warn({ n }, "a warning");
  logger.error("an error");
  logger.warn("no room");
  room = 10_000;
  vi.advanceTimersByTime(5);
  expect(taken).toMatch(/"a warning"\}\n\{[^\n]*"lost":\d+[^\n]*\n[^\n]*"an error"\}\n$/);
  room = 0;
  for (let n = 0; n < 1_000; n++) logger.error({ n }, "an error");
  expect(output.waitingBytes).toBeGreaterThan(2_000);
  expect(output.waitingBytes).toBeLessThan(2_300);
});

/** As if time passed only while the process is held up. */
const passesHeldUp = (): void => {
  vi.spyOn(performance, "now").mockImplementation(() => heldUpMs);
};

test("at the end a slow reader gets what he takes in two seconds, and not a moment is added for what he has taken", () => {
  passesHeldUp();
  const output = make(200);
  room = 0;
  for (const line of ["aaaaaaaaa\n", "bbbbbbbbb\n"]) output.write(line);
  // Somebody reads a little at every third look.
  meanwhile = () => {
    if (heldUpMs % 3 === 0) room = 4;
  };
  expect(output.end()).toEqual({ lost: 0, obstacle: undefined });
  expect(taken).toBe("aaaaaaaaa\nbbbbbbbbb\n");
  expect(heldUpMs).toBeLessThan(20);
  [taken, room, heldUpMs] = ["", 0, 0];
  for (let n = 0; n < 10; n++) output.write(`line ${n}, and some more\n`);
  meanwhile = () => {
    if (heldUpMs % 100 === 0) room = 2;
  };
  expect(output.end()).toEqual({ lost: 10 - 1, obstacle: "EAGAIN" });
  expect([taken.length, heldUpMs]).toEqual([40, 2_000]);
});

test("at the end of who takes nothing all that wait are counted, with those of which no line has told, or one that waits", () => {
  passesHeldUp();
  const output = make(20);
  room = 0;
  for (const line of ["aaaaaaaaa\n", "bbbbbbbbb\n", "c\n", "d\n"]) output.write(line);
  expect([output.end().lost, heldUpMs]).toEqual([4, 2_000]);
});

test("a full disk under it keeps nobody from going on or ending; what waits is written when there is room", () => {
  const output = make(20);
  [room, refusal] = [0, "ENOSPC"];
  output.write("a\n");
  expect([calls, output.isFailing]).toEqual([1, true]);
  room = 100;
  output.write("b\n");
  vi.advanceTimersByTime(100);
  expect(taken).toBe("a\nb\n");
  room = 0;
  output.write("c\n");
  expect([output.end(), calls, heldUpMs]).toEqual([{ lost: 1, obstacle: "ENOSPC" }, 5, 0]);
});
