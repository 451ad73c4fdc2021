/**
 * Writes on their way: each becomes an entry with the next zxid, goes to the log, and comes back to be applied once the
 * log is durable up to it. Nothing between proposal and durability is visible to anybody.
 */
import { Fifo } from "@corral/io";
import { assert, ErrorCode, type Id, makeZxid, OpCode, zxidCounter, zxidEpoch, zxidEpochSize } from "@corral/protocol";
import { encodeEntry } from "../state/entry-codec.ts";
import type { Entry, Operation } from "../state/operation.ts";
import type { StateMachine } from "../state/state-machine.ts";
import type { Witness } from "../state/witness.ts";
import { lastEpoch } from "../storage/epochs.ts";
import type { Connection } from "./connection.ts";
import type { QueuedWrite } from "./request-queue.ts";
import type { Turn } from "./turn.ts";

/** An entry on its way, and who waits for it. */
export interface Proposal {
  readonly entry: Entry;
  /** As the log has it. */
  readonly bytes: number;
  /** When it was proposed, elapsed ms. */
  readonly proposedMs: number;
  /** The connection that asked, if one did. */
  readonly connection: Connection | undefined;
  /** Where its reply waits; absent for handshakes and for what the server itself asks. */
  readonly write: QueuedWrite | undefined;
}

/** What is proposed. */
export interface ProposalRequest {
  readonly operation: Operation;
  readonly sessionId: bigint;
  readonly xid?: number;
  readonly identities?: readonly Id[];
  /** What came over the wire, for operations that clients send: it ends with the request's body. */
  readonly wire?: Uint8Array;
  /** Where that begins. */
  readonly bodyAt?: number;
  readonly connection?: Connection;
  readonly write?: QueuedWrite;
  /** By which attachment of the session it counts, and not by a later one. Default: for a write its connection's, else by any. */
  readonly attachment?: number;
}

/** Half of an epoch's counter: then the next epoch is begun, in good time. */
const epochRenewalCounter = 2 ** 31;

/** Where it ends in the last epoch, a few thousand proposals of one turn before there is no number left. */
const lastCounter = zxidEpochSize - 2 ** 24;

/** How proposals are numbered and what they are told. */
export interface ProposalsOptions {
  readonly state: StateMachine;
  readonly enforcesQuota?: boolean;
  /** After how many entries the next epoch is begun. Default: half of what an epoch has. */
  readonly entriesPerEpoch?: number | undefined;
}

/** The entries proposed and not yet applied, oldest first. What is durable may wait for its slice, or for the audit log. */
export class Proposals {
  /** The disk has no room left but for what the server itself must write. */
  diskIsLow = false;
  readonly #turn: Turn;
  readonly #state: StateMachine;
  readonly #enforcesQuota: boolean;
  readonly #entriesPerEpoch: number;
  /** Whether there was no epoch for this life, so that it goes on in that of the one before. */
  readonly #isContinued: boolean;
  readonly #pending = new Fifo<Proposal>();
  #epoch: number;
  #counter = 0;
  #wantedEpoch: number | undefined;
  #failed = false;
  #pendingBytes = 0;
  #lastZxid = 0;
  #witnessedZxid: number | undefined;

