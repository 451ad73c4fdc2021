/** What a server counts while it works, as plain numbers. Totals only grow; `srst` begins some of them anew. */
import { OpCode, WatchEventType } from "@corral/protocol";
import { Histogram, LatencySummary } from "./latencies.ts";

/** Operations have small numbers; what is outside of this range is no operation and shares one histogram. */
const lowestType = -16;
const highestType = 127;

/** What changes of nodes are told as. */
const firedTypes = [
  WatchEventType.nodeCreated,
  WatchEventType.nodeDeleted,
  WatchEventType.nodeDataChanged,
  WatchEventType.nodeChildrenChanged,
] as const;

/** Bounds of the histograms of how many watches one change fires. */
const fanOutBounds = [1, 2, 5, 10, 100, 1_000, 10_000, 100_000] as const;

/** Bounds of the histogram of how many entries became durable with one sync. */
const batchBounds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 4_096] as const;

/** Lengths, bytes; -1 while there was none. */
class Sizes {
  last = -1;
  least = -1;
  greatest = -1;

  add(bytes: number): void {
    this.last = bytes;
    if (bytes > this.greatest) this.greatest = bytes;
    if (bytes < this.least || this.least < 0) this.least = bytes;
  }

  reset(): void {
    this.last = -1;
    this.least = -1;
    this.greatest = -1;
  }
}

/** Counters that `srvr` and its kin show, and metrics. */
export class ServerStats {
  /** Frames ever received, handshakes among them. */
  receivedTotal = 0;
  /** The handshakes among them, whatever came of them. */
  handshakesTotal = 0;
  /** Replies and events ever sent. */
  sentTotal = 0;
  /** Watch events ever sent. */
  eventsTotal = 0;
  /** Bytes of those. */
  eventBytesTotal = 0;
  /** Bytes of the replies to requests; pings and what authenticates are none. */
  replyBytesTotal = 0;
  /** How long replies and events were. */
  readonly sentSizes = new Sizes();
  authFailuresTotal = 0;
  /** Requests whose body could not be read. */
  badRequestsTotal = 0;
  /** Writes refused because the disk was too slow. */
  throttledTotal = 0;
  sessionsExpiredTotal = 0;
  snapshotsTotal = 0;
  snapshotFailuresTotal = 0;
  /** Whether the last one that was begun failed. */
  lastSnapshotFailed = false;
  /** How long snapshots took, ms. */
  readonly snapshotMs = new Histogram();
  /** How long the last snapshot took, ms; −1 if there was none in this life. */
  lastSnapshotMs = -1;
  /** zxid of the last snapshot of this life; 0 if there was none. */
  lastSnapshotZxid = 0;
  /** When it was written, wall clock, ms. */
  lastSnapshotAtMs = 0;
  /** How many entries became durable together. */
  readonly entriesPerSync = new Histogram(batchBounds);
  /** How many watches one change has fired, by the type of its event; changes that nobody watched are not in it. */
  readonly watchesFired: ReadonlyMap<WatchEventType, Histogram> = new Map(
    firedTypes.map((type) => [type, new Histogram(fanOutBounds)]),
  );
  readonly #latency = new LatencySummary();
  readonly #byType: (Histogram | undefined)[] = new Array(highestType - lowestType + 2).fill(undefined);
  #receivedAtReset = 0;
  #sentAtReset = 0;

  /** A request of this type was answered `latencyMs` after it arrived, with a frame of so many bytes behind its length. */
  onReply(type: number, latencyMs: number, bytes: number): void {
    this.sentTotal++;
    this.sentSizes.add(bytes);
    if (type !== OpCode.ping && type !== OpCode.auth && type !== OpCode.sasl) this.replyBytesTotal += bytes;
    this.#latency.add(latencyMs);
    const isKnown = type >= lowestType && type <= highestType;
    const index = isKnown ? type - lowestType : highestType - lowestType + 1;
    let histogram = this.#byType[index];
    if (histogram === undefined) {
      histogram = new Histogram();
      this.#byType[index] = histogram;
    }
    histogram.add(latencyMs);
  }

  /** An event was sent, in a frame of so many bytes behind its length. */
  onEvent(bytes: number): void {
    this.sentTotal++;
    this.sentSizes.add(bytes);
    this.eventsTotal++;
    this.eventBytesTotal += bytes;
  }

  /** Frames received since the last reset. */
  get received(): number {
    return this.receivedTotal - this.#receivedAtReset;
  }

  /** Replies and events sent since the last reset. */
  get sent(): number {
    return this.sentTotal - this.#sentAtReset;
  }

  /** Since the last reset. */
  get latencyMs(): { readonly min: number; readonly average: number; readonly max: number } {
    return this.#latency.ms;
  }

  /** Latencies by type of operation, ms, for those that were asked for; `undefined` stands for what is no operation. */
  get latencies(): readonly (readonly [type: number | undefined, Histogram])[] {
    return this.#byType.flatMap((histogram, index) => {
      const type = index + lowestType;
      return histogram === undefined ? [] : [[type > highestType ? undefined : type, histogram] as const];
    });
  }

  /** As `srst` wants it: received, sent, how long that was, and the latencies of `srvr` begin anew. */
  reset(): void {
    this.#receivedAtReset = this.receivedTotal;
    this.#sentAtReset = this.sentTotal;
    this.#latency.reset();
    this.sentSizes.reset();
  }
}
