import { type Disk, silentLogger } from "@corral/io";
import { MemoryDisk, VirtualClock } from "@corral/testing";
import { expect, test } from "vitest";
import { DiskSpace } from "./disk-space.ts";

function watched(minFreeBytes = 100) {
  const room: { freeBytes: number | Error } = { freeBytes: 1_000 };
  const clock = new VirtualClock();
  const changes: boolean[] = [];
  const disk: Disk = Object.assign(Object.create(new MemoryDisk()) as Disk, {
    freeBytes: async () => {
      if (room.freeBytes instanceof Error) throw room.freeBytes;
      return room.freeBytes;
    },
  });
  const onChange = (isLow: boolean) => changes.push(isLow);
  const space = new DiskSpace({ disk, directory: "/data", clock, logger: silentLogger, minFreeBytes, onChange });
  return { room, clock, changes, space };
}

async function pass(clock: VirtualClock): Promise<void> {
  await clock.advance(2_000);
  for (let turns = 0; turns < 10; turns++) await Promise.resolve();
}

test("low below the bound, and no longer when twice as much is free", async () => {
  const { room, clock, changes, space } = watched();
  await space.start();
  expect(space.freeBytes).toBe(1_000);
  for (const [freeBytes, told] of [
    [99, [true]],
    [150, [true]],
    [199, [true]],
    [200, [true, false]],
    [150, [true, false]],
    [99, [true, false, true]],
  ] as const) {
    room.freeBytes = freeBytes;
    await pass(clock);
    expect(space.freeBytes).toBe(freeBytes);
    expect(changes).toEqual(told);
  }
  space.stop();
});

test("what cannot be told changes nothing", async () => {
  const { room, clock, changes, space } = watched();
  room.freeBytes = 50;
  await space.start();
  room.freeBytes = new Error("EIO");
  await pass(clock);
  expect(changes).toEqual([true]);
  room.freeBytes = 500;
  await pass(clock);
  expect(changes).toEqual([true, false]);
  space.stop();
});

test("a bound of 0 is none", async () => {
  const { room, changes, space } = watched(0);
  room.freeBytes = 0;
  await space.start();
  expect(changes).toEqual([]);
  expect(space.freeBytes).toBeUndefined();
});

test.each([
  { roomMb: 2_000, nextLookMs: 2_000 },
  { roomMb: 64, nextLookMs: 250 },
  { roomMb: 0, nextLookMs: 20 },
])("with $roomMb MiB above the bound it looks again after $nextLookMs ms", async ({ roomMb, nextLookMs }) => {
  const megabyte = 1024 * 1024;
  const { room, clock, changes, space } = watched(10 * megabyte);
  room.freeBytes = (10 + roomMb) * megabyte;
  await space.start();
  room.freeBytes = 9 * megabyte;
  await clock.advance(nextLookMs - 1);
  expect(changes).toEqual([]);
  await clock.advance(1);
  for (let turns = 0; turns < 10; turns++) await Promise.resolve();
  expect(changes).toEqual([true]);
  space.stop();
});
