/**
 * Decides whether a connection is read. Who is not read is looked at again when his own requests or answers have moved on,
 * and everybody is whenever there may be room again for all. Nothing else has to be undone for him.
 */
import type { Limits } from "../limits.ts";
import type { Connection } from "./connection.ts";
import type { Connections } from "./connections.ts";
import { mostLongReads } from "./long-reads.ts";
import type { Proposals } from "./proposals.ts";
import type { Sessions } from "./sessions.ts";
import type { Turn } from "./turn.ts";

/** What it goes by, and whom it tells. */
export interface ReadingRegulatorParts {
  readonly turn: Turn;
  readonly connections: Connections;
  readonly proposals: Proposals;
  readonly sessions: Sessions;
  readonly limits: Limits;
}

/** What every connection may leave untaken, bytes, however many there are. */
export const leastShareBytes = 16 << 10;

/** Before so many requests that are no writes a write is proposed even if their answers may be long. */
const fewFramesBeforeWrite = 32;

/** Stops and resumes the reading of connections; see the head of this file. */
export class ReadingRegulator {
  readonly #parts: ReadingRegulatorParts;
  /** Whether more was proposed than may be, and half of it is not applied yet. */
  #roomIsWaitedFor = false;

  constructor(parts: ReadingRegulatorParts) {
    this.#parts = parts;
  }

  /** Decides whether the connection is read on. */
  regulate(connection: Connection): void {
    const { turn, connections, limits } = this.#parts;
    const { queue } = connection;
    const hasRoom = this.#hasRoom();
    if (!hasRoom) this.#roomIsWaitedFor = true;
    const paused =
      !hasRoom ||
      this.isCongested(connection) ||
      queue.holds ||
      queue.longReads > mostLongReads ||
      queue.length > limits.maxPendingRequestsPerConnection ||
      queue.bytes > limits.maxPendingBytesPerConnection ||
      (queue.length > 0 && connections.load.exceeds(limits));
    if (paused === connection.readingPaused) return;
    connection.readingPaused = paused;
    turn.effect({ type: "pauseReading", connection: connection.id, paused });
  }

  /** Fewer writes are under way: they were applied, or the log has failed. */
  onRoom(): void {
    if (!this.#roomIsWaitedFor) return;
    this.#roomIsWaitedFor = !this.#hasRoom();
    if (!this.#roomIsWaitedFor) this.#lookAgain();
  }

  /**
   * A connection that is not read because this server is behind cannot be heard, so its silence is not held against its
   * session. One that does not take its answers is another matter: it lives by what it takes, which the port tells.
   */
  tick(): void {
    // First, for who is read on now has what came meanwhile still unread.
    for (const connection of this.#parts.connections) {
      if (connection.readingPaused && !this.isCongested(connection)) this.#parts.sessions.touch(connection);
    }
    this.#lookAgain();
  }

  /** Whether it has left so many answers that it gets no more until it has taken them. */
  isCongested(connection: Connection): boolean {
    const { limits, connections } = this.#parts;
    const { pendingOutput } = connection;
    if (connection.isDeaf) return false;
    // Where there are many, each gets less at a time: a round of answers to all of them must not keep anybody waiting.
    const share = Math.max(leastShareBytes, limits.maxUnsentBytes / connections.count);
    if (pendingOutput > Math.min(limits.softUnsentBytes, share)) return true;
    // Whoever has taken all that was sent is answered, however much others have left.
    return pendingOutput > 0 && this.#isFull();
  }

  /**
   * Whether a write must not be proposed yet: it would be applied whenever it is durable, and what came before it has to be
   * answered until then, whether or not the connection takes its answers.
   */
  mustHoldWrite(connection: Connection): boolean {
    const { queue, longestAnswer } = connection;
    const { frames } = queue;
    if (frames === 0) return false;
    const areShort = longestAnswer > 0 && frames * longestAnswer <= this.#parts.limits.softUnsentBytes;
    return (frames >= fewFramesBeforeWrite && !areShort) || this.isCongested(connection) || this.#isFull();
  }

  /** Whether there is no room even for answers that cannot wait. */
  isOverfull(connection: Connection): boolean {
    const { pendingOutput } = connection;
    return pendingOutput > this.#parts.limits.hardUnsentBytes || (pendingOutput > leastShareBytes && this.#isFull());
  }

  /** Whether all together have left as many answers untaken as they may. */
  #isFull(): boolean {
    return this.#parts.connections.load.unsentBytes > this.#parts.limits.maxUnsentBytes;
  }

  #lookAgain(): void {
    for (const connection of this.#parts.connections) if (connection.readingPaused) this.regulate(connection);
  }

  /**
   * Whether more may be proposed. Where somebody had to wait, everybody does until half is done: or all would stop and go at every
   * write, and who waits would do so for as long as others keep less than all of it under way.
   */
  #hasRoom(): boolean {
    const { limits, proposals } = this.#parts;
    const share = this.#roomIsWaitedFor ? 1 / 2 : 1;
    return (
      proposals.count <= limits.maxProposedEntries * share && proposals.pendingBytes <= limits.maxProposedBytes * share
    );
  }
}
