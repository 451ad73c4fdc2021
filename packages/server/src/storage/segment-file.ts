/**
 * The file of a segment that is written on. It does what every file does, and sees to the kept bytes of the header: when
 * a sync has made the file longer for good, the header says so, durably, before the sync is reported as done. Records
 * that are acknowledged after their sync are therefore always within the kept bytes (see segment.ts for what that tells).
 *
 * The file grows by large steps of zeros, mostly while nobody waits for it, so a second sync for each step costs next to
 * nothing. It is no batch's sync then; batches that are under way write to other blocks than the header's. A file that grows with
 * every batch (`preallocateBytes` 0) would pay it each time: its header is not told then how long it is until the next start.
 *
 * What counts as length is what was written here, not what the system shows: after a failed sync it shows bytes that are
 * not on the disk.
 */
import { batchesAtOnce, type Disk, type DiskFile, settleAll } from "@corral/io";
import { encodeSegmentHeader, type SegmentHeader, segmentHeaderBytes } from "./segment.ts";

const zeros = Buffer.alloc(1024 * 1024);

/** See the head of this file. */
export class SegmentFile implements DiskFile {
  readonly #file: DiskFile;
  readonly #followsGrowth: boolean;
  #header: SegmentHeader;
  #writtenBytes: number;

  private constructor(file: DiskFile, header: SegmentHeader, followsGrowth: boolean) {
    this.#file = file;
    this.#header = header;
    this.#followsGrowth = followsGrowth;
    this.#writtenBytes = header.keptBytes;
  }

  /** Makes a segment with its first step of zeros, durably but for its name. Steps of 0 bytes: see above. */
  static async create(
    disk: Disk,
    path: string,
    start: Pick<SegmentHeader, "firstZxid" | "previousZxid" | "key">,
    stepBytes: number,
  ): Promise<SegmentFile> {
    const keptBytes = stepBytes === 0 ? segmentHeaderBytes : Math.ceil(segmentHeaderBytes / stepBytes) * stepBytes;
    const file = new SegmentFile(await disk.open(path, "create"), { ...start, keptBytes }, stepBytes > 0);
    try {
      await settleAll([file.#writeStart(), file.#prepare()]);
    } catch (error) {
      // Why it could not be made is what matters, not that it could not be closed either.
      await Promise.allSettled([file.close()]);
      throw error;
    }
    return file;
  }

  /** Opens a segment with that header for writing on. Unless `followsGrowth`, its header stays what it is. */
  static async open(disk: Disk, path: string, header: SegmentHeader, followsGrowth: boolean): Promise<SegmentFile> {
    const file = new SegmentFile(await disk.open(path, "write"), header, followsGrowth);
    try {
      await file.#prepare();
    } catch (error) {
      await Promise.allSettled([file.close()]);
      throw error;
    }
    return file;
  }

  /** The file is at least this long on the disk, and its header says so. */
  get keptBytes(): number {
    return this.#header.keptBytes;
  }

  size(): Promise<number> {
    return this.#file.size();
  }

  read(position: number, length: number): Promise<Buffer> {
    return this.#file.read(position, length);
  }

  async write(position: number, bytes: Uint8Array): Promise<void> {
    await this.#file.write(position, bytes);
    this.#writtenBytes = Math.max(this.#writtenBytes, position + bytes.length);
  }

  /** Within the kept bytes, so there is nothing that the header would have to say. */
  get writeThrough(): DiskFile["writeThrough"] {
    const file = this.#file;
    return file.writeThrough && ((position, bytes) => file.writeThrough!(position, bytes));
  }

  /** Writes zeros in [from, to). */
  async writeZeros(from: number, to: number): Promise<void> {
    for (let at = from; at < to; at += zeros.length) await this.write(at, zeros.subarray(0, to - at));
  }

  truncate(length: number): Promise<void> {
    return this.#file.truncate(length);
  }

  async sync(): Promise<void> {
    await this.#file.sync();
    if (!this.#followsGrowth || this.#writtenBytes <= this.#header.keptBytes) return;
    const header = { ...this.#header, keptBytes: this.#writtenBytes };
    await this.#writeDurably(0, encodeSegmentHeader(header));
    this.#header = header;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** In one go, as far as that goes: everybody who writes waits for it. */
  async #writeStart(): Promise<void> {
    const { keptBytes } = this.#header;
    const start = Buffer.alloc(Math.min(keptBytes, zeros.length));
    encodeSegmentHeader(this.#header).copy(start);
    await this.write(0, start);
    await this.writeZeros(start.length, keptBytes);
    await this.sync();
  }

  /** The batches', and the header's. So that no write fails for want of a descriptor: that would be the end of the log. */
  async #prepare(): Promise<void> {
    await this.#file.prepareWriteThrough?.(batchesAtOnce + 1);
  }

  async #writeDurably(position: number, bytes: Uint8Array): Promise<void> {
    if (this.#file.writeThrough) return this.#file.writeThrough(position, bytes);
    await this.#file.write(position, bytes);
    await this.#file.sync();
  }
}
