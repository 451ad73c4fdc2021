/** Sessions on this server: they open, re-attach and expire. What they are is replicated; when they expire is decided here. */
import type { Random } from "@corral/io";
import { OpCode } from "@corral/protocol";
import type { Limits } from "../limits.ts";
import { attachSession, type Entry, type Outcome } from "../state/operation.ts";
import type { StateMachine } from "../state/state-machine.ts";
import type { Auditor } from "./auditor.ts";
import { type Connection, formatSessionId } from "./connection.ts";
import type { Connections } from "./connections.ts";
import { judgeHandshake } from "./handshake.ts";
import type { Proposals } from "./proposals.ts";
import { goneSession, writeConnectResponse } from "./replies.ts";
import { SessionClock } from "./session-clock.ts";
import type { Turn } from "./turn.ts";

/** How sessions are named and how long they may last. */
export interface SessionOptions {
  /** 0 … 254; the first byte of the session ids that this server gives. */
  readonly serverId: number;
  readonly tickMs: number;
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  readonly random: Random;
  readonly limits: Limits;
}

/** Opens, re-attaches and expires sessions. */
export class Sessions {
  readonly #options: SessionOptions;
  readonly #turn: Turn;
  readonly #state: StateMachine;
  readonly #connections: Connections;
  readonly #proposals: Proposals;
  readonly #clock: SessionClock;
  readonly #auditor: Auditor | undefined;
  /** New sessions on their way to the disk. */
  #opening = 0;
  #lastId = 0n;

  constructor(
    options: SessionOptions,
    parts: {
      readonly turn: Turn;
      readonly state: StateMachine;
      readonly connections: Connections;
      readonly proposals: Proposals;
      readonly auditor: Auditor | undefined;
    },
  ) {
    this.#options = options;
    this.#turn = parts.turn;
    this.#state = parts.state;
    this.#connections = parts.connections;
    this.#proposals = parts.proposals;
    this.#clock = new SessionClock(options.tickMs);
    this.#auditor = parts.auditor;
  }

