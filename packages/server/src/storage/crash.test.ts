/**
 * What a storage promises, tried against crashes: at every single operation of a script, and at random ones of random
 * lives that follow each other on the same disk.
 *
 * DurableHistory  every acknowledged record comes back; what comes back is a prefix of what was appended
 * DurableEpoch    an epoch that was written is never forgotten
 * NoticedLoss     a log that somebody has cut or deleted after any of these lives is refused, unless nothing is missing
 */
import { diskError, MemoryDisk, type SeededRandom, seededRandom } from "@corral/testing";
import { describe, expect, it } from "vitest";
import {
  copyOf,
  gatheringClock,
  type Life,
  type LogClock,
  letters,
  live,
  resize,
  smallLimits,
  startsOfBatches,
  text,
  toChunks,
} from "../../test-support/storage-life.ts";
import { type LogRecord, StorageError } from "./storage.ts";

const epochBytes = 2 ** 32;

/** What must be true of the next life. */
interface Promised {
  /** All that was ever appended, in order, as far as the last life saw it. */
  appended: LogRecord[];
  acknowledgedZxid: number;
  epoch: number;
  /** Torn tails that were met, and losses that were noticed, so that a test that meets none is found out. */
  torn: number;
  noticed: number;
  /** False while there may be acknowledged records in a file that grew with each batch: its loss may go unnoticed. */
  growsBySteps: boolean;
}

const nothing = (): Promised => ({
  appended: [],
  acknowledgedZxid: 0,
  epoch: 0,
  torn: 0,
  noticed: 0,
  growsBySteps: true,
});

function check(life: Life, promised: Promised, what: string): void {
  const appended = text(promised.appended);
  const recovered = text(life.recovered);
  expect(recovered, what).toEqual(appended.slice(0, recovered.length));
  expect(life.acknowledgedZxid, what).toBeGreaterThanOrEqual(promised.acknowledgedZxid);
  expect(life.storage.currentEpoch, what).toBeGreaterThanOrEqual(promised.epoch);
  promised.appended = [...life.recovered];
  promised.acknowledgedZxid = life.acknowledgedZxid;
  promised.torn += life.truncatedBytes > 0 ? 1 : 0;
}

/** Whatever ends a life early is the disk's doing, and is what the test is about; anything else is not. */
function unlessDisk(error: unknown): void {
  const chain = [error, error instanceof Error ? error.cause : undefined];
  if (!chain.some((link) => link instanceof Error && "code" in link)) throw error;
}

/** Epochs, batches, snapshots that overlap with appends, purges, and a start in the middle. */
async function script(disk: MemoryDisk, promised: Promised, clock: LogClock | undefined): Promise<void> {
  for (let turn = 1; turn <= 2; turn += 1) {
    const life = await live(disk, smallLimits, { clock });
    check(life, promised, `turn ${turn}`);
    const { storage } = life;
    storage.onDurable = ((before) => (zxid, logBytes) => {
      promised.acknowledgedZxid = zxid;
      before(zxid, logBytes);
    })(storage.onDurable);
    const append = (records: readonly LogRecord[]) => {
      promised.appended.push(...records);
      storage.append(records);
    };
    const epoch = storage.currentEpoch + 1;
    await storage.writeEpoch(epoch);
    promised.epoch = epoch;
    const first = epoch * epochBytes + 1;
    append(letters(first, [20, 700, 40]));
    append(letters(first + 3, [600]));
    await life.durable(first + 3);
    const upTo = (zxid: number) => promised.appended.filter((record) => record.zxid <= zxid);
    const snapshot = storage.writeSnapshot(first + 3, toChunks(upTo(first + 3)));
    append(letters(first + 4, [500, 0, 900]));
    await Promise.all([snapshot, life.durable(first + 6)]);
    append(letters(first + 7, [1_000, 800]));
    await life.durable(first + 8);
    await storage.writeSnapshot(first + 8, toChunks(upTo(first + 8)));
    append(letters(first + 9, [30]));
    await storage.close();
  }
}

const endings: readonly [string, (disk: MemoryDisk, random: SeededRandom) => MemoryDisk][] = [
  ["is killed", (disk) => disk.kill()],
  ["crashes, and nothing unsynced is left", (disk) => disk.crash()],
  ["crashes, and some of the unsynced is left", (disk, random) => disk.crash({ random })],
  ["is killed, and crashes before anything else is done", (disk, random) => disk.kill().crash({ random })],
];

