/**
 * Appends to one file so that one trip to the disk serves everybody who waits: while a batch is being written and synced, the
 * next one gathers. Pure over `DiskFile`.
 *
 * Two batches may be under way at once: beside one another of very few items, so that whoever writes alone beside somebody
 * else waits for one trip, not for two; or a large one, so that the disk works while the rest of a crowd's requests is still being made
 * up. What is between gathers, for one trip with many costs less than two with a few. The second starts at a block of its
 * own, for the system writes whole blocks, and one that changes while it is being written may arrive as neither what it
 * was nor what it is to be. What is left between the two stays zeros.
 *
 * Invariants
 * - Batches are acknowledged in the order of appending, and served while the disk is at work on the next.
 * - Nothing is acknowledged before its sync has succeeded, and those of all batches before it.
 * - Two batches that are under way at the same time have no block in common, and the file has its length already.
 * - The first failure is final. After a failed write or sync nobody knows what is on the disk, and a second sync may
 *   succeed without having written anything; so nothing after it is ever written or acknowledged.
 *
 * The file grows by zeros written ahead in steps, because syncing into space that is there already is quicker: the
 * file's size and block map do not change. A reader must therefore take zeros for the end. The next step is begun while there is
 * still room, and nobody waits for it, unless batches come faster than zeros.
 */
import type { DiskFile } from "./ports/disk.ts";

/** How a `GroupSyncFile` is set up. */
export interface GroupSyncOptions<Item> {
  readonly file: DiskFile;
  /** Offset at which the first batch is written. Everything before it is durable already. */
  readonly position: number;
  /** The file's size: from `position` to there it holds zeros. */
  readonly allocatedBytes: number;
  /** Zeros are written ahead up to the next multiple of this. 0: the file grows with each batch. */
  readonly preallocateBytes: number;
  /** No step is begun ahead of need from there on: somebody else's file is next. Absent: always. */
  readonly fullBytes?: number;
  /** A batch ends when it has this many bytes, so that memory stays bounded; a larger item goes alone. */
  readonly batchBytes: number;
  /** While one batch is under way, a second of up to so many items may be. Absent: none. */
  readonly overlapItems?: number;
  /** And one of so many bytes or more. Absent: none. */
  readonly overlapFromBytes?: number;
  /**
   * Calls `start` when whatever else is to come into the batch that could start now has been appended: a trip to the disk
   * costs more than a little wait for those who are about to come. Default: when this turn of the program ends.
   */
  readonly gather?: ((start: () => void) => void) | undefined;
  /** How many bytes the item takes, at most. */
  sizeOf(item: Item): number;
  /**
   * The bytes of a batch that will stand at `place.position`. Called when the batch is about to be written. `room` gives so
   * many bytes of anything, to be filled: they are used again when the batch is on the disk.
   */
  encode(batch: readonly Item[], place: BatchPlace, room: (byteLength: number) => Buffer): Uint8Array;
  /** The batch is on the disk. */
  onDurable(batch: readonly Item[]): void;
  /** Called at most once: writing or syncing has failed, and nothing more will be acknowledged. */
  onFailure(error: Error): void;
}

/** Where a batch stands in its file. */
export interface BatchPlace {
  /** Offset of the batch's first byte. */
  readonly position: number;
  /** Everything before this offset was known to be durable when the batch was put together. */
  readonly durablePosition: number;
}

/** What a file system writes as a whole; larger units are multiples of it. The second of two batches under way starts at one. */
export const diskBlockBytes = 4096;

/** The first offset from `position` on at which a block starts. */
export function blockFrom(position: number): number {
  return Math.ceil(position / diskBlockBytes) * diskBlockBytes;
}

/** How many batches of a file are under way at most. */
export const batchesAtOnce = 2;

const zeros = Buffer.alloc(1024 * 1024);

/** Room for the bytes of a batch is made in steps of so many. */
const roomStepBytes = 64 * 1024;
/** Larger room than that is not kept for another batch. */
const keptRoomBytes = 512 * 1024;

/** A batch under way. */
interface Flight<Item> {
  readonly batch: readonly Item[];
  room: Buffer | undefined;
  start: number;
  /** Offset behind it. */
  end: number;
  /** Whether it goes into space that is there, so that another may go beside it. */
  isThrough: boolean;
  isDone: boolean;
}