  /** Takes over the sessions that exist. Nobody is blamed for the time without a server: each begins a full timeout. */
  start(): void {
    const { elapsedMs, wallMs } = this.#turn.now;
    for (const session of this.#state.sessions) this.#clock.start(session.id, session.timeoutMs, elapsedMs);
    // Server id, then 40 bits of time, then a count: no two servers, and no two lives of one, give the same id.
    const time = BigInt.asUintN(40, BigInt(wallMs)) << 16n;
    this.#lastId = BigInt.asIntN(64, (BigInt(this.#options.serverId) << 56n) | time);
  }

  /** When which sessions are due: elapsed ms, and their ids, earliest first. */
  get dueTimes(): readonly (readonly [dueMs: number, ids: readonly bigint[]])[] {
    return this.#clock.dueTimes;
  }

  /** The connection was heard of. */
  touch(connection: Connection): void {
    if (connection.session !== undefined) this.#clock.touch(connection.session, this.#turn.now.elapsedMs);
  }

  /** The first frame of a connection. */
  onHandshake(connection: Connection, frame: Buffer): void {
    const verdict = judgeHandshake(frame, this.#state, this.#options);
    if (verdict.type === "refused") return this.#connections.close(connection, verdict.reason);
    connection.mirrorsReadOnly = verdict.mirrorsReadOnly;
    if (verdict.type === "gone") {
      if (verdict.triedSession !== undefined) this.#auditor?.onIntrusion(connection, verdict.triedSession);
      return this.#refuse(connection, verdict.reason);
    }
    const sessions = this.#state.sessions.size + this.#opening;
    if (verdict.type === "new" && sessions >= this.#options.limits.maxSessions) {
      return this.#connections.close(connection, `${sessions} sessions exist (limit maxSessions)`);
    }
    if (this.#proposals.failed) {
      return this.#connections.close(connection, "no session can be opened: the log cannot be written");
    }
    connection.phase = "connecting";
    const { timeoutMs } = verdict;
    if (verdict.type === "new") {
      const password = Buffer.from(this.#options.random.bytes(16));
      this.#opening++;
      const operation = { type: OpCode.createSession, request: { timeoutMs, password } } as const;
      this.#proposals.propose({ operation, sessionId: this.#nextId(), connection });
    } else {
      // The client is there: its session must not expire while the re-attachment is on its way to the disk.
      this.#clock.start(verdict.sessionId, timeoutMs, this.#turn.now.elapsedMs);
      const operation = { type: attachSession, request: { timeoutMs } } as const;
      this.#proposals.propose({ operation, sessionId: verdict.sessionId, connection });
    }
  }

  #nextId(): bigint {
    do {
      this.#lastId = BigInt.asIntN(64, this.#lastId + 1n);
    } while (this.#lastId === 0n || this.#state.sessions.has(this.#lastId));
    return this.#lastId;
  }

  /** The entry of a handshake was applied. Returns whether the connection is open now. */
  onHandshakeApplied(connection: Connection, entry: Entry, outcome: Outcome): boolean {
    const isNew = entry.operation.type === OpCode.createSession;
    if (isNew) this.#opening--;
    if (outcome.type !== "sessionAttached") {
      if (connection.phase === "connecting") this.#refuse(connection, "its session has expired");
      return false;
    }
    const { session } = outcome;
    const clocked = this.#clock.start(session.id, session.timeoutMs, this.#turn.now.elapsedMs);
    if (connection.phase !== "connecting") return false;
    const old = this.#connections.ofSession(session.id);
    if (old !== undefined) {
      this.#connections.close(old, "its session goes on over another connection", { level: "info" });
    }
    connection.phase = "open";
    connection.attachment = session.attachment;
    this.#connections.attach(clocked, connection);
    const response = { timeOut: session.timeoutMs, sessionId: session.id, passwd: session.password };
    writeConnectResponse(connection.out, response, connection.mirrorsReadOnly);
    this.#turn.hasOutput(connection);
    this.#turn.log(
      "debug",
      {
        session: formatSessionId(session.id),
        remote: connection.remoteText,
        timeoutMs: session.timeoutMs,
        isNew,
      },
      "session attached",
    );
    return true;
  }

  /** The entry that ends a session was applied. */
  onClosed(sessionId: bigint): void {
    this.#clock.stop(sessionId);
  }

  /** The state was replaced, and has other sessions or none. */
  forgetAll(): void {
    for (const [, ids] of this.#clock.dueTimes) for (const id of ids) this.#clock.stop(id);
  }

  /** Time goes on. */
  tick(): void {
    if (this.#proposals.failed) return;
    const stalledMs = this.#clock.tick(this.#turn.now.elapsedMs);
    if (stalledMs > 0) {
      this.#turn.log("warn", { stalledMs }, "the process was held up; every session begins a full timeout");
    }
  }

  /** Proposes the end of the next sessions that are due, `most` of them. Returns how many it were. */
  expire(most: number): number {
    const expired = this.#clock.expire(most);
    for (const sessionId of expired) {
      this.#turn.log("info", { session: formatSessionId(sessionId) }, "session expired");
      // Any answer now, even to what it asked before, would have the client believe in its session for a whole timeout more.
      const attached = this.#connections.ofSession(sessionId);
      if (attached !== undefined) this.#connections.close(attached, "its session has expired", { level: "info" });
      this.#proposals.propose({ operation: { type: OpCode.closeSession, request: {} }, sessionId });
    }
    return expired.length;
  }

  /**
   * Ends the session of a connection that may not ask for anything, if nobody else ever could in it: whoever need not say who he is
   * could otherwise fill the server with sessions that last until their time-outs.
   */
  endUnused({ session, attachment }: Connection): void {
    if (session === undefined || attachment > 1 || this.#proposals.failed) return;
    // Not if the client goes on in it over another connection meanwhile, where it may say who it is.
    const operation = { type: OpCode.closeSession, request: {} } as const;
    this.#proposals.propose({ operation, sessionId: session.id, attachment });
  }

  #refuse(connection: Connection, reason: string): void {
    writeConnectResponse(connection.out, goneSession, connection.mirrorsReadOnly);
    this.#connections.close(connection, reason, { level: "info" });
  }
}
