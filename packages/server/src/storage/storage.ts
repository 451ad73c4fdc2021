/**
 * A server's data directory: the only door to it. Log records and snapshots go in and come back; what they mean is the
 * state machine's business.
 *
 * Use: `open` (checks everything, throws `StorageError` for the operator), `replay` once, then `append`,
 * `writeSnapshot` and `writeEpoch` as needed, `close` at the end.
 *
 * Invariants
 * - Records are acknowledged through `onDurable`, in order, and only once they are on the disk.
 * - What was acknowledged comes back from `replay`; what comes back is a prefix of what was appended.
 * - After `onFailure` nothing is acknowledged: what is on the disk is then unknown until the next start.
 */
import type { Clock, DirectoryClaim, Disk, Logger, Random } from "@corral/io";
import { isDirectoryInUseError } from "@corral/io";
import { assert, formatZxid, zxidEpoch } from "@corral/protocol";
import { EpochRegister } from "./epoch-register.ts";
import { epochFileName, type StorageFiles, segmentFileName, snapshotFileName, sortFileNames } from "./file-names.ts";
import { defaultStorageLimits, type StorageLimits } from "./limits.ts";
import { purge } from "./purge.ts";
import type { LogRecord } from "./record.ts";
import { type CheckedSegment, type Recovery, recover } from "./recovery.ts";
import { type ReplaySink, replayFiles } from "./replay.ts";
import { secure } from "./secure.ts";
import { writeSnapshotFile } from "./snapshot-file.ts";
import { reasonOf, SnapshotGivenUpError, StorageError } from "./storage-error.ts";
import { replaceFile, withFile } from "./whole-file.ts";
import { type KnownSegment, type LogEnd, WriteAheadLog } from "./write-ahead-log.ts";

export type { StorageLimits } from "./limits.ts";
export { defaultStorageLimits } from "./limits.ts";
export type { LogRecord } from "./record.ts";
export type { ReplaySink } from "./replay.ts";
export { SnapshotGivenUpError, StorageError } from "./storage-error.ts";

/** What `Storage.open` needs. */
export interface StorageOptions {
  readonly disk: Disk;
  /** Made if it does not exist. */
  readonly directory: string;
  readonly logger: Logger;
  /** For the keys of segments: nobody whose data is stored may guess them. */
  readonly random: Random;
  /** For the log to wait for what has arrived before it goes to the disk. Absent: it goes when a turn of the program ends. */
  readonly clock?: Pick<Clock, "setTimer">;
  readonly limits?: Partial<StorageLimits>;
}

/** What was replayed. */
export interface ReplayResult {
  /** Of the last record, or the snapshot's; 0 if there is neither. */
  readonly lastZxid: number;
  /** Records after the snapshot. */
  readonly recordCount: number;
  /** Bytes of unfinished, never acknowledged records that were cut off, without the zeros written ahead of them. */
  readonly truncatedBytes: number;
}

/** Bytes of files, by what they hold. */
export interface DirectorySizes {
  readonly logBytes: number;
  readonly snapshotBytes: number;
}

