/**
 * Appends to one file so that one trip to the disk serves everybody who waits: while a batch is being written and synced, the
 * next one gathers. Pure over `DiskFile`.
 *
 * Invariants
 * - Batches are written one after the other and acknowledged in the order of appending; a batch is acknowledged when the
 *   writing of the next one has begun.
 * - Nothing is acknowledged before its sync has succeeded.
 * - The first failure is final. After a failed write or sync nobody knows what is on the disk, and a second sync may
 *   succeed without having written anything; so nothing after it is ever written or acknowledged.
 *
 * The file grows by zeros written ahead in steps, because syncing into space that is there already is quicker: the
 * file's size and block map do not change. A reader must therefore take zeros for the end.
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
  /** A batch ends when it has this many bytes, so that memory stays bounded; a larger item goes alone. */
  readonly batchBytes: number;
  /** About how many bytes the item will take. */
  sizeOf(item: Item): number;
  /** The bytes of a batch that will stand at `place.position`. Called when the batch is about to be written. */
  encode(batch: readonly Item[], place: BatchPlace): Uint8Array;
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

const zeros = Buffer.alloc(1024 * 1024);

/** See the head of this file. Does not own the file: whoever opened it closes it, after `drained`. */
export class GroupSyncFile<Item> {
  readonly #options: GroupSyncOptions<Item>;
  #queue: Item[] = [];
  #position: number;
  #durablePosition: number;
  #allocatedBytes: number;
  #failed = false;
  #running: Promise<void> | undefined;

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
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is queued or being written, which a failure brings about as well. */
  async drained(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    // Whatever else this turn of the program appends still comes into the first batch.
    await Promise.resolve();
    let durable: readonly Item[] | undefined;
    while (this.#queue.length > 0 || durable !== undefined) {
      const batch = this.#takeBatch();
      const writing = batch.length > 0 ? this.#write(batch) : undefined;
      // The disk is at work on the next batch while those who waited for this one are served.
      if (durable !== undefined) this.#options.onDurable(durable);
      durable = undefined;
      if (writing === undefined) continue;
      try {
        await writing;
      } catch (error) {
        this.#failed = true;
        this.#queue = [];
        this.#running = undefined;
        this.#options.onFailure(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      durable = batch;
    }
    this.#running = undefined;
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

  async #write(batch: readonly Item[]): Promise<void> {
    const { file, encode } = this.#options;
    const position = this.#position;
    const bytes = encode(batch, { position, durablePosition: this.#durablePosition });
    const end = position + bytes.length;
    this.#position = end;
    if (end <= this.#allocatedBytes && file.writeThrough !== undefined) {
      await file.writeThrough(position, bytes);
    } else {
      await file.write(position, bytes);
      if (end > this.#allocatedBytes) await this.#allocate(end);
      await file.sync();
    }
    this.#durablePosition = end;
  }

  /** Writes zeros from `end` to the next step. The sync that follows anyway makes them durable. */
  async #allocate(end: number): Promise<void> {
    const { file, preallocateBytes } = this.#options;
    this.#allocatedBytes = end;
    if (preallocateBytes === 0) return;
    const target = Math.ceil(end / preallocateBytes) * preallocateBytes;
    while (this.#allocatedBytes < target) {
      const length = Math.min(zeros.length, target - this.#allocatedBytes);
      await file.write(this.#allocatedBytes, zeros.subarray(0, length));
      this.#allocatedBytes += length;
    }
  }
}
