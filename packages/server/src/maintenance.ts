/**
 * What an operator can have done to the whole state of a running server: a snapshot taken, another one put in its place,
 * a later epoch begun. zxids, and so fencing tokens, only grow through all of it.
 */
import { type Clock, type Logger, silentLogger } from "@corral/io";
import { formatZxid, zxidEpoch } from "@corral/protocol";
import type { Driver } from "./driver.ts";
import type { DurableLog } from "./durable-log.ts";
import type { Replica } from "./replica.ts";
import { SnapshotContentError, SnapshotReader } from "./state/snapshot-reader.ts";
import { epochsAreSpent, epochsLeft, lastEpoch, reservedEpochs } from "./storage/epochs.ts";
import { defaultStorageLimits } from "./storage/limits.ts";
import { epochRoom, restoreRoom, shareOfSnapshots, snapshotRoom } from "./storage/room.ts";
import { readSnapshotBytes } from "./storage/snapshot-file.ts";
import type { OpenSnapshot } from "./storage/storage.ts";

/** What cannot be done, and what to do instead. */
export class MaintenanceError extends Error {
  override readonly name = "MaintenanceError";
}

/** The disk has no room for it. */
export class NoRoomError extends MaintenanceError {}

/**
 * How many epochs a restore skips. Since the snapshot was taken, the server that wrote it may have begun epochs of which
 * the snapshot knows nothing, one with each start, and have given out fencing tokens in them.
 */
export const restoreEpochs = 1_000;

/** Of the snapshot that comes in through the log, bytes under way: what is durable at once is applied at once. */
const restoreBytesUnderWay = 256 << 10;

/** Pieces that are looked at, or proposed, before others get their turn: some 64 KiB and a millisecond each. */
const piecesInARow = 4;

/** What the entry that holds a piece has besides it, bytes, at most. */
const entryBytes = 1_024;

/** What is worked on. */
export interface MaintenanceParts {
  readonly replica: Replica;
  readonly driver: Driver;
  readonly log: DurableLog;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Bytes that are free for the data directory now. Absent where nobody can tell, or nothing is written. */
  readonly freeBytes?: (() => Promise<number>) | undefined;
  /** How many of them must stay free. */
  readonly minFreeBytes?: number;
  /** The longest record that the log takes, bytes. Default: that of storage/limits.ts. */
  readonly recordBytesMax?: number;
}

/** See the head of this file. */
export class Maintenance {
  readonly #parts: MaintenanceParts;
  #restoring = false;

  constructor(parts: MaintenanceParts) {
    this.#parts = parts;
  }

  /**
   * Takes a snapshot of all that has been written so far, and gives its file. @throws MaintenanceError when there is
   * nothing to write it to or of, or it cannot be written; NoRoomError when it could fill the disk; NeverError when the
   * server stops meanwhile.
   */
  async takeSnapshot(): Promise<OpenSnapshot & { readonly zxid: number }> {
    const { replica, driver, log } = this.#parts;
    const { stats, state } = replica;
    const { lastZxid } = state;
    if (!replica.takesSnapshots) {
      throw new MaintenanceError(
        "this server keeps everything in memory: give it a data directory, or use corral dump",
      );
    }
    if (lastZxid === 0) throw new MaintenanceError("nothing has ever been written, so there is nothing to take");
    const { snapshotFailuresTotal } = stats;
    const hasFailed = () => stats.snapshotFailuresTotal > snapshotFailuresTotal;
    if (stats.lastSnapshotZxid < lastZxid) {
      // What sessions and the log need meanwhile has the other half of the watermark.
      await this.#requireRoom("a snapshot", snapshotRoom(state.tree), shareOfSnapshots);
      driver.request({ type: "snapshotWanted" });
      await driver.until(() => stats.lastSnapshotZxid >= lastZxid || hasFailed());
    }
    const zxid = stats.lastSnapshotZxid;
    const opened = zxid < lastZxid ? undefined : await log.openSnapshot(zxid);
    if (opened === undefined) {
      // A stop gives up the one that is being written.
      driver.requireRunning();
      throw new MaintenanceError("the snapshot could not be written: see the server's log");
    }
    return { ...opened, zxid };
  }