/** A snapshot's file. */
export interface OpenSnapshot {
  /** How long it is. */
  readonly bytes: number;
  /** The next bytes from `position` on; none at the end. */
  read(position: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** How much of a snapshot is read at a time. */
const readAheadBytes = 256 * 1024;

interface Parts {
  readonly disk: Disk;
  readonly directory: string;
  readonly logger: Logger;
  readonly random: Random;
  readonly clock: Pick<Clock, "setTimer"> | undefined;
  readonly limits: StorageLimits;
  readonly claim: DirectoryClaim;
  readonly files: StorageFiles;
  readonly recovery: Recovery;
  readonly register: EpochRegister;
}

/** See the head of this file. */
export class Storage {
  /** Called with the zxid of the last record that is now on the disk, and how many bytes the log has grown by since the start. */
  onDurable: (lastZxid: number, logBytes: number) => void = () => {};
  /** Called at most once: the log cannot be written, and nothing is acknowledged any more. */
  onFailure: (error: Error) => void = () => {};
  readonly #parts: Parts;
  #log: WriteAheadLog | undefined;
  #replaying = false;
  #writingSnapshot: Promise<void> | undefined;
  #snapshotSource: Pulled | undefined;
  /** Of snapshots that `openSnapshot` has opened, or is opening. */
  readonly #readers = new Set<{ readonly name: string }>();
  #closing: Promise<void> | undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Claims the directory, chooses the newest snapshot that is whole, checks the log, and cuts a torn tail off. Throws
   * `DirectoryInUseError` or `StorageError`, and has then changed nothing that matters.
   */
  static async open(options: StorageOptions): Promise<Storage> {
    const { disk, logger, random, clock } = options;
    const directory = options.directory.replace(/(?<=.)\/+$/, "");
    const limits = { ...defaultStorageLimits, ...options.limits };
    let claim: DirectoryClaim | undefined;
    try {
      await disk.makeDirectory(directory);
      claim = await disk.claimDirectory(directory);
      const files = sortFileNames(await disk.list(directory));
      const recovery = await recover({ disk, directory, files, chunkBytesMax: limits.itemBytes });
      const { lastZxid, newestLogZxid } = recovery;
      const { epoch } = recovery.epoch ?? { epoch: zxidEpoch(lastZxid) };
      const register = new EpochRegister(disk, directory, { epoch, lastZxid, newestLogZxid });
      await secure(disk, directory, files, recovery, register, logger);
      const storage = new Storage({ disk, directory, logger, random, clock, limits, claim, files, recovery, register });
      storage.#report();
      return storage;
    } catch (error) {
      await claim?.release();
      if (error instanceof StorageError || isDirectoryInUseError(error)) throw error;
      throw new StorageError(`The data directory ${directory} cannot be used: ${reasonOf(error)}.`, {
        file: directory,
        cause: error,
      });
    }
  }

  /** Zxid of the snapshot that `replay` starts from, 0 if there is none. */
  get snapshotZxid(): number {
    return this.#parts.recovery.snapshotZxid;
  }

  /** The path of that snapshot; of one that is not there, if there is none. */
  get snapshotPath(): string {
    return `${this.#parts.directory}/${snapshotFileName(this.snapshotZxid)}`;
  }

  /** Bytes of the log's files that `replay` reads. */
  get replayedLogBytes(): number {
    return this.#parts.recovery.segments.reduce((sum, { end }) => sum + end, 0);
  }

  /** The epoch as last written; if that was lost, the epoch of the last record; 0 in a new directory. */
  get currentEpoch(): number {
    return this.#parts.register.epoch;
  }

  /** How much there is now. A file that goes meanwhile counts as nothing, and so does a link to nothing. */
  async sizes(): Promise<DirectorySizes> {
    const { disk, directory } = this.#parts;
    const files = sortFileNames(await disk.list(directory));
    const sizeOf = (name: string): Promise<number> =>
      withFile(disk, `${directory}/${name}`, (file) => file.size()).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT" || error.code === "ENXIO") return 0;
        throw error;
      });
    const sum = async (names: readonly string[]): Promise<number> =>
      (await Promise.all(names.map(sizeOf))).reduce((total, bytes) => total + bytes, 0);
    const [logBytes, snapshotBytes] = await Promise.all([
      sum(files.segmentZxids.map(segmentFileName)),
      sum(files.snapshotZxids.map(snapshotFileName)),
    ]);
    return { logBytes, snapshotBytes };
  }

