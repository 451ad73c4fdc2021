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
  for (const name of ["a", "b", "c", "d", "e"]) file.append(`----${name}\n`);
  await settle();
  expect([file.lostTotal, file.waitingBytes]).toEqual([3, 12]);
  expect(said.filter((line) => line.includes("are lost: "))).toHaveLength(1);
  disk.capacityBytes = 1_000;
  clock.advance(1_000);
  await settle();
  file.append("----f\n");
  await file.close();
  expect(await text()).toBe("----a\n----b\nlost 3\n----f\n");
});

test("a disk that hangs holds up neither those who write nor the end", async () => {
  const file = await open(10);
  disk.onOperation = ({ kind }) => (kind === "write" ? new Promise(() => undefined) : undefined);
  file.append("a\n");
  await settle();
  for (let i = 0; i < 100; i++) file.append("b\n");
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
