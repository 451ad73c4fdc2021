/**
 * Watches how much room the data directory's disk has. Below a bound writes are refused, while what the server itself must
 * write (sessions, the reaper, a snapshot) still fits: running into a full disk would cost the log. Twice the bound must be free
 * before writes are taken again, so that it does not change from one moment to the next.
 */
import type { Clock, Disk, Logger, TimerHandle } from "@corral/io";

/** What is watched, and who is told. */
export interface DiskSpaceOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0: nothing is watched. */
  readonly minFreeBytes: number;
  /** Called whenever it becomes low, and when it is no longer. */
  readonly onChange: (isLow: boolean) => void;
}

/** How often is looked, ms: at least, and, when there is hardly more room than must be left, at most. */
const everyMs = 2_000;
const soonestMs = 20;

/** No faster than this is a disk filled, bytes a millisecond: until the bound could be reached nobody need look. */
const filledPerMs = (256 * 1024 * 1024) / 1_000;

/** See the head of this file. */
export class DiskSpace {
  readonly #options: DiskSpaceOptions;
  #timer: TimerHandle | undefined;
  #stopped = false;
  #isLow = false;
  #freeBytes: number | undefined;
  #cannotTell = false;

  constructor(options: DiskSpaceOptions) {
    this.#options = options;
  }

  /** As of the last look; undefined before the first, and where the disk cannot tell. */
  get freeBytes(): number | undefined {
    return this.#freeBytes;
  }

  /** Looks now, and again and again until `stop`. Never rejects. */
  async start(): Promise<void> {
    const { disk, minFreeBytes, clock } = this.#options;
    if (disk.freeBytes === undefined || minFreeBytes === 0) return;
    await this.#look();
    if (!this.#stopped) this.#timer = clock.setTimer(this.#delayMs(), () => void this.start());
  }

  /** Looks no more. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #delayMs(): number {
    if (this.#isLow || this.#freeBytes === undefined) return everyMs;
    const untilBoundMs = (this.#freeBytes - this.#options.minFreeBytes) / filledPerMs;
    return Math.min(everyMs, Math.max(soonestMs, untilBoundMs));
  }

  async #look(): Promise<void> {
    const { disk, directory, logger, minFreeBytes, onChange } = this.#options;
    try {
      this.#freeBytes = await disk.freeBytes?.(directory);
      this.#cannotTell = false;
    } catch (err) {
      if (!this.#cannotTell) logger.warn({ err, directory }, "how much room the disk has cannot be found out");
      this.#cannotTell = true;
      return;
    }
    const freeBytes = this.#freeBytes ?? Number.POSITIVE_INFINITY;
    const isLow = freeBytes < (this.#isLow ? 2 * minFreeBytes : minFreeBytes);
    if (isLow === this.#isLow) return;
    this.#isLow = isLow;
    const fields = { directory, freeBytes, minFreeBytes };
    if (isLow) logger.error(fields, "the disk is nearly full: writes are refused until twice minFreeBytes are free");
    else logger.info(fields, "the disk has room again: writes are taken");
    onChange(isLow);
  }
}
