/**
 * Appends records to the log's last segment, and starts a new one when it is full or when a snapshot was taken.
 *
 * Invariants
 * - Records become durable, and are acknowledged, in the order of appending.
 * - A segment is started only when all before it is durable. Its header and name are durable, and the file `epoch` says
 *   that it is the newest, before its first record: so that it is missed if it is gone.
 * - What is acknowledged is within the kept bytes of its segment (segment-file.ts): so that it is noticed if it was cut.
 * - After a failure nothing is written or acknowledged any more.
 */
import { type Clock, type Disk, GroupSyncFile, type Random, settleAll } from "@corral/io";
import { assert } from "@corral/protocol";
import { segmentFileName } from "./file-names.ts";
import type { StorageLimits } from "./limits.ts";
import { drawKey, encodeRecords, isKey, type LogRecord, type RecordKey, recordByteLength } from "./record.ts";
import { type SegmentHeader, segmentHeaderBytes } from "./segment.ts";
import { SegmentFile } from "./segment-file.ts";

/** A segment that exists and has a record. */
export interface KnownSegment {
  readonly firstZxid: number;
  /** Last zxid before it; undefined for an old one that nobody has looked into. */
  readonly previousZxid: number | undefined;
}

/** Where the log goes on. */
export interface LogEnd {
  readonly lastZxid: number;
  /** The last segment; undefined if there is none. */
  readonly segment: { readonly path: string; readonly end: number; readonly header: SegmentHeader } | undefined;
  /** All segments, ascending. */
  readonly known: readonly KnownSegment[];
}

/** Whom the log tells. */
export interface LogListener {
  /**
   * A new segment is on the disk when `ready` resolves. Resolves when that has been noted durably after it; only then is the
   * segment written to. Rejects if `ready` does.
   */
  onSegment(firstZxid: number, previousZxid: number, ready: Promise<void>): Promise<void>;
  /** `logBytes`: what the log has taken on the disk since the start, with what is left free between batches. */
  onDurable(lastZxid: number, logBytes: number): void;
  onFailure(error: unknown, path: string): void;
}

/** What the log needs of the world. */
export interface LogPorts {
  readonly disk: Disk;
  readonly random: Random;
  /** Absent: a batch starts when the turn of the program ends that appends to it. */
  readonly clock?: Pick<Clock, "setTimer"> | undefined;
}

interface OpenSegment {
  readonly path: string;
  readonly file: SegmentFile;
  readonly group: GroupSyncFile<LogRecord>;
}

/** See the head of this file. Create it with `start`. */
export class WriteAheadLog {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #limits: StorageLimits;
  readonly #random: Random;
  readonly #clock: LogPorts["clock"];
  readonly #listener: LogListener;
  #segment: OpenSegment | undefined;
  #known: KnownSegment[];
  #held: LogRecord[] = [];
  #starting: Promise<void> | undefined;
  #rollWanted = false;
  #failed = false;
  #appendedZxid: number;
  #encodedZxid: number;
  #durableZxid: number;
  #logBytes = 0;

  private constructor(
    { disk, random, clock }: LogPorts,
    directory: string,
    end: LogEnd,
    limits: StorageLimits,
    listener: LogListener,
  ) {
    this.#disk = disk;
    this.#random = random;
    this.#clock = clock;
    this.#directory = directory;
    this.#limits = limits;
    this.#listener = listener;
    this.#known = [...end.known];
    this.#appendedZxid = end.lastZxid;
    this.#encodedZxid = end.lastZxid;
    this.#durableZxid = end.lastZxid;
  }

  /** Opens the last segment for writing on; one without a key is left as it is, and the next record goes into a new one. */
  static async start(
    ports: LogPorts,
    directory: string,
    end: LogEnd,
    limits: StorageLimits,
    listener: LogListener,
  ): Promise<WriteAheadLog> {
    const log = new WriteAheadLog(ports, directory, end, limits, listener);
    if (end.segment && isKey(end.segment.header.key)) {
      const { path, end: position, header } = end.segment;
      const file = await SegmentFile.open(ports.disk, path, header, limits.preallocateBytes > 0);
      log.#segment = log.#writeOn(path, file, { position, key: header.key });
    }
    return log;
  }

  /** The last record that is on the disk. */
  get durableZxid(): number {
    return this.#durableZxid;
  }

  /** All segments with a durable record, ascending. */
  get known(): readonly KnownSegment[] {
    return this.#known;
  }

