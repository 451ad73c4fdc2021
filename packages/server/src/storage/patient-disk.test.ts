import { type LogFields, silentLogger } from "@corral/io";
import { diskError, MemoryDisk, VirtualClock } from "@corral/testing";
import { expect, test } from "vitest";
import { patientDisk } from "./patient-disk.ts";

function withoutDescriptors(code = "EMFILE") {
  const memory = new MemoryDisk();
  const clock = new VirtualClock();
  const told: LogFields[] = [];
  const state = { code: code as string | undefined, tries: 0 };
  memory.onOperation = ({ kind, path }) => {
    if (kind !== "open" && kind !== "syncDirectory") return;
    state.tries++;
    if (state.code !== undefined) throw diskError(state.code, kind, path);
  };
  const logger = { ...silentLogger, warn: (fields: LogFields) => void told.push(fields) };
  return { state, clock, told, disk: patientDisk({ disk: memory, clock, logger }) };
}

/** Lets time pass, and whatever then can go on has gone on. */
async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    clock.advance(100);
    for (let turns = 0; turns < 20; turns++) await Promise.resolve();
  }
}

test.each(["EMFILE", "ENFILE"])("%s: waits for a descriptor, and says so once", async (code) => {
  const { state, clock, told, disk } = withoutDescriptors(code);
  await disk.makeDirectory("/d");
  let isOpen = false;
  const opening = disk.open("/d/log.1", "create").then((file) => {
    isOpen = true;
    return file;
  });
  await pass(clock, 1_000);
  expect(isOpen).toBe(false);
  expect(state.tries).toBeGreaterThan(5);
  state.code = undefined;
  await pass(clock, 1_000);
  const file = await opening;
  await file.write(0, Buffer.from("x"));
  expect((await file.read(0, 9)).toString()).toBe("x");
  await disk.syncDirectory("/d");
  expect(told).toMatchObject([{ path: "/d/log.1" }]);
});

test("gives up after half a minute", async () => {
  const { state, clock, disk } = withoutDescriptors();
  const outcome = disk.open("/d/log.1", "create").catch((error: Error) => error);
  await pass(clock, 29_000);
  let isOver = false;
  void outcome.then(() => {
    isOver = true;
  });
  await Promise.resolve();
  expect(isOver).toBe(false);
  expect(state.tries).toBeGreaterThan(200);
  await pass(clock, 2_000);
  expect(await outcome).toMatchObject({ code: "EMFILE" });
});

test("passes any other error on at once", async () => {
  const { state, told, disk } = withoutDescriptors("ENOSPC");
  await expect(disk.open("/d/log.1", "create")).rejects.toMatchObject({ code: "ENOSPC" });
  await expect(disk.syncDirectory("/d")).rejects.toMatchObject({ code: "ENOSPC" });
  expect([state.tries, told.length]).toEqual([2, 0]);
});