describe.each(startsOfBatches)("a storage that ends at any operation, and whose %s", (_start, clock) => {
  it.each(endings)("%s: keeps its promises", async (_, end) => {
    const complete = new MemoryDisk();
    await script(complete, nothing(), clock);
    expect(complete.operationCount).toBeGreaterThan(150);
    for (let last = 1; last <= complete.operationCount; last += 1) {
      const disk = new MemoryDisk();
      const promised = nothing();
      let next: MemoryDisk | undefined;
      disk.onOperation = () => {
        if (disk.operationCount === last) next = end(disk, seededRandom(last));
      };
      await script(disk, promised, clock).catch(unlessDisk);
      next ??= end(disk, seededRandom(last));
      const life = await live(next, smallLimits, { clock });
      check(life, promised, `operation ${last}`);
      const epoch = life.storage.currentEpoch + 1;
      await life.storage.writeEpoch(epoch);
      promised.epoch = epoch;
      const more = letters(epoch * epochBytes + 1, [50, 60]);
      life.storage.append(more);
      promised.appended.push(...more);
      await life.durable(epoch * epochBytes + 2);
      promised.acknowledgedZxid = epoch * epochBytes + 2;
      check(await live(next.crash()), promised, `after operation ${last}`);
    }
  });
});

/** Two records, each in a file of its own, all whole; then what is to be made of it. */
async function twoFiles(change: (disk: MemoryDisk) => void): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const life = await live(disk);
  const [first, second] = letters(1, [10, 900]) as [LogRecord, LogRecord];
  life.storage.append([first]);
  await life.durable(1);
  await life.storage.writeSnapshot(1, toChunks([first]));
  life.storage.append([second]);
  await life.durable(2);
  await life.storage.close();
  return copyOf(disk, change);
}

describe("a start that ends at any operation of its repairs", () => {
  const torn: readonly [string, () => Promise<MemoryDisk>][] = [
    [
      "the first record of a file is torn",
      () =>
        twoFiles((disk) => {
          disk.put("/data/log.2", disk.contents("/data/log.2").fill(0, 512, 1_024));
        }),
    ],
    [
      "the first record of a file is missing",
      () =>
        twoFiles((disk) => {
          disk.put("/data/log.2", disk.contents("/data/log.2").fill(0, 64));
        }),
    ],
    [
      "a later record is torn",
      async () => {
        const disk = new MemoryDisk();
        const life = await live(disk);
        life.storage.append(letters(1, [700]));
        await life.durable(1);
        life.storage.append(letters(2, [900]));
        await life.durable(2);
        return copyOf(disk, (copy) => copy.put("/data/log.1", copy.contents("/data/log.1").fill(0, 1_024, 1_536)));
      },
    ],
    [
      "a later record, for which the file grew, is torn",
      async () => {
        const disk = new MemoryDisk();
        const life = await live(disk);
        life.storage.append(letters(1, [700]));
        await life.durable(1);
        let killed: MemoryDisk | undefined;
        disk.onOperation = ({ kind }) => {
          if (kind === "sync") killed ??= disk.kill();
        };
        life.storage.append(letters(2, [1_900]));
        await life.durable(2).catch(unlessDisk);
        if (!killed) throw new Error("it did not come to a sync");
        return copyOf(killed, (copy) => copy.put("/data/log.1", copy.contents("/data/log.1").fill(0, 1_536, 2_048)));
      },
    ],
  ];

  it.each(torn)("%s", async (_, make) => {
    const disk = await make();
    const { recovered } = await live(copyOf(disk));
    expect(recovered.length).toBe(1);
    for (const [how, end] of endings) {
      for (let last = 1; ; last += 1) {
        const dying = copyOf(disk);
        let next: MemoryDisk | undefined;
        dying.onOperation = () => {
          if (dying.operationCount === last) next = end(dying, seededRandom(last));
        };
        await live(dying).catch(unlessDisk);
        if (!next) break;
        expect(text((await live(next)).recovered), `${how}, operation ${last}`).toEqual(text(recovered));
      }
    }
  });
});

