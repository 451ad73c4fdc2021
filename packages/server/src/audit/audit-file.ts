/**
 * Lines that are added to a file, on a disk that may fail, be full or hang. Lines that cannot be written yet wait in memory up to a
 * bound, and those of one entry beside; what is more is lost, counted and told of, in the server's log and, later, in the file. Who
 * makes many of them asks for room before, and waits as long as the disk takes some: half of the bound is for what is made after that,
 * and for nothing else. A file that was renamed is left for a new one by `reopen`; one that was cut to nothing is simply continued.
 */
import type { Clock, Disk, DiskFile, Logger, TimerHandle } from "@corral/io";
import { RepeatedWarning } from "../repeated-warning.ts";

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
/** What is written at once, bytes; a disk that takes longer for it than this, ms, is not waited for. */
const chunkBytes = 256 << 10;
const hangMs = 1_000;
/** How many times it is looked at meanwhile: while this process is held up itself, no disk can tell it that it is done. */
const hangLooks = 10;
/** How long `close` waits for a disk that takes nothing, and for one that takes some, ms. */
const patienceMs = 5_000;
const closeMs = 20_000;

/**
 * Lines as bytes: kept as texts, the many that wait for a slow disk would keep the collector of garbage busy. A line that is longer
 * than what is written at once has one of its own.
 */
interface Chunk {
  readonly buffer: Buffer;
  used: number;
  written: number;
}

/** See the head of this file. */
export class AuditFile {
  readonly #options: AuditFileOptions;
  #file: DiskFile | undefined;
  /** In their order; the first is being written, and may be added to meanwhile. */
  readonly #chunks: Chunk[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  /** Ends the pause before what failed is tried again. */
  #wake: (() => void) | undefined;
  #reopens = false;
  #closed = false;
  /** Of the last line that was kept. */
  #entry: number | undefined;
  #lostSince = 0;
  #lostTotal = 0;
  #trouble: "fails" | "hangs" | undefined;
  /** Who waits for room. */
  readonly #held: (() => void)[] = [];

  readonly #loss: RepeatedWarning;