  /**
   * Puts the snapshot in `bytes` (what `takeSnapshot` gives, of this server or another) in the place of the state. Every
   * session ends, and with it all ephemeral nodes, those in the snapshot too. What follows is of an epoch above the
   * snapshot's, this server's and `aboveZxid`'s. Resolves when it is durable, with the zxid at which it happened; rejects with
   * NeverError when the server stops before the last of it is in the log, or cannot write: the next start gives up what came.
   * @throws MaintenanceError when it is no sound snapshot, too few epochs or, as NoRoomError, too few bytes would be left, or another restore is under way: nothing has changed then.
   */
  async restore(bytes: Buffer, aboveZxid = 0): Promise<number> {
    if (this.#restoring) throw new MaintenanceError("another restore is under way");
    this.#restoring = true;
    try {
      await this.#requireRoom("a restore", restoreRoom(bytes.length));
      const { zxid, chunks } = await checkSnapshot(bytes, this.#parts, () => this.#othersTurn());
      await this.#restore(chunks, Math.max(zxid, aboveZxid));
      return this.#parts.replica.restoredZxid;
    } finally {
      this.#restoring = false;
    }
  }

  async #restore(chunks: readonly Buffer[], aboveZxid: number): Promise<void> {
    const { replica, driver, logger = silentLogger } = this.#parts;
    const epoch = Math.max(zxidEpoch(aboveZxid), replica.epoch) + restoreEpochs;
    requireEpochs(epoch, replica);
    logger.warn({ chunks: chunks.length, above: formatZxid(aboveZxid) }, "restoring a snapshot");
    await this.#beginEpoch(epoch);
    const before = replica.restoredZxid;
    for (const [number, chunk] of chunks.entries()) {
      await driver.until(() => replica.restoreBytes < restoreBytesUnderWay);
      if (number % piecesInARow === 0) await this.#othersTurn();
      const isLast = number === chunks.length - 1;
      driver.request({ type: "restorePart", part: { number, isLast, chunk } });
    }
    await driver.until(() => replica.restoredZxid > before);
  }

  /**
   * @throws NoRoomError when `bytes` more would take what must stay free; with less than all of the watermark kept (`shareKept`)
   * it goes while writes are refused, too.
   */
  async #requireRoom(what: string, bytes: number, shareKept = 1): Promise<void> {
    await this.#requireFree(what, bytes, shareKept);
    if (shareKept < 1 || !this.#parts.replica.diskIsLow) return;
    throw new NoRoomError(
      `the disk is nearly full, so writes are refused, and ${what} too: make room, until twice limits.minFreeDiskBytes are free`,
    );
  }

  async #requireFree(what: string, bytes: number, shareKept: number): Promise<void> {
    const { freeBytes, minFreeBytes = 0, logger = silentLogger } = this.#parts;
    if (freeBytes === undefined) return;
    let free: number;
    try {
      free = await freeBytes();
    } catch (err) {
      logger.warn({ err }, "how much room the disk has cannot be found out");
      return;
    }
    const needed = bytes + Math.ceil(shareKept * minFreeBytes);
    if (free >= needed) return;
    throw new NoRoomError(
      `the disk has not enough room for ${what}: ${free} bytes are free, ${needed} are needed (${bytes} for what is written, the ` +
        "rest is kept free as limits.minFreeDiskBytes has it). Make room, or use a larger disk; nothing has changed",
    );
  }

  /** Resolves when the event loop has come round. */
  #othersTurn(): Promise<void> {
    return new Promise<void>((resolve) => this.#parts.clock.setTimer(0, resolve));
  }