  /** Queues records with growing zxids. `onDurable` tells when they are on the disk. Dropped after a failure. */
  append(records: readonly LogRecord[]): void {
    if (this.#failed) return;
    for (const record of records) {
      assert(record.zxid > this.#appendedZxid, "zxids of the log grow");
      assert(record.bytes.length <= this.#limits.itemBytes, "a log record is within the limit");
      this.#appendedZxid = record.zxid;
      this.#held.push(record);
    }
    this.#feed();
  }

  /** The next record starts a new segment. */
  roll(): void {
    this.#rollWanted = true;
  }

  /** Forgets segments that have been removed: those before the one that starts with `firstZxid`. */
  forgetBefore(firstZxid: number): void {
    this.#known = this.#known.filter((segment) => segment.firstZxid >= firstZxid);
  }

  /** Waits until all that was appended is durable, or has failed, then closes the file. */
  async close(): Promise<void> {
    while (this.#starting) await this.#starting;
    await this.#segment?.group.drained();
    await this.#segment?.file.close();
    this.#segment = undefined;
  }

  #feed(): void {
    if (this.#starting || this.#held.length === 0) return;
    const segment = this.#segment;
    if (!segment || this.#rollWanted || segment.group.position >= this.#limits.segmentBytes) {
      const { zxid } = this.#held[0] as LogRecord;
      const path = `${this.#directory}/${segmentFileName(zxid)}`;
      this.#starting = this.#startSegment(path, zxid)
        .catch((error) => this.#fail(error, path))
        .finally(() => {
          this.#starting = undefined;
          this.#feed();
        });
      return;
    }
    const records = this.#held;
    this.#held = [];
    segment.group.append(records);
  }

  async #startSegment(path: string, firstZxid: number): Promise<void> {
    const old = this.#segment;
    await old?.group.drained();
    if (this.#failed) return;
    this.#segment = undefined;
    const previousZxid = this.#durableZxid;
    const made = this.#makeSegment(path, firstZxid, previousZxid);
    // All writers wait: what can be done at the same time is. And all of it has ended when this has, however it ends.
    const noted = this.#listener.onSegment(firstZxid, previousZxid, made);
    await settleAll([made, noted, old?.file.close()]);
    this.#rollWanted = false;
  }

  async #makeSegment(path: string, firstZxid: number, previousZxid: number): Promise<void> {
    const key = drawKey(this.#random);
    const start = { firstZxid, previousZxid, key };
    const file = await SegmentFile.create(this.#disk, path, start, this.#limits.preallocateBytes);
    this.#segment = this.#writeOn(path, file, { position: segmentHeaderBytes, key, firstZxid });
    await this.#disk.syncDirectory(this.#directory);
  }

  /** `firstZxid` is given for a new segment: it counts as known from its first durable record on. */
  #writeOn(path: string, file: SegmentFile, at: { position: number; key: RecordKey; firstZxid?: number }): OpenSegment {
    const { key } = at;
    const clock = this.#clock;
    let newZxid = at.firstZxid;
    let end = at.position;
    const group = new GroupSyncFile<LogRecord>({
      file,
      position: at.position,
      // What follows the kept bytes is zeros as well, but may not be on the disk.
      allocatedBytes: file.keptBytes,
      preallocateBytes: this.#limits.preallocateBytes,
      fullBytes: this.#limits.segmentBytes,
      batchBytes: this.#limits.batchBytes,
      overlapItems: this.#limits.overlapItems,
      overlapFromBytes: this.#limits.overlapFromBytes,
      // Of many requests that have arrived the first does not go to the disk alone.
      gather: clock && ((start) => clock.setTimer(0, start)),
      sizeOf: (record) => recordByteLength(record.bytes.length),
      encode: (batch, place, room) => {
        const bytes = encodeRecords(batch, { ...place, key, previousZxid: this.#encodedZxid }, room);
        this.#logBytes += place.position + bytes.length - end;
        end = place.position + bytes.length;
        this.#encodedZxid = batch.at(-1)?.zxid ?? this.#encodedZxid;
        return bytes;
      },
      onDurable: (batch) => {
        if (newZxid !== undefined) this.#known.push({ firstZxid: newZxid, previousZxid: this.#durableZxid });
        newZxid = undefined;
        this.#durableZxid = batch.at(-1)?.zxid ?? this.#durableZxid;
        this.#listener.onDurable(this.#durableZxid, this.#logBytes);
      },
      onFailure: (error) => this.#fail(error, path),
    });
    return { path, file, group };
  }

  #fail(error: unknown, path: string): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#held = [];
    this.#listener.onFailure(error, path);
  }
}
