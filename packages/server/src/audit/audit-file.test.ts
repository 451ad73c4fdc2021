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

test("what knows no positions, as a pipe, is told of at once, and let go of", async () => {
  let closed = 0;
  disk.onOperation = ({ kind }) => {
    if (kind === "read") throw diskError("ESPIPE", "read", path);
  };
  const { open: openFile } = disk;
  disk.open = async (...parameters) => {
    const opened = await openFile.apply(disk, parameters);
    return Object.assign(opened, { close: async () => void closed++ });
  };
  await expect(open()).rejects.toMatchObject({ code: "ESPIPE" });
  expect(closed).toBe(1);
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

test("lines that are lost and kept in turn are told of once a second", async () => {
  const file = await open(6);
  const told = () => said.filter((line) => line.includes("are lost: ")).length;
  for (let i = 0; i < 5; i++) {
    // The first is being written, the second goes beyond the bound, the third is too much.
    for (const name of ["a", "b", "c"]) file.append(`----${name}\n`);
    await settle();
  }
  expect(file.lostTotal, "each time").toBeGreaterThanOrEqual(5);
  expect(told()).toBe(1);
  clock.advance(1_000);
  for (const name of ["a", "b", "c"]) file.append(`----${name}\n`);
  expect(told()).toBe(2);
  await file.close();
});

test("what does not fit into the bound is lost, counted, and told of in the file", async () => {
  const file = await open(6);
  disk.capacityBytes = 0;
  file.append("----a\n");
  await settle();
  for (const name of ["b", "c", "d", "e"]) file.append(`----${name}\n`);
  expect([file.lostTotal, file.waitingBytes], "exceeded by one line").toEqual([3, 12]);
  expect(said.filter((line) => line.includes("are lost: "))).toHaveLength(1);
  disk.capacityBytes = 1_000;
  clock.advance(1_000);
  await settle();
  file.append("----f\n");
  await file.close();
  expect(await text()).toBe("----a\n----b\nlost 3\n----f\n");
});

test("lines whose maker has asked for room have half of the bound for themselves, and no more on a disk that works", async () => {
  const file = await open(100);
  for (let i = 0; i < 100; i++) file.append("refused\n", false);
  expect([file.lostTotal, file.waitingBytes]).toEqual([94, 48]);
  let rooms = 0;
  file.whenRoom(() => void rooms++);
  expect(rooms, "those that have not asked hold up nobody").toBe(1);
  for (let i = 0; i < 100; i++) file.append(`${i}-----\n`);
  expect(file.waitingBytes).toBeLessThan(110);
  await file.close();
  expect(await text()).toMatch(/^(refused\n){6}lost 94\n0-----\n1-----\n/);
});

test("the lines of one entry are kept together or not at all, however many they are", async () => {
  const file = await open(100);
  for (let i = 0; i < 11; i++) file.append("1--------\n", true, 1);
  for (let i = 0; i < 100; i++) file.append("2--------\n", true, 2);
  expect([file.lostTotal, file.waitingBytes], "beyond the bound, after the first").toEqual([100, 110]);
  await settle();
  for (let i = 0; i < 100; i++) file.append("3--------\n", true, 3);
  file.append("other\n");
  expect([file.lostTotal, file.waitingBytes]).toEqual([101, 9 + 1_000]);
  await file.close();
  expect(await text()).toMatch(/^(1-{8}\n){11}lost 100\n(3-{8}\n){100}$/);
});

/** The disk takes what is written when that is asked for, one write at a time; returns how long they were. */
function slowly(): { readonly take: () => Promise<void>; readonly lengths: number[] } {
  let release: () => void = () => {};
  const lengths: number[] = [];
  const { open: openFile } = disk;
  disk.open = async (...parameters) => {
    const opened = await openFile.apply(disk, parameters);
    const { write } = opened;
    opened.write = async (position, bytes) => {
      lengths.push(bytes.length);
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return write.call(opened, position, bytes);
    };
    return opened;
  };
  const take = async (): Promise<void> => {
    release();
    await settle();
  };
  return { take, lengths };
}

test("who makes many lines waits for room as long as the disk takes 256 KiB a second", async () => {
  const { take, lengths } = slowly();
  const file = await open(1 << 20);
  const line = `${"-".repeat(1_023)}\n`;
  for (let i = 0; i < 1_024; i++) file.append(line);
  const letGo: number[] = [];
  for (let i = 0; i < 2; i++) {
    file.whenRoom(() => {
      letGo.push(i);
      for (let j = 0; j < 256; j++) file.append(line);
    });
  }
  await settle();
  expect([lengths, letGo]).toEqual([[256 << 10], []]);
  clock.advance(999);
  await take();
  expect(letGo).toEqual([]);
  clock.advance(999);
  await take();
  expect(letGo, "the second waits for what the first has added").toEqual([0]);
  clock.advance(999);
  await take();
  expect(letGo).toEqual([0, 1]);
  expect([file.isFailing, file.lostTotal, Math.max(...lengths)]).toEqual([false, 0, 256 << 10]);
});

test("a line that is longer than what is written at once is written in pieces, into one file, and anew after a failure", async () => {
  const { take, lengths } = slowly();
  const file = await open(1 << 20);
  file.append("first\n");
  await settle();
  await take();
  const long = `${"x".repeat(600_000)}\n`;
  file.append(long);
  file.append("short\n");
  await settle();
  await disk.rename(path, "/logs/old");
  file.reopen();
  await take();
  expect(file.waitingBytes).toBe(long.length + 6 - (256 << 10));
  disk.capacityBytes = 300_006;
  await take();
  expect([file.isFailing, file.waitingBytes]).toEqual([true, long.length + 6]);
  disk.capacityBytes = 10_000_000;
  clock.advance(1_000);
  await settle();
  const closing = file.close();
  for (let i = 0; i < 5; i++) await take();
  await closing;
  expect(await text()).toBe(`${long}short\n`);
  expect(Math.max(...lengths)).toBe(256 << 10);
  expect(file.lostTotal).toBe(0);
});

test("a disk that hangs holds up neither the end nor, for longer than a second, those who write", async () => {
  const file = await open(10);
  disk.onOperation = ({ kind }) => (kind === "write" ? new Promise(() => undefined) : undefined);
  for (let i = 0; i < 10; i++) file.append("a\n");
  await settle();
  expect([file.waitingBytes, file.lostTotal]).toEqual([12, 4]);
  let rooms = 0;
  file.whenRoom(() => void rooms++);
  clock.advance(999);
  expect([rooms, file.isFailing]).toEqual([0, false]);
  clock.advance(1);
  expect([rooms, file.isFailing]).toEqual([1, true]);
  expect(said.at(-1)).toBe(
    "the audit log's disk hangs, or is far too slow: its lines wait, and are lost when too many do",
  );
  file.whenRoom(() => void rooms++);
  expect(rooms).toBe(2);
  const closing = file.close();
  await settle();
  clock.advance(5_000);
  expect(await closing, "no line in the file tells of the four from before").toBe(10);
  expect(said.at(-1)).toBe("the end of the audit log could not be written");
  expect(file.lostTotal, "all six, and the four from before").toBe(10);
  file.append("late\n");
  expect(file.lostTotal).toBe(11);
});

test("a disk is not taken for one that hangs where the process itself was held up", async () => {
  const { take } = slowly();
  const file = await open(10);
  file.append("long enough\n");
  await settle();
  let rooms = 0;
  file.whenRoom(() => void rooms++);
  clock.stall(60_000);
  clock.advance(0);
  expect([rooms, file.isFailing]).toEqual([0, false]);
  await take();
  expect([rooms, file.isFailing]).toEqual([1, false]);
  file.append("long enough\n");
  await settle();
  clock.stall(60_000);
  clock.advance(1_000);
  expect(file.isFailing).toBe(true);
  await take();
  expect(file.isFailing).toBe(false);
});

test("the end waits for a disk that takes some, but not for ever", async () => {
  const { take } = slowly();
  const file = await open(16 << 20);
  const line = `${"-".repeat((64 << 10) - 1)}\n`;
  for (let i = 0; i < 40; i++) file.append(line);
  await settle();
  let isClosed = false;
  const closing = file.close().then(() => {
    isClosed = true;
  });
  for (let i = 0; i < 4; i++) {
    await settle();
    expect(isClosed).toBe(false);
    await take();
    clock.advance(5_000);
    await settle();
  }
  expect(isClosed).toBe(true);
  await closing;
  expect(said.at(-1)).toBe("the end of the audit log could not be written");
  expect(file.lostTotal).toBe(40 - 4 * 4);
});

test("an end without a disk that works is told of", async () => {
  const file = await open();
  disk.capacityBytes = 0;
  file.append("a\n");
  expect(await file.close()).toBe(1);
  expect(said.at(-1)).toBe("the end of the audit log could not be written");
  expect(file.lostTotal).toBe(1);
});

test("a disk that hangs when all is written is not waited for either, and told of", async () => {
  const file = await open();
  file.append("a\n");
  await settle();
  disk.onOperation = ({ kind }) => (kind === "sync" ? new Promise(() => undefined) : undefined);
  const closing = file.close();
  await settle();
  clock.advance(5_000);
  expect(await closing).toBe(0);
  expect(said).toEqual(["the end of the audit log may not be on the disk: it hangs"]);
});

test("what is longer than the bound is written where nothing waits", async () => {
  const file = await open(1);
  for (const line of ["refused\n", "also refused\n"]) {
    file.append(line, false);
    await settle();
  }
  expect(await file.close()).toBe(0);
  expect(await text()).toBe("refused\nalso refused\n");
});