  /** Hands on the snapshot's chunks in order, then every record after it in order. Once, before anything is written. */
  async replay(sink: ReplaySink): Promise<ReplayResult> {
    assert(!this.#replaying && !this.#closing, "a storage is replayed once, after it was opened");
    this.#replaying = true;
    const { disk, random, clock, directory, limits, files, recovery, register } = this.#parts;
    const { segments, lastZxid } = recovery;
    const chunkBytesMax = limits.itemBytes;
    const recordCount = await replayFiles({ disk, directory, chunkBytesMax }, recovery, sink);
    this.#log = await WriteAheadLog.start(
      { disk, random, clock },
      directory,
      { lastZxid, segment: secured(segments.at(-1)), known: knownSegments(files, recovery) },
      limits,
      {
        onSegment: (newestLogZxid, previousZxid, ready) =>
          register.update({ newestLogZxid, lastZxid: previousZxid }, ready),
        onDurable: (zxid, logBytes) => this.onDurable(zxid, logBytes),
        onFailure: (error, path) => this.onFailure(writeFailure(error, path)),
      },
    );
    const truncatedBytes = recovery.tornTail?.truncatedBytes ?? recovery.emptySegment?.truncatedBytes ?? 0;
    return { lastZxid, recordCount, truncatedBytes };
  }

  /** Makes a new epoch durable. To be done before a record of it is appended. Rejects with `StorageError`. */
  async writeEpoch(epoch: number): Promise<void> {
    const log = this.#ready();
    const { directory, register } = this.#parts;
    assert(Number.isSafeInteger(epoch) && epoch >= register.epoch, "epochs are whole numbers and do not go back");
    try {
      await register.update({ epoch, lastZxid: log.durableZxid });
    } catch (error) {
      throw writeFailure(error, `${directory}/${epochFileName}`);
    }
  }

  /** Queues records, with zxids that grow and belong to the current epoch or an earlier one. `onDurable` tells. */
  append(records: readonly LogRecord[]): void {
    const log = this.#ready();
    const last = records.at(-1);
    assert(
      !last || zxidEpoch(last.zxid) <= this.currentEpoch,
      "an epoch is durable before its first record is appended",
    );
    log.append(records);
  }

