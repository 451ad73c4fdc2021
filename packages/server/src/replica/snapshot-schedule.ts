/** When the next snapshot is due: it costs a look at every node, and saves the next start the log before it. */
import type { Random } from "@corral/io";
import type { Limits } from "../limits.ts";

/** What the log has behind the newest snapshot. */
export interface SinceSnapshot {
  readonly entries: number;
  readonly bytes: number;
}

/** So many times as many entries as nodes may be logged before the next snapshot, which writes all of them. */
const entriesPerNode = 2;
/**
 * After one that took a while, so many times as long passes before the next, or writers at full load would have one going on beside them most of
 * the time. What the log may grow by meanwhile is bounded by `snapshotLogBytes`; as soon as few write, one comes anyway.
 */
const restPerSnapshot = 10;
/** While few write, one snapshot for so many times as few entries as nodes is worth it. */
const nodesPerQuietEntry = 8;
/** Few write if, from one pulse to the next, not more than one in so many of the entries since the snapshot came, or waits. */
const quietPart = 1_000;

/** What decides. */
export interface SnapshotScheduleOptions {
  readonly limits: Pick<Limits, "snapshotEntries" | "snapshotLogBytes">;
  readonly random: Pick<Random, "fraction">;
  /** What there was at the start. */
  readonly since: SinceSnapshot;
  readonly nodeCount: number;
}

/** Counts what is applied and logged, and says when it is enough. */
export class SnapshotSchedule {
  readonly #options: SnapshotScheduleOptions;
  #isAsked = false;
  #entries: number;
  #entriesAtPulse: number;
  #logBytes = 0;
  #logBytesAtSnapshot: number;
  #distance: number;
  #restEndsMs = 0;

  constructor(options: SnapshotScheduleOptions) {
    this.#options = options;
    this.#entries = options.since.entries;
    this.#entriesAtPulse = this.#entries;
    this.#logBytesAtSnapshot = -options.since.bytes;
    this.#distance = this.#draw(options.nodeCount);
  }

  /** Entries applied since the last snapshot was begun, and bytes logged since. */
  get since(): SinceSnapshot {
    return { entries: this.#entries, bytes: this.#logBytes - this.#logBytesAtSnapshot };
  }

  /** One entry was applied. */
  onApplied(): void {
    this.#entries++;
  }

  /** The log has grown by so many bytes since the start. */
  onLogged(bytes: number): void {
    this.#logBytes = bytes;
  }

  /** One is wanted, due or not. */
  ask(): void {
    this.#isAsked = true;
  }

  /**
   * Comes every now and then; `waiting`: entries that are not applied yet, of which a slow disk may have many while none is applied. Asks for a
   * snapshot when there is time for one that is worth it, before a start or a full log needs it.
   */
  onPulse(nodeCount: number, waiting: number): void {
    const entries = this.#entries;
    const isQuiet = (entries - this.#entriesAtPulse + waiting) * quietPart <= entries;
    this.#entriesAtPulse = entries;
    if (isQuiet && entries >= Math.max(this.#options.limits.snapshotEntries, nodeCount) / nodesPerQuietEntry)
      this.#isAsked = true;
  }

  /** At this moment of a clock that only goes forward. */
  isDue(elapsedMs: number): boolean {
    const { snapshotLogBytes } = this.#options.limits;
    const { entries, bytes } = this.since;
    if (this.#isAsked || (snapshotLogBytes > 0 && bytes >= snapshotLogBytes)) return true;
    return entries >= this.#distance && elapsedMs >= this.#restEndsMs;
  }

  /** A snapshot is begun. */
  begin(nodeCount: number): void {
    this.#isAsked = false;
    this.#entries = 0;
    this.#entriesAtPulse = 0;
    this.#logBytesAtSnapshot = this.#logBytes;
    this.#distance = this.#draw(nodeCount);
  }

  /** The one that was begun is written, at this moment of the same clock. */
  end(elapsedMs: number, tookMs: number): void {
    this.#restEndsMs = elapsedMs + restPerSnapshot * tookMs;
  }

  /**
   * Entries until the next snapshot. It writes every node: that of a big tree is only worth it after more writes than that, or writers
   * would wait for it a sixth of their time. Drawn from the upper half, so that the servers of an ensemble do not all snapshot at once.
   */
  #draw(nodeCount: number): number {
    const most = Math.max(this.#options.limits.snapshotEntries, entriesPerNode * nodeCount);
    return Math.ceil((most / 2) * (1 + this.#options.random.fraction()));
  }
}
