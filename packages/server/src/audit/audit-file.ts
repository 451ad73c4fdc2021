/**
 * Lines that are added to a file, on a disk that may fail, be full or hang. Lines that cannot be written yet wait in memory up to a
 * bound; beyond it they are lost, counted and told of, in the server's log and, later, in the file. Those that matter are lost only
 * where the disk takes nothing: who makes many of them asks for room before, and waits as long as the disk takes some.
 * A file that was renamed is left for a new one by `reopen`; one that was cut to nothing is simply continued.
 */
import type { Clock, Disk, DiskFile, Logger, TimerHandle } from "@corral/io";

/** Where the lines go. */
export interface AuditFileOptions {
  readonly disk: Disk;
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Lines that wait, bytes. */
  readonly maxWaitingBytes: number;
  /** The line that tells how many were lost before it. */
  readonly lossLine: (count: number) => string;
}

/** After how long what failed is tried again, ms. */
const retryMs = 1_000;
/** How long `close` waits for a disk that hangs, ms. */
const patienceMs = 5_000;
/** How long a disk may take nothing before nobody waits for it any more, ms. */
const hangMs = 1_000;
/** What is written at once, bytes; as much as waits already, where that is more, and more where one line is longer. */
const chunkBytes = 64 << 10;
const maxChunkBytes = 4 << 20;

/** Lines as bytes: kept as texts, the many that wait for a slow disk would keep the collector of garbage busy. */
interface Chunk {
  readonly buffer: Buffer;
  used: number;
}

/** See the head of this file. */
export class AuditFile {
  readonly #options: AuditFileOptions;
  #file: DiskFile | undefined;
  #waiting: Chunk[] = [];
  /** Written, and free to be filled again. */
  #spare: Chunk | undefined;
  #waitingBytes = 0;
  #isWriting = false;
  #writing: Promise<void> | undefined;
  #retry: TimerHandle | undefined;
  #reopens = false;
  #closed = false;
  #lostSince = 0;
  #lostTotal = 0;
  #isFailing = false;
  /** Whether a write has been under way for so long that nobody waits for it any more. */
  #hangs = false;
  #hangTimer: TimerHandle | undefined;
  /** Who waits for room. */
  #held: (() => void)[] = [];

  private constructor(options: AuditFileOptions) {
    this.#options = options;
  }

  /** Opens the file, or makes it. Rejects with the operating system's error. */
  static async open(options: AuditFileOptions): Promise<AuditFile> {
    const file = new AuditFile(options);
    file.#file = await openToAppend(options.disk, options.path);
    return file;
  }

  /** Lines that were never written and never will be. */
  get lostTotal(): number {
    return this.#lostTotal;
  }

  /** Whether the file cannot be written at present. */
  get isFailing(): boolean {
    return this.#isFailing || this.#hangs;
  }