/** One random life; the disk as it left it. */
async function randomLife(
  disk: MemoryDisk,
  promised: Promised,
  random: SeededRandom,
  gathers: boolean,
): Promise<MemoryDisk> {
  let next: MemoryDisk | undefined;
  const lastOperation = disk.operationCount + 1 + random.below(random.pick([30, 120, 250]));
  // Half of the lives end when something has been written and is about to be synced: that is when records are torn.
  const untilSync = random.below(2) === 0;
  const failing = random.below(8) === 0 ? random.pick(["write", "sync", "rename"]) : undefined;
  disk.onOperation = ({ kind, path }) => {
    const mayEnd = !untilSync || (kind === "sync" && path.startsWith("/data/log."));
    if (disk.operationCount >= lastOperation && mayEnd) {
      next = random.below(4) === 0 ? disk.kill() : disk.crash(random.below(4) === 0 ? {} : { random });
    }
    if (kind === failing && random.below(20) === 0) throw diskError("EIO", kind, path);
  };
  const limits = {
    ...smallLimits,
    retainedSnapshots: 1 + random.below(3),
    preallocateBytes: random.pick([0, 512, 2_048, 4_096, 8_192, 16_384]),
    // In the larger ones two batches may be under way, and a step of zeros beside them.
    segmentBytes: random.pick([3_000, 40_000]),
    batchBytes: random.pick([2_000, 9_000]),
    overlapItems: random.below(4),
    overlapFromBytes: random.pick([500, 4_000, 32_768]),
  };
  try {
    const clock = gathers ? gatheringClock(random.pick([2, 20, 60])) : undefined;
    const life = await live(disk, limits, { clock });
    check(life, promised, "a random life");
    promised.growsBySteps = limits.preallocateBytes > 0;
    const { storage } = life;
    storage.onDurable = (zxid) => {
      life.acknowledgedZxid = zxid;
      promised.acknowledgedZxid = zxid;
    };
    const epoch = storage.currentEpoch + 1;
    await storage.writeEpoch(epoch);
    promised.epoch = epoch;
    let counter = 0;
    let snapshot: Promise<unknown> = Promise.resolve();
    while (!next && life.failures.length === 0 && counter < 400) {
      const count = 1 + random.below(6);
      const records = Array.from({ length: count }, (): LogRecord => {
        counter += 1 + random.below(2);
        const length = random.below(random.pick([40, 300, 3_000]));
        return {
          zxid: epoch * epochBytes + counter,
          bytes: random.below(3) ? random.bytes(length) : Buffer.alloc(length),
        };
      });
      promised.appended.push(...records);
      storage.append(records);
      for (let turns = random.below(60); turns > 0; turns -= 1) await Promise.resolve();
      if (random.below(12) === 0 && life.acknowledgedZxid > 0) {
        await snapshot;
        const zxid = life.acknowledgedZxid;
        const content = toChunks(promised.appended.filter((record) => record.zxid <= zxid));
        snapshot = storage.writeSnapshot(zxid, content).catch(unlessDisk);
      }
    }
    await snapshot;
    await storage.close();
  } catch (error) {
    unlessDisk(error);
  }
  const left = next ?? disk.kill();
  if (promised.growsBySteps) await checkLoss(left, promised, random);
  return left;
}

/** Cuts the newest log file somewhere, or deletes it, and sees whether that is noticed. */
async function checkLoss(left: MemoryDisk, promised: Promised, random: SeededRandom): Promise<void> {
  const segments = left.paths().filter((path) => path.startsWith("/data/log."));
  const newest = segments.sort((one, other) => zxidOf(one) - zxidOf(other)).at(-1);
  if (newest === undefined) return;
  const damaged = copyOf(left, (copy) => {
    if (random.below(4) === 0) copy.take(newest);
    else resize(copy, newest, random.below(copy.contents(newest).length + 1));
  });
  try {
    const life = await live(damaged);
    check(life, { ...promised }, "after a loss that went unnoticed");
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    promised.noticed += 1;
  }
}

const zxidOf = (path: string) => Number.parseInt(path.slice(path.indexOf(".") + 1), 16);

describe.each([
  ["start at once", false],
  ["gather", true],
])("random lives on one disk whose batches %s", (_start, gathers) => {
  const seeds = Array.from({ length: 300 }, (_, index) => index + 1);

  it.each([seeds.slice(0, 100), seeds.slice(100, 200), seeds.slice(200)])(
    "keep their promises: seeds %i …",
    async (...some) => {
      let recovered = 0;
      let torn = 0;
      let noticed = 0;
      for (const seed of some) {
        const random = seededRandom(seed);
        const promised = nothing();
        let disk = new MemoryDisk();
        for (let lives = 0; lives < 5; lives += 1) disk = await randomLife(disk, promised, random, gathers);
        const life = await live(disk);
        check(life, promised, `seed ${seed}`);
        recovered += life.recovered.length;
        torn += promised.torn;
        noticed += promised.noticed;
      }
      expect(recovered).toBeGreaterThan(1_000);
      expect(torn).toBeGreaterThan(15);
      expect(noticed).toBeGreaterThan(100);
    },
  );
});
