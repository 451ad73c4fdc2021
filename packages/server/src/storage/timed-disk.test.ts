import { MemoryDisk } from "@corral/testing";
import { expect, test } from "vitest";
import { timedDisk } from "./timed-disk.ts";

test("tells of the syncs of log segments, and of nothing else", async () => {
  let nowMs = 0;
  const clock = { wallMs: () => 0, elapsedMs: () => nowMs++, setTimer: () => ({ cancel: () => undefined }) };
  const took: number[] = [];
  const disk = timedDisk(new MemoryDisk(), clock, (ms) => took.push(ms));
  await disk.makeDirectory("/d");
  const log = await disk.open("/d/log.1", "create");
  const snapshot = await disk.open("/d/snapshot.1", "create");
  await log.write(0, Buffer.from("x"));
  await snapshot.sync();
  expect(took).toEqual([]);
  await log.sync();
  expect(took).toEqual([1]);
  expect([await log.size(), (await log.read(0, 9)).toString()]).toEqual([1, "x"]);
});