  /** Bytes of the lines that are not written yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /**
   * Adds a line, which ends with a line's end. Returns at once. `mayExceed`: it is kept beyond the bound as long as the disk
   * takes any.
   */
  append(line: string, mayExceed = true): void {
    const bytes = Buffer.byteLength(line);
    const isOver = this.#waitingBytes + bytes > this.#options.maxWaitingBytes;
    if (this.#closed || (isOver && (this.isFailing || !mayExceed))) return this.#lose();
    if (this.#lostSince > 0) {
      const loss = this.#options.lossLine(this.#lostSince);
      this.#lostSince = 0;
      this.#push(loss, Buffer.byteLength(loss));
    }
    this.#push(line, bytes);
    this.#write();
  }

  /** Calls back, once, when there is room for many lines, or the disk takes nothing, so that waiting would be in vain; at once, if so. */
  whenRoom(callback: () => void): void {
    if (!this.#isBehind) return callback();
    this.#held.push(callback);
    if (this.#held.length === 1) this.#awaitDisk();
  }

  get #isBehind(): boolean {
    return !this.#closed && !this.isFailing && this.#waitingBytes > this.#options.maxWaitingBytes / 2;
  }

  #awaitDisk(): void {
    this.#hangTimer = this.#options.clock.setTimer(hangMs, () => {
      this.#hangs = true;
      const { path, logger } = this.#options;
      logger.error({ path }, "the audit log's disk takes nothing: its lines wait, and are lost when too many do");
      this.#letGo();
    });
  }

  /** Lets those go on who wait for room, if there is any, or they would wait in vain. */
  #letGo(): void {
    this.#hangTimer?.cancel();
    this.#hangTimer = undefined;
    if (this.#held.length === 0) return;
    if (this.#isBehind) return this.#awaitDisk();
    const held = this.#held;
    this.#held = [];
    for (const callback of held) callback();
  }

  /** Goes on in the file that has the name now. */
  reopen(): void {
    this.#reopens = true;
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#write();
  }

  /** Writes what waits, as far as the disk lets it, and closes the file. Idempotent. Never rejects. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#letGo();
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#write();
    const { clock } = this.#options;
    let timer: TimerHandle | undefined;
    const outOfPatience = new Promise<void>((resolve) => {
      timer = clock.setTimer(patienceMs, resolve);
    });
    await Promise.race([this.#finish(), outOfPatience]);
    timer?.cancel();
    if (this.#waitingBytes > 0) {
      const { path, logger } = this.#options;
      logger.error({ path, bytes: this.#waitingBytes }, "the end of the audit log could not be written");
    }
  }

  #push(line: string, bytes: number): void {
    let last = this.#waiting.at(-1);
    if (last === undefined || last.used + bytes > last.buffer.length) {
      last = this.#emptyChunk(bytes);
      this.#waiting.push(last);
    }
    last.buffer.write(line, last.used, "utf8");
    last.used += bytes;
    this.#waitingBytes += bytes;
  }

  #emptyChunk(bytes: number): Chunk {
    const spare = this.#spare;
    this.#spare = undefined;
    const length = Math.max(chunkBytes, bytes, Math.min(this.#waitingBytes, maxChunkBytes));
    if (spare !== undefined && spare.buffer.length >= length) return { buffer: spare.buffer, used: 0 };
    return { buffer: Buffer.allocUnsafeSlow(length), used: 0 };
  }

  #lose(): void {
    const { path, logger } = this.#options;
    if (this.#lostSince === 0) logger.error({ path }, "lines of the audit log are lost: too many wait for their disk");
    this.#lostSince++;
    this.#lostTotal++;
  }

  #write(): void {
    if (this.#isWriting || this.#retry !== undefined) return;
    this.#isWriting = true;
    this.#writing = this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0 || this.#reopens) {
      // No longer among those that wait, it is not added to while it is on its way.
      const chunk = this.#waiting.shift();
      try {
        await this.#writeBatch(chunk?.buffer.subarray(0, chunk.used) ?? Buffer.alloc(0));
        this.#waitingBytes -= chunk?.used ?? 0;
        this.#spare = chunk;
        this.#onWritten();
      } catch (err) {
        if (chunk !== undefined) this.#waiting.unshift(chunk);
        await this.#onFailed(err);
        break;
      }
    }
    // At once, not when the promise is looked at: a line that comes in between begins the next round.
    this.#isWriting = false;
  }

  async #writeBatch(bytes: Buffer): Promise<void> {
    const { disk, path } = this.#options;
    if (this.#reopens) {
      this.#reopens = false;
      await this.#leaveFile();
    }
    this.#file ??= await openToAppend(disk, path);
    if (bytes.length === 0) return;
    const size = await this.#file.size();
    // What failed may have left half a line.
    const isTorn = this.#isFailing && size > 0;
    await this.#file.write(size, isTorn ? Buffer.concat([Buffer.from("\n"), bytes]) : bytes);
  }

  #onWritten(): void {
    if (this.isFailing) {
      this.#isFailing = false;
      this.#hangs = false;
      const { path, logger } = this.#options;
      logger.info({ path, lostTotal: this.#lostTotal }, "the audit log is written again");
    }
    this.#letGo();
  }

  async #onFailed(err: unknown): Promise<void> {
    const { path, clock, logger } = this.#options;
    if (!this.#isFailing) {
      logger.error({ err, path }, "the audit log cannot be written: its lines wait, and are lost when too many do");
    }
    this.#isFailing = true;
    this.#hangs = false;
    this.#letGo();
    await this.#leaveFile();
    if (this.#closed) return;
    this.#retry = clock.setTimer(retryMs, () => {
      this.#retry = undefined;
      this.#write();
    });
  }

  async #leaveFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    try {
      await file?.close();
    } catch (err) {
      this.#options.logger.warn({ err, path: this.#options.path }, "a file of the audit log could not be closed");
    }
  }

  async #finish(): Promise<void> {
    await this.#writing;
    try {
      await this.#file?.sync();
    } catch (err) {
      this.#options.logger.error({ err, path: this.#options.path }, "the end of the audit log may not be on the disk");
    }
    await this.#leaveFile();
  }
}

async function openToAppend(disk: Disk, path: string): Promise<DiskFile> {
  try {
    return await disk.open(path, "write");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return await disk.open(path, "create");
  }
}