  private constructor(options: AuditFileOptions) {
    this.#options = options;
    const { logger, clock } = options;
    const warn: Logger["warn"] = (fields, message) => logger.error(fields, message);
    // Requests that are refused can have lines lost and kept in turn.
    this.#loss = new RepeatedWarning("lines of the audit log are lost: too many wait for their disk", {
      logger: { warn },
      clock,
    });
  }

  /** Opens the file, or makes it. Rejects with the operating system's error: where there is a pipe or a terminal, with ESPIPE. */
  static async open(options: AuditFileOptions): Promise<AuditFile> {
    const file = new AuditFile(options);
    file.#file = await openToAppend(options.disk, options.path);
    try {
      // Those are opened as files are, and then refuse whatever has a position.
      await file.#file.read(0, 1);
    } catch (error) {
      await file.#leaveFile();
      throw error;
    }
    return file;
  }

  /** Lines that were never written and never will be. */
  get lostTotal(): number {
    return this.#lostTotal;
  }

  /** Whether the file cannot be written at present. */
  get isFailing(): boolean {
    return this.#trouble !== undefined;
  }

  /** Bytes of the lines that are not written yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /**
   * Adds a line, which ends with a line's end. Returns at once. `hasAsked`: for room, before; it is kept as long as what waits is
   * within the bound, however long it is itself. Any other has but the half that leaves room for those. `entry`: a number that lines
   * behind one another have in common; they are kept if the first of them is, or who makes many of them could have the last ones lost.
   */
  append(line: string, hasAsked = true, entry?: number): void {
    const bytes = Buffer.byteLength(line);
    const { maxWaitingBytes, lossLine } = this.#options;
    const waiting = this.#waitingBytes;
    // Where nothing waits a line is kept, however long it is.
    const isOver = waiting > 0 && (hasAsked ? waiting > maxWaitingBytes : waiting + bytes > this.#roomyBytes);
    const isFurther = entry !== undefined && entry === this.#entry;
    if (this.#closed || (isOver && !isFurther)) return this.#lose();
    this.#entry = entry;
    if (this.#lostSince > 0) {
      const loss = lossLine(this.#lostSince);
      this.#lostSince = 0;
      this.#push(loss, Buffer.byteLength(loss));
    }
    this.#push(line, bytes);
    this.#write();
  }

  /**
   * Calls back, once, when half of the bound is free, or the disk takes too little, so that waiting
   * would be in vain; at once, if so.
   */
  whenRoom(callback: () => void): void {
    this.#held.push(callback);
    this.#letGo();
  }

  /** Up to here there is room for many lines. */
  get #roomyBytes(): number {
    return this.#options.maxWaitingBytes / 2;
  }

  get #isBehind(): boolean {
    return !this.#closed && !this.isFailing && this.#waitingBytes > this.#roomyBytes;
  }

  /** One after another: what the first adds may leave no room for the next. */
  #letGo(): void {
    while (this.#held.length > 0 && !this.#isBehind) this.#held.shift()?.();
  }

  /** Goes on in the file that has the name now. */
  reopen(): void {
    this.#reopens = true;
    this.#wake?.();
    this.#write();
  }

  /**
   * Writes what waits, as long as the disk takes some of it, and closes the file. Returns how many lines are lost of which nothing
   * in the file tells; 0 if it was closed before. Never rejects.
   */
  async close(): Promise<number> {
    if (this.#closed) return 0;
    this.#closed = true;
    this.#letGo();
    this.#wake?.();
    const { path, clock, logger } = this.#options;
    const finished = this.#finish();
    const untilMs = clock.elapsedMs() + closeMs;
    let bytes: number;
    let isFinished: boolean;
    do {
      bytes = this.#waitingBytes;
      isFinished = await endsWithin(clock, patienceMs, finished);
    } while (!isFinished && this.#waitingBytes < bytes && clock.elapsedMs() < untilMs);
    const lines = this.#waitingLines();
    this.#lostTotal += lines;
    if (lines > 0) {
      logger.error({ path, bytes: this.#waitingBytes, lines }, "the end of the audit log could not be written");
    } else if (!isFinished) logger.error({ path }, "the end of the audit log may not be on the disk: it hangs");
    return lines + this.#lostSince;
  }

  #push(line: string, bytes: number): void {
    let last = this.#chunks.at(-1);
    if (last === undefined || last.used + bytes > last.buffer.length) {
      if (last?.used === 0) this.#chunks.pop();
      last = { buffer: Buffer.allocUnsafeSlow(Math.max(chunkBytes, bytes)), used: 0, written: 0 };
      this.#chunks.push(last);
    }
    last.buffer.write(line, last.used, "utf8");
    last.used += bytes;
    this.#waitingBytes += bytes;
  }

  #waitingLines(): number {
    let lines = 0;
    for (const { buffer, used, written } of this.#chunks) {
      for (let at = buffer.indexOf(lineEnd, written); at >= 0 && at < used; at = buffer.indexOf(lineEnd, at + 1))
        lines++;
    }
    return lines;
  }

  #lose(): void {
    if (!this.#closed) this.#loss.tell("lost", { path: this.#options.path });
    this.#lostSince++;
    this.#lostTotal++;
  }

  get #hasWork(): boolean {
    return this.#waitingBytes > 0 || this.#reopens;
  }

  #write(): void {
    if (this.#writing === undefined && this.#hasWork) this.#writing = this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    while (this.#hasWork) {
      if (await this.#tryToWrite()) continue;
      if (this.#closed) break;
      await this.#pause();
    }
    // At once, not when the promise is looked at: a line that comes in between begins the next round.
    this.#writing = undefined;
  }

  /** Returns whether it succeeded. */
  async #tryToWrite(): Promise<boolean> {
    const watch = this.#watchDisk();
    try {
      await this.#writeSome();
      this.#onWritten();
      return true;
    } catch (err) {
      this.#onFailed(err);
      await this.#leaveFile();
      return false;
    } finally {
      watch.cancel();
    }
  }

  #watchDisk(): TimerHandle {
    let looks = 0;
    const look = (): void => {
      if (looks++ === hangLooks) this.#onHanging();
      else timer = this.#options.clock.setTimer(hangMs / hangLooks, look);
    };
    let timer: TimerHandle | undefined;
    look();
    return { cancel: () => timer?.cancel() };
  }

  async #writeSome(): Promise<void> {
    const { disk, path } = this.#options;
    const [chunk] = this.#chunks;
    const isMidLine = chunk !== undefined && chunk.written > 0 && chunk.buffer[chunk.written - 1] !== lineEnd;
    if (this.#reopens && !isMidLine) {
      this.#reopens = false;
      await this.#leaveFile();
    }
    this.#file ??= await openToAppend(disk, path);
    if (chunk === undefined || chunk.written === chunk.used) return;
    const size = await this.#file.size();
    const end = Math.min(chunk.used, chunk.written + chunkBytes);
    const bytes = chunk.buffer.subarray(chunk.written, end);
    // What failed may have left half a line.
    const isTorn = this.#trouble === "fails" && size > 0;
    await this.#file.write(size, isTorn ? Buffer.concat([Buffer.from("\n"), bytes]) : bytes);
    this.#waitingBytes -= bytes.length;
    chunk.written = end;
    if (chunk.written === chunk.used) this.#leaveChunk(chunk);
  }

  /** All of it is written; it is filled again if it is the last one. */
  #leaveChunk(chunk: Chunk): void {
    if (this.#chunks.length > 1 || chunk.buffer.length > chunkBytes) this.#chunks.shift();
    else chunk.used = chunk.written = 0;
  }

  #onWritten(): void {
    if (this.isFailing) {
      this.#trouble = undefined;
      const { path, logger } = this.#options;
      logger.info({ path, lostTotal: this.#lostTotal }, "the audit log is written again");
    }
    this.#letGo();
  }

  #onHanging(): void {
    if (this.#trouble !== undefined) return;
    this.#trouble = "hangs";
    const { path, logger } = this.#options;
    logger.error(
      { path },
      "the audit log's disk hangs, or is far too slow: its lines wait, and are lost when too many do",
    );
    this.#letGo();
  }

  #onFailed(err: unknown): void {
    const { path, logger } = this.#options;
    if (this.#trouble !== "fails") {
      logger.error({ err, path }, "the audit log cannot be written: its lines wait, and are lost when too many do");
    }
    this.#trouble = "fails";
    const [chunk] = this.#chunks;
    if (chunk !== undefined && chunk.buffer.length > chunkBytes) {
      // A line that is written in pieces begins anew.
      this.#waitingBytes += chunk.written;
      chunk.written = 0;
    }
    this.#letGo();
  }

  /** Before what failed is tried again. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(retryMs, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
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

const lineEnd = 0x0a;

async function endsWithin(clock: Clock, ms: number, work: Promise<void>): Promise<boolean> {
  let timer: TimerHandle | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = clock.setTimer(ms, () => resolve(false));
  });
  const isOver = await Promise.race([work.then(() => true), late]);
  timer?.cancel();
  return isOver;
}

async function openToAppend(disk: Disk, path: string): Promise<DiskFile> {
  try {
    return await disk.open(path, "write");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return await disk.open(path, "create");
  }
}
