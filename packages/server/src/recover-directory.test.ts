import { nodeClock, nodeRandom, silentLogger } from "@corral/io";
import { expect, test } from "vitest";
import { directory } from "../test-support/storage-life.ts";
import { writtenDirectory } from "../test-support/written-directory.ts";
import { recoverDirectory } from "./recover-directory.ts";

/** A clock that shows one more each time it is looked at. */
function countingClock() {
  let looks = 0;
  return { ...nodeClock, elapsedMs: () => looks++ };
}

const ports = { logger: silentLogger, random: nodeRandom, onSync: () => {} };

test("it is told what a start took: for the snapshot, for the log behind it, and how many entries that had", async () => {
  const { disk } = await writtenDirectory();
  const opened: unknown[] = [];
  const onOpened = (log: unknown) => opened.push(log);
  const { log, startup, state, sinceSnapshot } = await recoverDirectory(directory, {
    ...ports,
    disk,
    clock: countingClock(),
    onOpened,
  });
  await log.close();
  expect(opened).toEqual([log]);
  expect([state.tree.get("/a") !== undefined, state.tree.get("/b")]).toEqual([true, undefined]);
  expect(sinceSnapshot?.entries).toBe(2);
  expect(startup?.entries).toBe(2);
  const { tookMs = 0, snapshotMs = 0, logMs = 0 } = startup ?? {};
  expect(snapshotMs).toBeGreaterThan(0);
  expect(logMs).toBeGreaterThan(0);
  expect(tookMs).toBeGreaterThan(snapshotMs + logMs);
});

test("in memory there is nothing to tell", async () => {
  const { disk } = await writtenDirectory();
  const recovered = await recoverDirectory(undefined, { ...ports, disk, clock: nodeClock, onOpened: () => {} });
  expect(recovered.startup).toBeUndefined();
  expect(recovered.state.lastZxid).toBe(0);
});
