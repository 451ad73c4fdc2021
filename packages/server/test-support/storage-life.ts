/**
 * One life of a storage, from its opening to whatever ends it, and the history that all lives together must keep.
 * A snapshot's content is the list of all records before it, so that what comes back can be compared record by record.
 */
import { type Clock, type Random, silentLogger } from "@corral/io";
import { MemoryDisk, seededRandom } from "@corral/testing";
import { type LogRecord, Storage, StorageError, type StorageLimits } from "../src/storage/storage.ts";

/** Where the lives take place. */
export const directory = "/data";

/** Goes on from life to life. */
export const lifeRandom: Random = seededRandom(1);

/** Draws no key: what is written with it is what was written before there were keys. */
export const withoutKeys: Random = { bytes: (length) => new Uint8Array(length), fraction: () => 0 };

/** What the log needs of a clock. */
export type LogClock = Pick<Clock, "setTimer">;

/**
 * Has each batch of the log gather for so many turns of promises, as a server's does until all that has arrived is read. In
 * promises, so that what a disk in memory does goes on meanwhile, and all comes in the same order each time.
 */
export function gatheringClock(turns: number): LogClock {
  return {
    setTimer: (_delayMs, callback) => {
      let isCancelled = false;
      let left = turns;
      const turn = () => {
        if (isCancelled) return;
        if (left === 0) return callback();
        left -= 1;
        queueMicrotask(turn);
      };
      queueMicrotask(turn);
      return {
        cancel: () => {
          isCancelled = true;
        },
      };
    },
  };
}

/** When a batch of the log starts: at once, as without a clock, or later, as in a server. */
export const startsOfBatches: readonly [string, LogClock | undefined][] = [
  ["batches start at once", undefined],
  ["batches gather", gatheringClock(12)],
];

/** Small, so that a few records fill a segment. */
export const smallLimits: Partial<StorageLimits> = {
  retainedSnapshots: 2,
  segmentBytes: 3_000,
  preallocateBytes: 2_048,
  batchBytes: 2_000,
};

/** A storage that was opened and replayed, with what came back. */
export interface Life {
  readonly storage: Storage;
  /** Everything up to the last record, whether it came from the snapshot or from the log. */
  readonly recovered: readonly LogRecord[];
  readonly truncatedBytes: number;
  /** Grows as records become durable. */
  acknowledgedZxid: number;
  readonly failures: Error[];
  /** Resolves when that record is on the disk; rejects when the storage has failed. */
  durable(zxid: number): Promise<void>;
}

/** Another disk with the same files, all durable, to which something is then done. */
export function copyOf(disk: MemoryDisk, change: (copy: MemoryDisk) => void = () => {}): MemoryDisk {
  const copy = new MemoryDisk();
  for (const path of disk.paths()) copy.put(path, disk.contents(path));
  change(copy);
  return copy;
}

/** Cuts the file, or fills it up with zeros, to that many bytes, as `truncate -s` does. */
export function resize(disk: MemoryDisk, path: string, length: number): void {
  const bytes = Buffer.alloc(length);
  disk.contents(path).copy(bytes);
  disk.put(path, bytes);
}

/** How a life differs from others. */
export interface LifeOptions {
  readonly random?: Random;
  /** Absent: batches start at once. */
  readonly clock?: LogClock | undefined;
}

/** Opens and replays. */
export async function live(
  disk: MemoryDisk,
  limits: Partial<StorageLimits> = smallLimits,
  { random = lifeRandom, clock }: LifeOptions = {},
): Promise<Life> {
  const storage = await Storage.open({
    disk,
    directory,
    logger: silentLogger,
    random,
    limits,
    ...(clock && { clock }),
  });
  const recovered: LogRecord[] = [];
  const snapshot: Buffer[] = [];
  const waiting = new Set<() => void>();
  const onChange = () => {
    for (const look of waiting) look();
  };
  const failures: Error[] = [];
  storage.onDurable = (zxid) => {
    life.acknowledgedZxid = zxid;
    onChange();
  };
  storage.onFailure = (error) => {
    failures.push(error);
    onChange();
  };
  const { lastZxid, recordCount, truncatedBytes } = await storage.replay({
    onSnapshotChunk: (bytes) => void snapshot.push(bytes),
    onRecord: (record) => void recovered.push(record),
  });
  if (recordCount !== recovered.length) throw new Error("the count of records is wrong");
  recovered.unshift(...fromChunks(snapshot));
  if ((recovered.at(-1)?.zxid ?? 0) !== lastZxid) throw new Error("the last zxid is wrong");
  const life: Life = {
    storage,
    recovered,
    truncatedBytes,
    acknowledgedZxid: lastZxid,
    failures,
    durable: (zxid) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (life.acknowledgedZxid < zxid && failures.length === 0) return;
          waiting.delete(look);
          if (life.acknowledgedZxid >= zxid) resolve();
          else reject(failures[0]);
        };
        waiting.add(look);
        look();
      }),
  };
  return life;
}

/** The content of the snapshot after these records, in chunks. */
export function toChunks(records: readonly LogRecord[]): Buffer[] {
  const lines = text(records).map((line) => `${line}\n`);
  const chunks: Buffer[] = [];
  for (let at = 0; at < lines.length; at += 3) chunks.push(Buffer.from(lines.slice(at, at + 3).join("")));
  return chunks;
}

/** The records that a snapshot's chunks hold. */
export function fromChunks(chunks: readonly Buffer[]): LogRecord[] {
  const lines = Buffer.concat(chunks).toString().split("\n").filter(Boolean);
  return lines.map((line) => {
    const [zxid = "", payload = ""] = line.split(" ");
    const [letter = "", count] = payload.split("×");
    const bytes = count === undefined ? Buffer.from(letter, "hex") : Buffer.alloc(Number(count), letter);
    return { zxid: Number(zxid), bytes };
  });
}

/** Records with one-letter payloads of the given lengths: `a…`, `b…`, and so on. */
export function letters(firstZxid: number, lengths: readonly number[]): LogRecord[] {
  return lengths.map((length, index) => ({
    zxid: firstZxid + index,
    bytes: Buffer.alloc(length, 97 + ((firstZxid + index - 1) % 26)),
  }));
}

/** Records as text, short enough to compare in a test's output: `7 g×30`, or the payload in hexadecimal. */
export function text(records: readonly LogRecord[]): string[] {
  return records.map(({ zxid, bytes }) => {
    const [first = 97] = bytes;
    const isLetters = first >= 97 && first <= 122 && bytes.every((byte) => byte === first);
    return `${zxid} ${isLetters ? `${String.fromCharCode(first)}×${bytes.length}` : Buffer.from(bytes).toString("hex")}`;
  });
}

/** What a start on the disk makes of it: the records, or why it refuses. */
export async function startOf(disk: MemoryDisk, limits: Partial<StorageLimits>): Promise<string[] | string> {
  try {
    const life = await live(disk, limits);
    await life.storage.close();
    return text(life.recovered);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return error.message;
  }
}
