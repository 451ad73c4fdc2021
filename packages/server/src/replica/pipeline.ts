/**
 * Requests of a connection, answered in the order in which they came. A write is proposed the moment it arrives; its
 * reply, and every request behind it, waits until it is applied. A connection that leaves its replies unread is not
 * answered, then not read, any further.
 */
import { Fifo } from "@corral/io";
import {
  type AuthPacket,
  authPacketCodec,
  DecodeError,
  ErrorCode,
  OpCode,
  operations,
  opName,
  Reader,
  SpecialXid,
  Writer,
} from "@corral/protocol";
import { type Behaviour, refusal, unservedOperation } from "../compatibility.ts";
import type { Limits } from "../limits.ts";
import { decodeClientWrite, isClientWrite } from "../state/entry-codec.ts";
import type { Operation, Outcome } from "../state/operation.ts";
import type { StateMachine } from "../state/state-machine.ts";
import type { WatchTable } from "../watch/watch-table.ts";
import { tooLongAcl } from "./acl-limit.ts";
import { answerSize } from "./answer-size.ts";
import type { Auditor } from "./auditor.ts";
import { type AuthenticationRules, authenticate, excessOfIdentities, hasProvenEnough } from "./authenticate.ts";
import { ChildLists } from "./child-lists.ts";
import type { Connection } from "./connection.ts";
import { ConnectionWarning } from "./connection-warning.ts";
import type { Connections } from "./connections.ts";
import type { Events } from "./events.ts";
import { tooLongPath } from "./path-limit.ts";
import type { Proposals } from "./proposals.ts";
import { leastShareBytes, ReadingRegulator } from "./reading-regulator.ts";
import { answerRead, isRead, type ReadContext, ResponseTooLongError } from "./reads.ts";
import { writeBareReply, writeOutcome, writeReplyHeader, writeSaslReply } from "./replies.ts";
import type { QueuedVerdict, QueuedWrite } from "./request-queue.ts";
import { requestWeight } from "./request-weight.ts";
import { type SaslVerdict, saslStep } from "./sasl.ts";
import type { ServerStats } from "./server-stats.ts";
import type { Sessions } from "./sessions.ts";
import { type SettledTransaction, settledCreates } from "./settled-creates.ts";
import type { Turn } from "./turn.ts";
import { excessOfWatches } from "./watch-limits.ts";
import { answerWatchRequest, isWatchRequest } from "./watch-requests.ts";

/** What requests are answered from. */
export interface PipelineParts {
  readonly turn: Turn;
  readonly state: StateMachine;
  readonly watches: WatchTable<Connection>;
  readonly connections: Connections;
  readonly proposals: Proposals;
  readonly sessions: Sessions;
  readonly stats: ServerStats;
  readonly events: Events;
  readonly limits: Limits;
  readonly authentication: AuthenticationRules;
  readonly auditor: Auditor | undefined;
  readonly behaviour: Behaviour;
  /** Has `onRoom` called in a turn of its own. */
  readonly comeBack: () => void;
}

/** Replies to auth and sasl, and to who must authenticate first, show no zxid. */
const noZxid = 0;