  /** `highestEpoch`: the highest one ever written down; entries begin in the next, if there is one. */
  constructor(turn: Turn, highestEpoch: number, options: ProposalsOptions) {
    const { state, enforcesQuota = false, entriesPerEpoch = epochRenewalCounter } = options;
    this.#state = state;
    this.#turn = turn;
    this.#epoch = Math.min(highestEpoch, lastEpoch);
    this.#isContinued = highestEpoch >= lastEpoch;
    if (this.#isContinued && zxidEpoch(state.lastZxid) === lastEpoch) this.#counter = zxidCounter(state.lastZxid);
    this.#enforcesQuota = enforcesQuota;
    this.#entriesPerEpoch = entriesPerEpoch;
  }

  /** Entries proposed and not yet applied. */
  get count(): number {
    return this.#pending.length;
  }

  /** How long the oldest of them has waited to be applied, ms. */
  get oldestWaitMs(): number {
    const { elapsedMs } = this.#turn.now;
    return elapsedMs - (this.#pending.peek()?.proposedMs ?? elapsedMs);
  }

  /** Bytes of the entries proposed and not yet applied. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** zxid of the newest entry proposed, durable or not; 0 if there never was one in this life. */
  get lastZxid(): number {
    return this.#lastZxid;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Whether the log has failed, or there is no zxid left: then nothing can be proposed any more. */
  get failed(): boolean {
    return this.#failed || (this.#epoch === lastEpoch && this.#counter >= lastCounter);
  }

  /**
   * Whether clients' writes are refused because the last epoch is used up, or was that of a life before: in another life a
   * token may have been given out that the log has lost. Sessions come and go, so that the tree can be copied.
   */
  get areSpent(): boolean {
    return this.#isContinued || (this.#epoch === lastEpoch && this.#counter >= this.#entriesPerEpoch);
  }

  /** Why a write that a client asks for cannot be taken now. What ends sessions is: it is short, and makes room. */
  refusal(type: number, writeWaitMs: number): ErrorCode | undefined {
    if (this.failed) return ErrorCode.SystemError;
    if (type === OpCode.closeSession) return undefined;
    if (this.diskIsLow || this.areSpent) return ErrorCode.SystemError;
    return writeWaitMs > 0 && this.oldestWaitMs > writeWaitMs ? ErrorCode.ThrottledOp : undefined;
  }

  /** Asks for an epoch, by default the next one, to be made durable. There is none after the last. */
  wantEpoch(epoch = this.#epoch + 1): void {
    if (epoch > lastEpoch || epoch <= Math.max(this.#epoch, this.#wantedEpoch ?? 0)) return;
    this.#wantedEpoch = epoch;
    this.#turn.effect({ type: "persistEpoch", epoch });
  }

  /** An epoch asked for is durable: entries are of it from now on. */
  beginEpoch(epoch: number): void {
    assert(epoch > this.#epoch && epoch <= (this.#wantedEpoch ?? 0), "epochs were asked for, and do not go back");
    if (epoch === this.#wantedEpoch) this.#wantedEpoch = undefined;
    this.#epoch = epoch;
    this.#counter = 0;
  }

  /** Gives the request its place in the order. The log must not have failed. */
  propose(request: ProposalRequest): void {
    assert(!this.#failed, "nothing is proposed after the log failed");
    this.#counter++;
    // There is time until the counter's end: an epoch that cannot be written down would end all writes.
    if (this.#counter >= this.#entriesPerEpoch && !this.diskIsLow) this.wantEpoch();
    const entry: Entry = {
      zxid: makeZxid(this.#epoch, this.#counter),
      timeMs: this.#turn.now.wallMs,
      sessionId: request.sessionId,
      attachment: request.attachment ?? (request.write === undefined ? 0 : (request.connection?.attachment ?? 0)),
      xid: request.xid ?? 0,
      identities: request.identities ?? [],
      operation: request.operation,
      enforcesQuota: this.#enforcesQuota,
      witness: this.#witness(),
    };
    const bytes = encodeEntry(entry, request.wire, request.bodyAt);
    this.#pendingBytes += bytes.length;
    this.#lastZxid = entry.zxid;
    this.#turn.persist({ zxid: entry.zxid, bytes });
    const { connection, write } = request;
    this.#pending.push({ entry, bytes: bytes.length, proposedMs: this.#turn.now.elapsedMs, connection, write });
  }

  /** What the state is, unless an entry before has said it already. */
  #witness(): Witness | undefined {
    const { lastZxid } = this.#state;
    if (lastZxid === this.#witnessedZxid) return undefined;
    this.#witnessedZxid = lastZxid;
    return { zxid: lastZxid, digest: this.#state.digest };
  }

  /** Whether some of them are durable when the log is durable up to `zxid`. */
  hasDurable(zxid: number): boolean {
    const oldest = this.#pending.peek();
    return oldest !== undefined && oldest.entry.zxid <= zxid;
  }

  /** The oldest proposal that is durable when the log is durable up to `zxid`, if any. */
  takeDurable(zxid: number): Proposal | undefined {
    const oldest = this.#pending.peek();
    if (oldest === undefined || oldest.entry.zxid > zxid) return undefined;
    this.#pendingBytes -= oldest.bytes;
    return this.#pending.shift();
  }

  /** The log failed: nothing more is proposed. */
  fail(): void {
    this.#failed = true;
  }

  /** Takes what is left, which will never be known to be durable. */
  takeLost(): Proposal[] {
    this.#pendingBytes = 0;
    const lost: Proposal[] = [];
    for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) lost.push(next);
    return lost;
  }
}