/** See the head of this file. Does not own the file: whoever opened it closes it, after `drained`. */
export class GroupSyncFile<Item> {
  readonly #options: GroupSyncOptions<Item>;
  #queue: Item[] = [];
  /** In their order in the file. */
  #flights: Flight<Item>[] = [];
  #position: number;
  #durablePosition: number;
  #allocatedBytes: number;
  #isGrowing = false;
  /** There was no room ahead of need. Whether there is some, whoever needs it will see. */
  #hasNoRoom = false;
  #startDue = false;
  #failed = false;
  #idleWaiters: (() => void)[] = [];
  /** Of batches that have landed. */
  readonly #spareRooms: Buffer[] = [];

  constructor(options: GroupSyncOptions<Item>) {
    this.#options = options;
    this.#position = options.position;
    this.#durablePosition = options.position;
    this.#allocatedBytes = options.allocatedBytes;
  }

  /** Offset behind the last batch that was put together, written or not. */
  get position(): number {
    return this.#position;
  }

  /** True from the first failure on. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Queues items. They are written in order; `onDurable` tells. After a failure they are dropped: it has been told. */
  append(items: readonly Item[]): void {
    if (this.#failed || items.length === 0) return;
    for (const item of items) this.#queue.push(item);
    if (this.#startDue) return;
    this.#startDue = true;
    const { gather = queueMicrotask } = this.#options;
    gather(() => {
      this.#startDue = false;
      this.#start();
    });
  }

  /** Resolves when nothing is queued or being written, which a failure brings about as well. */
  async drained(): Promise<void> {
    while (!this.#isIdle) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  get #isIdle(): boolean {
    return this.#queue.length === 0 && this.#flights.length === 0 && !this.#isGrowing;
  }

  /** Puts as many batches under way as may be. */
  #start(): void {
    while (this.#queue.length > 0 && this.#mayStart()) void this.#fly(this.#takeBatch());
    if (this.#isGrowthDue) void this.#grow();
  }

  #mayStart(): boolean {
    const [first] = this.#flights;
    // Whatever goes into the space that is there can go while more is being made.
    if (first === undefined) return !this.#isGrowing || this.#fits(this.#position, this.#options.batchBytes);
    if (this.#flights.length === batchesAtOnce || !first.isThrough) return false;
    const { overlapItems = 0, overlapFromBytes = Number.POSITIVE_INFINITY, batchBytes } = this.#options;
    const isFewOrLarge =
      this.#queue.length <= overlapItems ||
      this.#queueBytes(Math.min(overlapFromBytes, batchBytes)) >= overlapFromBytes;
    return isFewOrLarge && this.#fits(blockFrom(this.#position), batchBytes);
  }

  /** Whether there is space from `position` on for what is queued, as far as it goes into a batch of so many bytes. */
  #fits(position: number, batchBytes: number): boolean {
    return position + this.#queueBytes(batchBytes) <= this.#allocatedBytes;
  }

  /** Bytes of what is queued; not counted any further when they are more than `enough`. */
  #queueBytes(enough: number): number {
    let bytes = 0;
    for (const item of this.#queue) {
      bytes += this.#options.sizeOf(item);
      if (bytes > enough) break;
    }
    return bytes;
  }

  /**
   * Only beside batches that write through, for those hear of their own failures, and of none in the first block, which the
   * file may write when it is synced (its header, say).
   */
  get #isGrowthDue(): boolean {
    const { file, preallocateBytes, fullBytes = Number.POSITIVE_INFINITY } = this.#options;
    const allocated = this.#allocatedBytes;
    if (this.#isGrowing || this.#hasNoRoom || this.#failed || preallocateBytes === 0 || allocated >= fullBytes)
      return false;
    if (file.writeThrough === undefined || allocated % diskBlockBytes !== 0) return false;
    if (allocated - this.#position > preallocateBytes / 2 || this.#position < diskBlockBytes) return false;
    return this.#flights.every(({ isThrough, start }) => isThrough && start >= diskBlockBytes);
  }

  /** Makes room while batches go into what there is. */
  async #grow(): Promise<void> {
    const { file, preallocateBytes } = this.#options;
    this.#isGrowing = true;
    try {
      const target = (Math.floor(this.#allocatedBytes / preallocateBytes) + 1) * preallocateBytes;
      this.#hasNoRoom = !(await this.#writesZeros(this.#allocatedBytes, target));
      if (!this.#hasNoRoom) {
        await file.sync();
        this.#allocatedBytes = target;
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#isGrowing = false;
    if (!this.#failed) this.#start();
    this.#tellIdle();
  }

  /** Writes a batch. How it ended is told to the listeners. */
  async #fly(batch: readonly Item[]): Promise<void> {
    const { position } = this;
    const flight: Flight<Item> = {
      batch,
      room: undefined,
      start: position,
      end: position,
      isThrough: false,
      isDone: false,
    };
    this.#flights.push(flight);
    try {
      await this.#write(flight);
      flight.isDone = true;
    } catch (error) {
      this.#fail(error);
    }
    this.#land(flight);
  }

  async #write(flight: Flight<Item>): Promise<void> {
    const { file, encode } = this.#options;
    const position = this.#flights.length === 1 ? this.#position : blockFrom(this.#position);
    const place = { position, durablePosition: this.#durablePosition };
    const bytes = encode(flight.batch, place, (byteLength) => {
      flight.room = this.#takeRoom(byteLength);
      return flight.room.subarray(0, byteLength);
    });
    flight.start = position;
    flight.end = position + bytes.length;
    this.#position = flight.end;
    if (flight.end <= this.#allocatedBytes && file.writeThrough !== undefined) {
      flight.isThrough = true;
      await file.writeThrough(position, bytes);
    } else {
      await file.write(position, bytes);
      if (flight.end > this.#allocatedBytes) await this.#allocate(flight.end);
      await file.sync();
    }
  }

  #land(flight: Flight<Item>): void {
    if (this.#failed) {
      // One that is done, but waited for this one to be told of, never will be.
      this.#flights = this.#flights.filter((other) => other !== flight && !other.isDone);
    } else {
      const durable: (readonly Item[])[] = [];
      while (this.#flights[0]?.isDone) {
        const { batch, end, room } = this.#flights.shift() as Flight<Item>;
        if (room !== undefined && room.length <= keptRoomBytes) this.#spareRooms.push(room);
        this.#durablePosition = end;
        durable.push(batch);
      }
      // The disk is at work on the next batch while those who waited for this one are served.
      this.#start();
      for (const batch of durable) this.#options.onDurable(batch);
    }
    this.#tellIdle();
  }

  #takeRoom(byteLength: number): Buffer {
    const spare = this.#spareRooms.pop();
    if (spare !== undefined && spare.length >= byteLength) return spare;
    return Buffer.allocUnsafeSlow(Math.ceil(byteLength / roomStepBytes) * roomStepBytes);
  }

  #tellIdle(): void {
    if (!this.#isIdle) return;
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const resolve of waiters) resolve();
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#queue = [];
    this.#options.onFailure(error instanceof Error ? error : new Error(String(error)));
  }

  #takeBatch(): readonly Item[] {
    const queue = this.#queue;
    let count = 0;
    for (let bytes = 0; count < queue.length && bytes < this.#options.batchBytes; count += 1) {
      const size = this.#options.sizeOf(queue[count] as Item);
      if (count > 0 && bytes + size > this.#options.batchBytes) break;
      bytes += size;
    }
    this.#queue = queue.slice(count);
    return count === queue.length ? queue : queue.slice(0, count);
  }

  /** Writes zeros from `end` to the next step. The sync that follows anyway makes them durable. */
  async #allocate(end: number): Promise<void> {
    const { preallocateBytes } = this.#options;
    const target = preallocateBytes === 0 ? end : Math.ceil(end / preallocateBytes) * preallocateBytes;
    await this.#writeZeros(end, target);
    this.#allocatedBytes = target;
    this.#hasNoRoom = false;
  }

  /**
   * Whether there is room for zeros. A full disk is told by the write, before anything is synced, and those zeros are nobody's:
   * what there is can be used up.
   */
  async #writesZeros(from: number, to: number): Promise<boolean> {
    try {
      await this.#writeZeros(from, to);
      return true;
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOSPC") return false;
      throw error;
    }
  }

  async #writeZeros(from: number, to: number): Promise<void> {
    for (let at = from; at < to; at += zeros.length) {
      await this.#options.file.write(at, zeros.subarray(0, Math.min(zeros.length, to - at)));
    }
  }
}