/** Answers requests in order; see the head of this file. */
export class Pipeline {
  readonly #parts: PipelineParts;
  readonly #regulator: ReadingRegulator;
  /** Syncs that wait for entries of others, oldest first: with `afterZxid` applied they can be answered. */
  readonly #barriers = new Fifo<{ readonly connection: Connection; readonly afterZxid: number }>();
  readonly #readContext: ReadContext;
  readonly #badBody: ConnectionWarning;
  readonly #longRead: ConnectionWarning;
  /** What was done for reads: what they went through without sending it, and what was answered behind a write. */
  readonly #work = { requests: 0, bytes: 0 };
  #stopping = false;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    const { turn, state, watches, limits, behaviour } = parts;
    const childLists = new ChildLists();
    const spend = (nodes: number, bytes: number): void => {
      this.#work.requests += nodes;
      this.#work.bytes += bytes;
      turn.effect({ type: "spend", requests: nodes, bytes });
    };
    this.#readContext = { state, watches, behaviour, limits, childLists, spend };
    this.#badBody = new ConnectionWarning(parts.turn, "a request whose body cannot be read was refused");
    this.#longRead = new ConnectionWarning(parts.turn, "a read was refused");
    this.#regulator = new ReadingRegulator(parts, this);
  }

  /** What was done for reads so far, beyond one request each; in requests and bytes. */
  get work(): { readonly requests: number; readonly bytes: number } {
    return this.#work;
  }

  /** Frames that arrived together. */
  onFrames(connection: Connection, frames: readonly Buffer[]): void {
    if (this.#stopping) return;
    this.#parts.stats.receivedTotal += frames.length;
    connection.stats.received += frames.length;
    this.#parts.sessions.touch(connection);
    // What waited for room may have it without having been told: others have taken their answers, or are gone.
    if (!connection.queue.isClear) this.#answerDue(connection);
    for (const frame of frames) this.#onFrame(connection, frame);
    this.#regulate(connection);
  }

  #onFrame(connection: Connection, frame: Buffer): void {
    const arrivedMs = this.#parts.turn.now.elapsedMs;
    switch (connection.phase) {
      case "fresh":
        this.#parts.stats.handshakesTotal++;
        return this.#parts.sessions.onHandshake(connection, frame);
      case "connecting":
        return connection.queue.push({ kind: "frame", frame, arrivedMs, afterZxid: 0, answerBytes: 0 });
      case "open":
        if (frame.length < 8) return this.#refuseFrame(connection, frame);
        if (connection.queue.holds || this.#mustWaitForReads(connection, frame)) {
          return connection.queue.hold({ frame, arrivedMs });
        }
        return this.#takeUp(connection, frame, arrivedMs);
      case "leaving":
      case "closing":
        return;
    }
  }

  #mustWaitForReads(connection: Connection, frame: Buffer): boolean {
    return isClientWrite(frame.readInt32BE(4)) && this.#regulator.mustHoldWrite(connection);
  }

  #takeUp(connection: Connection, frame: Buffer, arrivedMs: number): void {
    if (this.#settleWhoAsks(connection, frame, arrivedMs)) return;
    if (this.#proposeWrite(connection, frame, arrivedMs)) return;
    this.#answerInTurn(connection, frame, arrivedMs);
  }

  #answerInTurn(connection: Connection, frame: Buffer, arrivedMs: number): void {
    const { proposals, behaviour } = this.#parts;
    // sync is a barrier: also for what others, or the session's former connection, had asked for when it came.
    const isBarrier = behaviour.syncIsBarrier && frame.readInt32BE(4) === OpCode.sync;
    const afterZxid = isBarrier && proposals.count > 0 ? proposals.lastZxid : 0;
    if (afterZxid === 0 && connection.queue.isClear && !this.#regulator.isCongested(connection)) {
      return this.#answer(connection, frame, arrivedMs);
    }
    if (afterZxid > 0) this.#barriers.push({ connection, afterZxid });
    const answerBytes = answerSize(this.#parts.state.tree, frame, connection);
    connection.queue.push({ kind: "frame", frame, arrivedMs, afterZxid, answerBytes });
  }

  /** The session is attached: what came behind the handshake gets its turn. */
  onOpen(connection: Connection): void {
    const early: Buffer[] = [];
    for (let next = connection.queue.shift(); next !== undefined; next = connection.queue.shift()) {
      if (next.kind === "frame") early.push(next.frame);
    }
    if (!this.#stopping) for (const frame of early) this.#onFrame(connection, frame);
    this.#regulate(connection);
  }

  /** Answers as many waiting requests as can be, and takes up what was held behind them. */
  advance(connection: Connection): void {
    const { out } = connection;
    const before = out.length;
    this.#answerDue(connection);
    if (connection.queue.holds) this.#takeUpHeld(connection);
    // Less than before, if it was closed.
    this.#work.bytes += Math.max(0, out.length - before);
    // It counts as untaken from now on, for all that are answered in the same step.
    if (out.length > leastShareBytes) this.#parts.turn.send(connection);
    this.#regulate(connection);
  }

  #answerDue(connection: Connection): void {
    const { queue } = connection;
    while (connection.phase === "open" || connection.phase === "leaving") {
      const head = queue.peek();
      if (head === undefined || (head.kind === "write" && head.outcome === undefined)) return;
      if (head.kind === "frame" && head.afterZxid > this.#parts.state.lastZxid) return;
      if (this.#regulator.isCongested(connection)) {
        if (!queue.cannotWait) return;
        if (this.#regulator.isOverfull(connection)) {
          const waiting = `${connection.pendingOutput} bytes wait for it`;
          this.#work.bytes += connection.out.length;
          const reason = `it does not read: ${waiting}, and what follows cannot wait`;
          return this.#parts.connections.close(connection, reason, { isAbrupt: true });
        }
      }
      queue.shift();
      if (head.kind === "frame") this.#answer(connection, head.frame, head.arrivedMs);
      else if (head.kind === "verdict") this.#deliver(connection, head);
      else if (head.outcome !== undefined) this.#replyToWrite(connection, head, head.outcome);
    }
  }

  #takeUpHeld(connection: Connection): void {
    const { queue } = connection;
    while (connection.phase === "open" && !this.#stopping) {
      const next = queue.peekHeld();
      if (next === undefined || this.#mustWaitForReads(connection, next.frame)) return;
      if (!this.#regulator.findRoom()) return;
      queue.shiftHeld();
      this.#work.requests += requestWeight(next.frame);
      this.#work.bytes += next.frame.length;
      this.#takeUp(connection, next.frame, next.arrivedMs);
    }
  }

  /** An entry was applied: who has waited for it goes on before the next one is, so as not to see what he asks for later. */
  onApplied(zxid: number): void {
    for (let next = this.#barriers.peek(); next !== undefined && next.afterZxid <= zxid; next = this.#barriers.peek()) {
      this.#barriers.shift();
      this.advance(next.connection);
    }
  }

  /** There may be room: connections that had to wait for some are read on. */
  onRoom(): void {
    this.#regulator.onRoom();
  }

  /** The log has failed: what waits for others' writes would wait for ever. */
  onLogFailed(): void {
    for (let next = this.#barriers.shift(); next !== undefined; next = this.#barriers.shift()) {
      this.#parts.connections.close(next.connection, "the log failed with its sync under way");
    }
    this.#regulator.onRoom();
  }

  /** Comes every `tickMs`, before sessions expire. */
  tick(): void {
    this.#regulator.tick();
  }

  /** From now on nothing is taken in any more. */
  stop(): void {
    this.#stopping = true;
  }

  /** Bounds what it watches, and decides whether it is read on. */
  #regulate(connection: Connection): void {
    if (connection.phase === "closing" || this.#stopping) return;
    const { limits, connections, watches } = this.#parts;
    const excess = excessOfWatches(connection, watches, limits);
    if (excess !== undefined) return connections.close(connection, excess);
    this.#regulator.regulate(connection);
  }

  // ---- writes ------------------------------------------------------------------------------------------------------

  /** Proposes the frame's write. Returns whether it was one. */
  #proposeWrite(connection: Connection, frame: Buffer, arrivedMs: number): boolean {
    const type = frame.readInt32BE(4);
    if (!isClientWrite(type)) return false;
    const xid = frame.readInt32BE(0);
    let operation: Operation | undefined;
    let settled: SettledTransaction | undefined;
    let failure: Outcome | undefined;
    try {
      operation = decodeClientWrite(type, new Reader(frame, 8));
      settled = settledCreates(operation, frame.length - 8);
      if (settled !== undefined) operation = settled.operation;
      const { behaviour, limits } = this.#parts;
      failure =
        refusal(operation, behaviour) ??
        tooLongPath(operation, limits) ??
        tooLongAcl(operation, frame.length, limits, connection);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#logBadBody(connection, type, error);
      failure = { type: "error", code: ErrorCode.MarshallingError };
    }
    const code = this.#parts.proposals.refusal(type, this.#parts.limits.writeWaitMs);
    if (code === ErrorCode.ThrottledOp) this.#parts.stats.throttledTotal++;
    if (code !== undefined) failure ??= { type: "error", code };
    const write: QueuedWrite = { kind: "write", xid, type, arrivedMs, bytes: frame.length, outcome: failure };
    connection.queue.push(write);
    if (operation === undefined || failure !== undefined) {
      if (failure !== undefined) this.#parts.auditor?.onRefused(connection, type, operation, failure);
      this.#answerDue(connection);
      return true;
    }
    if (connection.session === undefined) return true;
    this.#parts.proposals.propose({
      operation,
      sessionId: connection.session.id,
      xid,
      identities: connection.identities,
      wire: settled?.wireBody ?? frame,
      bodyAt: settled === undefined ? 8 : 0,
      connection,
      write,
    });
    if (type === OpCode.closeSession) connection.phase = "leaving";
    return true;
  }

  #replyToWrite(connection: Connection, write: QueuedWrite, outcome: Outcome): void {
    const { state, connections } = this.#parts;
    if (outcome.type === "error" && outcome.code === ErrorCode.SessionMoved) {
      return connections.close(connection, "its session had gone on over another connection");
    }
    writeOutcome(connection.out, write.xid, state.lastZxid, outcome);
    this.#answered(connection, write.type, write.xid, write.arrivedMs);
    if (outcome.type === "sessionClosed") {
      connections.close(connection, "the client ended its session", { level: "debug", isMutual: true });
    }
  }

  // ---- everything else ---------------------------------------------------------------------------------------------

  #answer(connection: Connection, frame: Buffer, arrivedMs: number): void {
    const xid = frame.readInt32BE(0);
    const type = frame.readInt32BE(4);
    if (this.#parts.behaviour.unknownOperations.has(type)) return this.#refuse(connection, xid, type, arrivedMs);
    if (isRead(type)) return this.#read(connection, xid, type, frame, arrivedMs);
    if (isWatchRequest(type)) return this.#watchRequest(connection, xid, type, frame, arrivedMs);
    const { state } = this.#parts;
    switch (type) {
      case OpCode.ping:
        return this.#reply(connection, type, SpecialXid.ping, state.lastZxid, ErrorCode.Ok, arrivedMs);
      case OpCode.sasl:
        return this.#sasl(connection, xid, frame, arrivedMs);
      case OpCode.reconfig: {
        const code = this.#parts.behaviour.reconfigRefusal;
        this.#parts.auditor?.onRefused(connection, type, undefined, { type: "error", code });
        return this.#reply(connection, type, xid, state.lastZxid, code, arrivedMs);
      }
      default:
        return this.#refuse(connection, xid, type, arrivedMs);
    }
  }

  #sasl(connection: Connection, xid: number, frame: Buffer, arrivedMs: number): void {
    const { authentication, stats, auditor } = this.#parts;
    let message: Uint8Array | null | undefined;
    this.#guardBody(connection, OpCode.sasl, () => {
      message = operations.sasl.request.read(new Reader(frame, 8)).token;
      return ErrorCode.Ok;
    });
    const verdict: SaslVerdict =
      message === undefined ? { failure: "it cannot be read" } : saslStep(connection, message, authentication);
    if (message !== undefined) {
      writeSaslReply(connection.out, xid, verdict);
      this.#answered(connection, OpCode.sasl, xid, arrivedMs);
    }
    if ("token" in verdict) return;
    stats.authFailuresTotal++;
    auditor?.onAuthFailed(connection, OpCode.sasl, verdict.failure);
    this.#parts.connections.close(connection, `authentication failed (SASL): ${verdict.failure}`);
  }

  #refuse(connection: Connection, xid: number, type: number, arrivedMs: number): void {
    const { state, connections, behaviour } = this.#parts;
    this.#reply(connection, type, xid, state.lastZxid, ErrorCode.Unimplemented, arrivedMs);
    connections.close(connection, `it sent ${unservedOperation(type, behaviour)}`);
  }

  #read(connection: Connection, xid: number, type: number, frame: Buffer, arrivedMs: number): void {
    if (connection.isDeaf) return;
    const { out } = connection;
    const { lastZxid } = this.#parts.state;
    const mark = out.beginFrame();
    const headerAt = out.length;
    writeReplyHeader(out, xid, lastZxid, ErrorCode.Ok);
    let err: ErrorCode;
    try {
      err = answerRead(this.#readContext, connection, type, new Reader(frame, 8), out);
    } catch (error) {
      err = this.#errorOf(error, connection, type);
    }
    if (err !== ErrorCode.Ok) {
      out.rewind(headerAt);
      writeReplyHeader(out, xid, lastZxid, err);
    }
    out.endFrame(mark);
    this.#answered(connection, type, xid, arrivedMs);
  }

  /** Events that the request finds due go out before its reply. */
  #watchRequest(connection: Connection, xid: number, type: number, frame: Buffer, arrivedMs: number): void {
    const { out } = connection;
    const { state } = this.#parts;
    const body = new Writer(16);
    const err = this.#guardBody(connection, type, () =>
      answerWatchRequest(
        this.#readContext,
        connection,
        type,
        new Reader(frame, 8),
        body,
        this.#parts.events.sendMissed,
      ),
    );
    const mark = out.beginFrame();
    writeReplyHeader(out, xid, state.lastZxid, err);
    if (err === ErrorCode.Ok) out.raw(body.take());
    out.endFrame(mark);
    this.#answered(connection, type, xid, arrivedMs);
  }

  #guardBody(connection: Connection, type: number, answer: () => ErrorCode): ErrorCode {
    try {
      return answer();
    } catch (error) {
      return this.#errorOf(error, connection, type);
    }
  }

  /** A body that cannot be read is the client's error, and only that request's; so is an answer that would be too long. */
  #errorOf(error: unknown, connection: Connection, type: number): ErrorCode {
    if (error instanceof ResponseTooLongError) {
      const { maxResponseBytes } = this.#parts.limits;
      this.#longRead.tell(connection, { maxResponseBytes, reason: error.message });
      return ErrorCode.SystemError;
    }
    if (!(error instanceof DecodeError)) throw error;
    this.#logBadBody(connection, type, error);
    return ErrorCode.MarshallingError;
  }

  /**
   * Who asks is settled when a request comes, whatever waits before it: what follows an auth is asked by the new identity.
   * Returns whether that was all of the request.
   */
  #settleWhoAsks(connection: Connection, frame: Buffer, arrivedMs: number): boolean {
    const type = frame.readInt32BE(4);
    let verdict: Pick<QueuedVerdict, "err" | "ending">;
    if (type === OpCode.auth) {
      verdict = this.#authenticate(connection, frame);
    } else if (type === OpCode.sasl || hasProvenEnough(connection.identities, this.#parts.authentication)) {
      return false;
    } else {
      const schemes = this.#parts.authentication.requiredSchemes.join(", ");
      const ending = `it must authenticate first (${schemes})`;
      verdict = { err: ErrorCode.SessionClosedRequireSaslAuth, ending };
      this.#parts.auditor?.onAuthFailed(connection, type, ending, verdict.err);
      this.#parts.sessions.endUnused(connection);
    }
    connection.queue.push({ kind: "verdict", xid: frame.readInt32BE(0), type, arrivedMs, ...verdict });
    if (verdict.ending !== undefined) connection.phase = "leaving";
    this.#answerDue(connection);
    return true;
  }

  #authenticate(connection: Connection, frame: Buffer): Pick<QueuedVerdict, "err" | "ending"> {
    const { authentication, limits } = this.#parts;
    let packet: AuthPacket | undefined;
    this.#guardBody(connection, OpCode.auth, () => {
      packet = authPacketCodec.read(new Reader(frame, 8));
      return ErrorCode.Ok;
    });
    const proven = packet && authenticate(packet, authentication, connection.identities);
    if (proven === undefined) {
      this.#parts.stats.authFailuresTotal++;
      const why = packet === undefined ? "it cannot be read" : `scheme ${JSON.stringify(packet.scheme)}`;
      const ending = `authentication failed (${why})`;
      this.#parts.auditor?.onAuthFailed(connection, OpCode.auth, ending);
      return { err: packet && ErrorCode.AuthFailed, ending };
    }
    connection.prove(proven);
    const ending = excessOfIdentities(connection, limits);
    return { err: ending === undefined ? ErrorCode.Ok : undefined, ending };
  }

  #deliver(connection: Connection, { xid, type, arrivedMs, err, ending }: QueuedVerdict): void {
    if (err !== undefined) this.#reply(connection, type, xid, noZxid, err, arrivedMs);
    if (ending !== undefined) this.#parts.connections.close(connection, ending);
  }

  #reply(connection: Connection, type: number, xid: number, zxid: number, err: number, arrivedMs: number): void {
    writeBareReply(connection.out, xid, zxid, err);
    this.#answered(connection, type, xid, arrivedMs);
  }

  #answered(connection: Connection, type: number, xid: number, arrivedMs: number): void {
    const { turn, stats, state } = this.#parts;
    const { elapsedMs } = turn.now;
    turn.hasOutput(connection);
    stats.onReply(type, elapsedMs - arrivedMs, connection.out.lastFrameBytes);
    connection.stats.onReply(type, xid, state.lastZxid, elapsedMs, elapsedMs - arrivedMs);
  }

  #refuseFrame(connection: Connection, frame: Buffer): void {
    this.#parts.connections.close(connection, `it sent a request of ${frame.length} bytes, too short for a header`);
  }

  #logBadBody(connection: Connection, type: number, error: DecodeError): void {
    this.#parts.stats.badRequestsTotal++;
    this.#badBody.tell(connection, { operation: opName(type) ?? type, reason: error.message });
  }
}