  /**
   * Writes the state after `zxid`, which must be durable in the log, as a snapshot; then starts a new log segment with
   * the next record, and removes snapshots and segments that are no longer needed. `chunks` are pulled one by one, each
   * after the one before has been handed to the system. One at a time. Rejects with `StorageError` if the disk fails or has
   * fewer than `roomBytes` free, which the log would miss (it goes on, and the older snapshots are still there), with what
   * `chunks` throws, or with `SnapshotGivenUpError` when the storage is closed before the last chunk was pulled.
   */
  async writeSnapshot(zxid: number, chunks: Iterable<Uint8Array>, roomBytes = 0): Promise<void> {
    const log = this.#ready();
    assert(!this.#writingSnapshot, "one snapshot is written at a time");
    assert(zxid > 0 && zxid <= log.durableZxid, "a snapshot holds what is durable");
    const writing = this.#writeSnapshot(log, zxid, chunks, roomBytes);
    const done = () => {
      this.#writingSnapshot = undefined;
    };
    this.#writingSnapshot = writing.then(done, done);
    await writing;
  }

  /**
   * The file of the snapshot after `zxid`, byte for byte, to be read at leisure: it is kept open, so that it can go from
   * the directory meanwhile. Rejects with the disk's error, ENOENT if there is none.
   */
  async openSnapshot(zxid: number): Promise<OpenSnapshot> {
    const { disk, directory } = this.#parts;
    const name = snapshotFileName(zxid);
    const reader = { name };
    this.#readers.add(reader);
    const letGo = () => this.#readers.delete(reader);
    try {
      const file = await disk.open(`${directory}/${name}`, "read");
      const close = () => file.close().finally(letGo);
      return { bytes: await file.size(), read: (position) => file.read(position, readAheadBytes), close };
    } catch (error) {
      letGo();
      throw error;
    }
  }

  /**
   * Waits for what was appended, gives up a snapshot that is being written, closes the files, and gives the directory up.
   * Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      this.#snapshotSource?.giveUp();
      await this.#writingSnapshot;
      await this.#log?.close();
      await this.#parts.register.settled();
    } finally {
      await this.#parts.claim.release();
    }
  }

  async #writeSnapshot(
    log: WriteAheadLog,
    zxid: number,
    chunks: Iterable<Uint8Array>,
    roomBytes: number,
  ): Promise<void> {
    const { disk, directory, limits, logger } = this.#parts;
    const name = snapshotFileName(zxid);
    const source = new Pulled(chunks);
    this.#snapshotSource = source;
    await this.#requireRoom(`${directory}/${name}`, roomBytes);
    try {
      await replaceFile(disk, directory, name, (file) => writeSnapshotFile(file, zxid, source, limits.itemBytes));
    } catch (error) {
      throw source.failed ? error : writeFailure(error, `${directory}/${name}`);
    }
    log.roll();
    try {
      const firstZxid = await purge(disk, directory, {
        retainedSnapshots: limits.retainedSnapshots,
        segments: log.known,
        isOpen: (name) => [...this.#readers].some((reader) => reader.name === name),
      });
      if (firstZxid !== undefined) log.forgetBefore(firstZxid);
    } catch (error) {
      // The snapshot is there; what could not be removed now is removed after the next one.
      logger.warn({ err: error, directory }, "old snapshots and log files could not be removed");
    }
  }

  async #requireRoom(path: string, roomBytes: number): Promise<void> {
    const { disk, directory, logger } = this.#parts;
    let free: number | undefined;
    try {
      free = await disk.freeBytes?.(directory);
    } catch (err) {
      logger.warn(
        { err, path },
        "how much room the disk has cannot be found out; the snapshot is written all the same",
      );
    }
    if (free === undefined || free >= roomBytes) return;
    throw new StorageError(
      `${path} is not written, for the disk would have no room left for the log: ${free} bytes are free, ${roomBytes} are needed.`,
      { file: path },
    );
  }

  #ready(): WriteAheadLog {
    assert(this.#log && !this.#closing, "a storage is written to after its replay, and before it is closed");
    return this.#log;
  }

  #report(): void {
    const { directory, files, logger, recovery } = this.#parts;
    const { snapshotZxid, segments, epoch, lastZxid } = recovery;
    if (lastZxid === 0 || (epoch && segments.length > 0)) return;
    if (segments.length === 0 && !epoch) {
      logger.warn(
        { directory, snapshot: formatZxid(snapshotZxid) },
        "the directory holds a snapshot and nothing else: starting from that state, as after restoring a backup",
      );
    } else if (!files.hasEpoch) {
      logger.warn(
        { directory, epoch: this.currentEpoch },
        "the file with the epoch is missing: taking the epoch of the last log record, which is the highest in use",
      );
    }
  }
}

/** Passes on chunks until it is told to give up, and remembers whether it was not the disk's fault that there are no more. */
class Pulled implements Iterable<Uint8Array> {
  failed = false;
  #givenUp = false;
  readonly #chunks: Iterable<Uint8Array>;

  constructor(chunks: Iterable<Uint8Array>) {
    this.#chunks = chunks;
  }

  giveUp(): void {
    this.#givenUp = true;
  }

  *[Symbol.iterator](): Iterator<Uint8Array> {
    this.failed = true;
    for (const chunk of this.#chunks) {
      this.failed = false;
      yield chunk;
      this.failed = true;
      if (this.#givenUp) throw new SnapshotGivenUpError();
    }
    this.failed = false;
  }
}

/** The last segment as `secure` has left it. */
function secured(segment: CheckedSegment | undefined): LogEnd["segment"] {
  if (!segment) return undefined;
  const { path, end, header } = segment;
  return { path, end, header: { ...header, keptBytes: Math.max(end, header.keptBytes) } };
}

/** Segments as the log has to know them: those that were checked, and those before, of which only the name was read. */
function knownSegments(files: StorageFiles, recovery: Recovery): KnownSegment[] {
  const checked = recovery.segments.map(({ header }) => header);
  const first = checked[0]?.firstZxid ?? Number.POSITIVE_INFINITY;
  const older = files.segmentZxids.filter((zxid) => zxid < first && zxid !== recovery.emptySegment?.firstZxid);
  return [...older.map((firstZxid) => ({ firstZxid, previousZxid: undefined })), ...checked];
}

function writeFailure(error: unknown, path: string): StorageError {
  return new StorageError(`Writing ${path} has failed: ${reasonOf(error)}.`, { file: path, cause: error });
}