  /**
   * Goes on in `epoch`, if this one is an earlier one. Resolves with the epoch, when it is durable.
   * @throws MaintenanceError when there is no such epoch, too few or, as NoRoomError, too few bytes would be left.
   */
  async raiseEpoch(epoch: number): Promise<number> {
    const { replica } = this.#parts;
    if (epoch <= replica.epoch) return replica.epoch;
    requireEpochs(epoch, replica);
    // An epoch that cannot be written down ends all writes until a restart.
    await this.#requireRoom("a later epoch", epochRoom);
    return this.#beginEpoch(epoch);
  }

  async #beginEpoch(epoch: number): Promise<number> {
    const { replica, driver } = this.#parts;
    driver.request({ type: "raiseEpoch", epoch });
    await driver.until(() => replica.epoch >= epoch);
    return replica.epoch;
  }
}

/** Who needs the last ones has no way back: every start takes one. */
function requireEpochs(epoch: number, { epochsAreSpent: areSpent }: Pick<Replica, "epochsAreSpent">): void {
  if (areSpent) throw new MaintenanceError(epochsAreSpent);
  if (epochsLeft(epoch) >= reservedEpochs) return;
  const why =
    epoch > lastEpoch
      ? `epoch ${epoch} is beyond the last one, ${lastEpoch}`
      : `epoch ${epoch} would leave only ${epochsLeft(epoch)} of ${lastEpoch} epochs, and each start takes one: at least ` +
        `${reservedEpochs} must be left`;
  throw new MaintenanceError(
    `${why}. Is the zxid above which it is to be the right one? If so, fencing tokens cannot go on above it: copy the tree ` +
      "with corral dump and corral load --allow-smaller-tokens instead",
  );
}

/** Everything in it is looked at before anything is changed. */
async function checkSnapshot(
  bytes: Buffer,
  { replica, recordBytesMax = defaultStorageLimits.itemBytes }: Pick<MaintenanceParts, "replica" | "recordBytesMax">,
  othersTurn: () => Promise<void>,
): Promise<{ zxid: number; chunks: readonly Buffer[] }> {
  const chunks: Buffer[] = [];
  const { itemBytes } = defaultStorageLimits;
  const verdict = await readSnapshotBytes(bytes, itemBytes, (chunk) => chunks.push(chunk), othersTurn);
  if (verdict.kind === "damaged") {
    // Every snapshot has zeros in its header; a tool that sends text takes them out, and line ends too.
    const hint = bytes.includes(0)
      ? ""
      : ". It has no byte that is zero, as if it had been sent as text: with curl, use --data-binary @FILE, not -d";
    throw new MaintenanceError(`this is not a whole snapshot: ${verdict.why}${hint}`);
  }
  const longest = chunks.reduce((most, { length }) => Math.max(most, length), 0);
  if (longest > recordBytesMax - entryBytes) {
    throw new MaintenanceError(
      `the snapshot has a piece of ${longest} bytes, which is more than the log can hold at once`,
    );
  }
  const reader = new SnapshotReader(replica.state.tree.hashSeed);
  try {
    for (const [at, chunk] of chunks.entries()) {
      reader.onChunk(chunk);
      if (at % piecesInARow === 0) await othersTurn();
    }
    requireRestorable(reader, reader.finish().lastZxid, verdict.zxid);
  } catch (error) {
    // Whoever sends it may have made it himself: whatever is wrong with it, nothing has happened yet.
    const why = error instanceof SnapshotContentError ? error.why : error instanceof Error ? error.message : error;
    throw new MaintenanceError(`the snapshot cannot be understood: ${why}`);
  }
  return { zxid: verdict.zxid, chunks };
}

/** This server goes on from there, above the file's zxid, without the log of the one that wrote it. */
function requireRestorable({ restoreFault }: SnapshotReader, lastZxid: number, fileZxid: number): void {
  if (lastZxid !== fileZxid) {
    throw new Error(`it calls itself ${formatZxid(fileZxid)}, but its state is that after ${formatZxid(lastZxid)}`);
  }
  if (restoreFault !== undefined) throw new Error(`its ${restoreFault}`);
}
