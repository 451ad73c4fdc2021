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
  /** Has `onRoom` called in a turn of its own. */
  readonly comeBack: () => void;
}

/** Takes up what connections hold. */
export interface HeldRequests {
  /** Goes on with what the connection has waiting, as far as may be. */
  advance(connection: Connection): void;
  /** What was done so far, in requests and bytes. */
  readonly work: { readonly requests: number; readonly bytes: number };
}

/** What every connection may leave untaken, bytes, however many there are. */
export const leastShareBytes = 16 << 10;

/** Stops and resumes the reading of connections; see the head of this file. */
export class ReadingRegulator {
  readonly #parts: ReadingRegulatorParts;
  readonly #held: HeldRequests;
  /** Whether more was proposed than may be, and half of it is not applied yet. */
  #roomIsWaitedFor = false;
  /** Whose held requests were taken up last: the next in line are those behind it. */
  #lastHolder = 0;

  constructor(parts: ReadingRegulatorParts, held: HeldRequests) {
    this.#parts = parts;
    this.#held = held;
  }

  /** Decides whether the connection is read on. */
  regulate(connection: Connection): void {
    const { turn, connections, limits } = this.#parts;
    const { queue } = connection;
    const paused =
      !this.findRoom() ||
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

  /** Whether more may be proposed. If not, those who are not read, or hold something, are looked at when that has changed. */
  findRoom(): boolean {
    const hasRoom = this.#hasRoom();
    if (!hasRoom) this.#roomIsWaitedFor = true;
    return hasRoom;
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
    const { pendingOutput, isDeaf } = connection;
    if (isDeaf || pendingOutput === 0) return false;
    // Whoever has taken all that was sent is answered, however much others have left.
    return pendingOutput > this.#share || this.#isFull();
  }

  /**
   * Whether a write must not be proposed yet: it would be applied whenever it is durable, and what came before it has to be
   * answered until then, whether or not the connection takes its answers.
   */
  mustHoldWrite(connection: Connection): boolean {
    const { frames, answerBytes } = connection.queue;
    if (frames === 0) return false;
    return answerBytes > this.#share || this.isCongested(connection) || this.#isFull();
  }

  /** What a connection may leave untaken, bytes. Where there are many, each gets less: a round of answers must not keep anybody waiting. */
  get #share(): number {
    const { limits, connections } = this.#parts;
    return Math.min(limits.softUnsentBytes, Math.max(leastShareBytes, limits.maxUnsentBytes / connections.count));
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
    const holders: Connection[] = [];
    for (const connection of this.#parts.connections) {
      if (!connection.readingPaused) continue;
      if (connection.queue.holds) holders.push(connection);
      else this.regulate(connection);
    }
    if (holders.length > 0) this.#takeUp(holders);
  }

  /** In turn, for there may not be room for all; and no more at a time than one turn of the event loop may take. */
  #takeUp(holders: readonly Connection[]): void {
    const { maxTurnRequests, maxTurnBytes } = this.#parts.limits;
    const { requests, bytes } = this.#held.work;
    const next = holders.findIndex(({ id }) => id > this.#lastHolder);
    const inTurn = next > 0 ? [...holders.slice(next), ...holders.slice(0, next)] : holders;
    for (const connection of inTurn) {
      if (!this.findRoom()) return;
      const { work } = this.#held;
      if (work.requests - requests >= maxTurnRequests || work.bytes - bytes >= maxTurnBytes) {
        // Nothing that is applied may bring us back: what was taken up may have been refused, all of it.
        this.#roomIsWaitedFor = true;
        return this.#parts.comeBack();
      }
      this.#lastHolder = connection.id;
      this.#held.advance(connection);
    }
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
