import { type LogFields, silentLogger } from "@corral/io";
import { diskError, MemoryDisk, VirtualClock } from "@corral/testing";
import { beforeEach, expect, test } from "vitest";
import { AuditFile } from "./audit-file.ts";

const path = "/logs/audit.log";
let disk: MemoryDisk;
let clock: VirtualClock;
let said: string[];

beforeEach(async () => {
  disk = new MemoryDisk();
  clock = new VirtualClock();
  said = [];
  await disk.makeDirectory("/logs");
});

const open = (maxWaitingBytes = 1_000): Promise<AuditFile> => {
  const keep = (_: LogFields, message: string): void => void said.push(message);
  const logger = { ...silentLogger, info: keep, error: keep };
  return AuditFile.open({ disk, path, clock, logger, maxWaitingBytes, lossLine: (count) => `lost ${count}\n` });
};

async function text(of = path): Promise<string> {
  const file = await disk.open(of, "read");
  const bytes = await file.read(0, await file.size());
  await file.close();
  return bytes.toString();
}

/** Lets everything happen that needs no time. */
async function settle(): Promise<void> {
  for (let i = 0; i < 200; i++) await Promise.resolve();
}

test("lines stand behind one another, also those of the process before", async () => {
  const first = await open();
  first.append("a\n");
  first.append("b\n");
  await first.close();
  const second = await open();
  second.append("c\n");
  await second.close();
  expect(await text()).toBe("a\nb\nc\n");
  expect(said).toEqual([]);
});

test("a file that cannot be opened is told of at once", async () => {
  disk.onOperation = ({ kind }) => {
    if (kind === "open") throw diskError("EACCES", "open", path);
  };
  await expect(open()).rejects.toMatchObject({ code: "EACCES" });
});

test("a file that was renamed is left for a new one", async () => {
  const file = await open();
  file.append("a\n");
  await settle();
  await disk.rename(path, "/logs/audit.log.1");
  file.append("b\n");
  await settle();
  file.reopen();
  file.append("c\n");
  await file.close();
  expect([await text("/logs/audit.log.1"), await text()]).toEqual(["a\nb\n", "c\n"]);
});

test("one that was renamed is let go of also when nothing is written", async () => {
  const file = await open();
  await disk.rename(path, "/logs/audit.log.1");
  file.reopen();
  await settle();
  expect(await disk.list("/logs")).toEqual(["audit.log", "audit.log.1"]);
  await file.close();
});

test("one that was cut to nothing is continued from there", async () => {
  const file = await open();
  file.append("aaaa\n");
  await settle();
  const other = await disk.open(path, "write");
  await other.truncate(0);
  file.append("b\n");
  await file.close();
  expect(await text()).toBe("b\n");
});

test("a full disk keeps lines waiting, and nobody else; half a line stays alone on its own", async () => {
  const file = await open();
  file.append("first\n");
  await settle();
  disk.capacityBytes = 9;
  file.append("second\n");
  await settle();
  file.append("third\n");
  expect([file.isFailing, file.waitingBytes]).toEqual([true, 13]);
  clock.advance(1_000);
  await settle();
  expect(said).toEqual(["the audit log cannot be written: its lines wait, and are lost when too many do"]);
  disk.capacityBytes = 1_000;
  clock.advance(1_000);
  await settle();
  expect([file.isFailing, file.waitingBytes, file.lostTotal]).toEqual([false, 0, 0]);
  expect(said.at(-1)).toBe("the audit log is written again");
  await file.close();
  const lines = (await text()).split("\n");
  expect(lines.filter((line) => ["first", "second", "third"].includes(line))).toEqual(["first", "second", "third"]);
});

test("what does not fit into the bound is lost, counted, and told of in the file", async () => {
  const file = await open(12);
  disk.capacityBytes = 0;
  file.append("----a\n");
  await settle();
  for (const name of ["b", "c", "d", "e"]) file.append(`----${name}\n`);
  expect([file.lostTotal, file.waitingBytes]).toEqual([3, 12]);
  expect(said.filter((line) => line.includes("are lost: "))).toHaveLength(1);
  disk.capacityBytes = 1_000;
  clock.advance(1_000);
  await settle();
  file.append("----f\n");
  await file.close();
  expect(await text()).toBe("----a\n----b\nlost 3\n----f\n");
});

test("lines that matter are kept beyond the bound while the disk takes any; others are lost", async () => {
  const file = await open(10);
  for (let i = 0; i < 100; i++) file.append(`${i}\n`, i % 2 === 0);
  expect(file.lostTotal).toBe(48);
  await file.close();
  const lines = (await text()).trimEnd().split("\n");
  expect(lines.filter((line) => !line.startsWith("lost"))).toEqual([
    ...["0", "1", "2", "3"],
    ...Array.from({ length: 48 }, (_, i) => `${2 * i + 4}`),
  ]);
});

test("who makes many lines waits for room as long as the disk takes some", async () => {
  const file = await open(10);
  let release: () => void = () => {};
  disk.onOperation = ({ kind }) => {
    if (kind !== "write") return undefined;
    return new Promise<void>((resolve) => {
      release = resolve;
    });
  };
  let rooms = 0;
  const room = (): void => void rooms++;
  file.append("first\n");
  file.whenRoom(room);
  expect(rooms, "more than half of the bound waits").toBe(0);
  await settle();
  for (let i = 0; i < 4; i++) file.append(`${"-".repeat(70_000)}\n`);
  clock.advance(999);
  // The first, then one, then one, then the two that came while more than they waited.
  for (let i = 0; i < 3; i++) {
    release();
    await settle();
    expect(rooms).toBe(0);
    clock.advance(999);
  }
  release();
  await settle();
  expect([rooms, file.isFailing, file.lostTotal]).toEqual([1, false, 0]);
  file.whenRoom(room);
  expect(rooms).toBe(2);
});

test("a disk that hangs holds up neither the end nor, for longer than a second, those who write", async () => {
  const file = await open(10);
  disk.onOperation = ({ kind }) => (kind === "write" ? new Promise(() => undefined) : undefined);
  for (let i = 0; i < 10; i++) file.append("a\n");
  await settle();
  let rooms = 0;
  file.whenRoom(() => void rooms++);
  clock.advance(999);
  expect([rooms, file.isFailing]).toEqual([0, false]);
  clock.advance(1);
  expect([rooms, file.isFailing, file.lostTotal]).toEqual([1, true, 0]);
  expect(said).toEqual(["the audit log's disk takes nothing: its lines wait, and are lost when too many do"]);
  file.whenRoom(() => void rooms++);
  expect(rooms).toBe(2);
  for (let i = 0; i < 96; i++) file.append("b\n");
  expect(file.lostTotal).toBe(96);
  const closing = file.close();
  await settle();
  clock.advance(5_000);
  await closing;
  expect(said.at(-1)).toBe("the end of the audit log could not be written");
  file.append("late\n");
  expect(file.lostTotal).toBe(97);
});

test("an end without a disk that works is told of", async () => {
  const file = await open();
  disk.capacityBytes = 0;
  file.append("a\n");
  await file.close();
  expect(said.at(-1)).toBe("the end of the audit log could not be written");
});
