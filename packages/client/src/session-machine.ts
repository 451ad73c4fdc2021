/**
 * The session machine: `step(now, input) -> effects`, pure. It knows which host to try, how to take up a session and
 * take it up again, which request an answer belongs to, which watchers an event is for, when to ping, when to give a
 * connection up and when to give the session up. It does no I/O and reads no clock; `session.ts` does that for it.
 *
 * Invariants
 *   Deadline   the session is believed in until `deadlineMs` and not longer: the time at which the last *answered*
 *              request was sent, plus the negotiated timeout, less drift. The server heard that request no earlier, so it
 *              cannot have expired the session before. Checked on every input, before anything is sent.
 *   Order      answers come in the order of the requests; pings and credentials are answered in an order of their own.
 *   zxid       the last seen zxid comes from replies only. Several events can carry one zxid, and a client cut off
 *              between them must be sent the rest.
 *   Belief     a request goes out in the session that its caller believed in, or not at all.
 *   One link   at most one connection counts; whatever comes from an older one is dropped.
 */
import type { Address } from "@corral/io";
import { assert, assertNever, type ConnectResponse, ErrorCode, type ReplyHeader, SpecialXid } from "@corral/protocol";
import { Fifo } from "./fifo.ts";
import { HostRotation } from "./host-rotation.ts";
import { driftFraction, limits } from "./limits.ts";
import type {
  ClientState,
  LinkFailure,
  LostReason,
  Packet,
  ReceivedFrame,
  SessionAuth,
  SessionEffect,
  SessionInput,
  SessionRequest,
} from "./session-types.ts";
import { watchEventKind } from "./watch-event.ts";
import { WatchRegistry } from "./watch-registry.ts";

/** The connection, from nothing to usable. */
type Link =
  | { readonly phase: "idle" }
  | ({ readonly phase: "dialing"; dueMs: number } & LinkTo)
  /** `sinceMs`: when the handshake was sent. */
  | ({ readonly phase: "handshaking"; dueMs: number } & LinkTo)
  | ({ readonly phase: "established" } & LinkTo);

interface LinkTo {
  readonly connection: number;
  readonly host: Address;
  /** Since when it is in this phase. */
  readonly sinceMs: number;
}

interface EstablishedSession {
  readonly id: bigint;
  readonly password: Uint8Array;
  readonly timeoutMs: number;
  deadlineMs: number;
}

/** A request that awaits its answer: a caller's, a batch of watches being re-armed, or the last one. */
interface InFlight<R> {
  readonly xid: number;
  readonly sentMs: number;
  readonly what: R | "rearm" | "close";
}

const noPassword = new Uint8Array(16);
const idle: Link = { phase: "idle" };

export class SessionMachine<R extends SessionRequest> {
  readonly #askedTimeoutMs: number;
  readonly #attemptMs: number;
  readonly #rotation: HostRotation;
  readonly #watches = new WatchRegistry();
  #link: Link = idle;
  #session: EstablishedSession | undefined;
  #state: ClientState = "connecting";
  #life: "running" | "closing" | "over" = "running";
  #closeDueMs = 0;

  #now = 0;
  #effects: SessionEffect<R>[] = [];
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #lastSentMs = 0;
  #lastHeardMs = 0;
  #deadlineOfLostMs = 0;
  /** Sessions lost so far. */
  #generation = 0;

  #connections = 0;
  #xid = 0;
  #lastZxid = 0;
  /** While watches are being re-armed: the zxid from which. Until all batches are answered, a new attempt starts there. */
  #rearmZxid: number | undefined;
  #rearming = 0;

  readonly #queue = new Set<R>();
  readonly #inFlight = new Fifo<InFlight<R>>();
  readonly #pings = new Fifo<{ readonly sentMs: number }>();
  readonly #auths: SessionAuth[] = [];
  readonly #authsInFlight = new Fifo<{ readonly sentMs: number; readonly auth: SessionAuth }>();

  /** `hosts` in the order in which to try them. */
  constructor(options: { readonly hosts: readonly Address[]; readonly sessionTimeoutMs: number }) {
    this.#rotation = new HostRotation(options.hosts);
    this.#askedTimeoutMs = options.sessionTimeoutMs;
    const share = Math.ceil(options.sessionTimeoutMs / options.hosts.length);
    this.#attemptMs = Math.min(limits.attemptMs, Math.max(limits.attemptMsMin, share));
  }

  /** 0 while there is no session. */
  get sessionId(): bigint {
    return this.#session?.id ?? 0n;
  }

  /** Empty while there is no session. */
  get sessionPassword(): Uint8Array {
    return this.#session?.password ?? new Uint8Array(0);
  }

  /** As negotiated; as asked for while there is no session. */
  get sessionTimeoutMs(): number {
    return this.#session?.timeoutMs ?? this.#askedTimeoutMs;
  }

  /** On the elapsed clock. In the past while there is no session. */
  get deadlineMs(): number {
    return this.#session?.deadlineMs ?? this.#deadlineOfLostMs;
  }

  get lastZxid(): number {
    return this.#lastZxid;
  }

  /** How far the connection is. */
  get phase(): Link["phase"] {
    return this.#link.phase;
  }

  /** When `step` wants a `timer` input at the latest; `undefined` if never. */
  get wakeAtMs(): number | undefined {
    return Number.isFinite(this.#wakeAtMs) ? this.#wakeAtMs : undefined;
  }

  /** What happened last at each host. */
  get diagnosis(): ReturnType<HostRotation["diagnosis"]> {
    return this.#rotation.diagnosis();
  }

  /** Takes one input at time `nowMs` (elapsed). The effects are to be carried out in order, before the next input's. */
  step(nowMs: number, input: SessionInput<R>): SessionEffect<R>[] {
    this.#now = Math.max(nowMs, this.#now);
    this.#effects = [];
    // What arrives may prove that the session lives on, so there the deadline is looked at afterwards.
    if (input.type !== "received") this.#checkDeadline();
    this.#dispatch(input);
    if (input.type === "received") this.#checkDeadline();
    this.#wakeAtMs = this.#nextWake();
    this.#check();
    return this.#effects;
  }

  #dispatch(input: SessionInput<R>): void {
    switch (input.type) {
      case "attempt":
        return this.#onAttempt();
      case "opened":
        return this.#onOpened(input.connection);
      case "received":
        return this.#onReceived(input.connection, input.frames);
      case "broken":
        if (this.#isCurrent(input.connection)) this.#onBroken(input.failure);
        return;
      case "request":
        return this.#onRequest(input.request);
      case "abandon":
        input.request.abandoned = true;
        this.#queue.delete(input.request);
        return;
      case "addAuth":
        this.#auths.push(input.auth);
        if (this.#link.phase === "handshaking" || this.#link.phase === "established") this.#sendAuth(input.auth);
        return;
      case "forgetAuth":
        return this.#forgetAuth(input.auth);
      case "unwatch":
        return this.#watches.remove(input.path, input.watcher);
      case "beforeWrite":
        return;
      case "timer":
        return this.#onTimer();
      case "close":
        return this.#onClose();
      default:
        assertNever(input);
    }
  }

  // Getting a connection

  #onAttempt(): void {
    if (this.#life === "over" || this.#link.phase !== "idle") return;
    this.#dial(this.#rotation.next());
  }

  #dial(host: Address): void {
    const connection = ++this.#connections;
    this.#link = { phase: "dialing", connection, host, sinceMs: this.#now, dueMs: this.#now + this.#patienceMs };
    this.#effects.push({ type: "dial", connection, host });
  }

  /** Handshake, credentials and watches leave together: by the time anything else can be asked, all is as it was. */
  #onOpened(connection: number): void {
    if (this.#link.phase !== "dialing" || this.#link.connection !== connection) return;
    const { host } = this.#link;
    this.#link = { phase: "handshaking", connection, host, sinceMs: this.#now, dueMs: this.#now + this.#patienceMs };
    this.#send({
      type: "connect",
      request: {
        protocolVersion: 0,
        lastZxidSeen: this.#lastZxid,
        timeOut: this.#askedTimeoutMs,
        sessionId: this.#session?.id ?? 0n,
        passwd: this.#session?.password ?? noPassword,
        readOnly: false,
      },
    });
    for (const auth of this.#auths) this.#sendAuth(auth);
    const relativeZxid = this.#rearmZxid ?? this.#lastZxid;
    const batches = this.#watches.batches(limits.setWatchesPathBytes);
    this.#rearming = batches.length;
    this.#rearmZxid = batches.length === 0 ? undefined : relativeZxid;
    for (const batch of batches) {
      const xid = this.#nextXid();
      this.#inFlight.push({ xid, sentMs: this.#now, what: "rearm" });
      this.#send({ type: "setWatches", xid, watches: { relativeZxid, ...batch } });
    }
  }

  #onHandshake(response: ConnectResponse): void {
    const link = this.#link;
    assert(link.phase === "handshaking", "a handshake is answered once");
    const { timeOut, sessionId, passwd } = response;
    if (timeOut <= 0 || sessionId === 0n || (this.#session !== undefined && this.#session.id !== sessionId)) {
      if (this.#session === undefined) return this.#breakLink({ kind: "noSession" });
      // This server answers, so it is the one to ask for a new session, within the same attempt.
      this.#dropLink({ kind: "noSession" });
      this.#becomeLost("expired");
      if (this.#life === "running") this.#dial(link.host);
      return;
    }
    this.#session = {
      id: sessionId,
      // A view of the frame, of which nothing else is to be kept.
      password: Uint8Array.from(passwd ?? noPassword),
      timeoutMs: timeOut,
      deadlineMs: deadlineAfter(link.sinceMs, timeOut),
    };
    this.#link = { phase: "established", connection: link.connection, host: link.host, sinceMs: this.#now };
    this.#rotation.succeeded();
    this.#effects.push({ type: "attemptSucceeded" });
    if (this.#life === "closing") return this.#sendClose();
    this.#become("connected");
    for (const request of this.#queue) this.#sendRequest(request);
    this.#queue.clear();
  }

  // Losing it

  #onBroken(failure: LinkFailure): void {
    const wasEstablished = this.#link.phase === "established";
    const refused = this.#link.phase === "handshaking" && failure.kind === "closed";
    this.#breakLink(refused ? { kind: "refused" } : failure);
    if (refused) this.#onRefused();
    if (!wasEstablished) return;
    if (this.#life === "closing") this.#finish();
    else this.#become("suspended");
  }

  /** Ends the connection and sees to another; what becomes of the session is the caller's business. */
  #breakLink(failure: LinkFailure): void {
    const link = this.#link;
    if (link.phase === "idle") return;
    this.#dropLink(failure);
    if (this.#life === "over") return;
    if (link.phase === "established") this.#effects.push({ type: "connect", livedMs: this.#now - link.sinceMs });
    else this.#effects.push({ type: "attemptFailed", host: link.host, failure });
  }

  /** Ends the connection and whatever waits on it. */
  #dropLink(failure: LinkFailure): void {
    const link = this.#link;
    if (link.phase === "idle") return;
    this.#link = idle;
    this.#effects.push({ type: "drop", connection: link.connection });
    this.#rotation.failed(link.host, failure);
    this.#pings.drain();
    this.#authsInFlight.drain();
    for (const { what } of this.#inFlight.drain()) {
      if (typeof what === "string") continue;
      const reason = { kind: "connectionLoss", host: link.host, failure } as const;
      this.#effects.push({ type: "fail", request: what, failure: reason });
    }
  }

  /** Servers close silently for several reasons; a pattern of it deserves a word, and one of them a way out. */
  #onRefused(): void {
    const inRow = this.#rotation.refusalsInRow;
    if (inRow === Math.max(5, 2 * this.#rotation.count)) {
      this.#log(
        "warn",
        this.#lastZxid > 0
          ? "every server closes the connection right after the handshake was sent: their data may be older than what this client has seen (wiped or restored?), or they are not serving"
          : "every server closes the connection right after the handshake was sent: they may not be serving yet, have too many connections from this address, or not be ZooKeeper servers",
        { attempts: inRow, lastZxid: this.#lastZxid },
      );
    }
    // Without a session nothing but our own memory holds us to what we saw. A server that merely lags catches up in
    // these attempts; one that was wiped never will, and would turn us away for ever.
    if (this.#session === undefined && this.#lastZxid > 0 && inRow >= Math.max(10, 2 * this.#rotation.count)) {
      this.#log("warn", "starting over from the servers' data, which is older than what this client has seen", {
        lastZxid: this.#lastZxid,
      });
      this.#lastZxid = 0;
    }
  }

  #checkDeadline(): void {
    if (this.#session === undefined || this.#now < this.#session.deadlineMs || this.#life === "over") return;
    if (this.#life === "closing") return this.#finish();
    this.#becomeLost("deadline");
  }

  #becomeLost(reason: LostReason): void {
    assert(this.#session !== undefined, "only a session can be lost");
    const { id, deadlineMs } = this.#session;
    this.#deadlineOfLostMs = Math.min(deadlineMs, this.#now);
    // A dial may go on, it has said nothing yet; a handshake for the old session must not.
    if (this.#link.phase !== "dialing") this.#breakLink({ kind: "given up" });
    this.#session = undefined;
    this.#generation++;
    this.#rearmZxid = undefined;
    if (this.#life === "closing") return this.#finish();
    this.#become("lost", { sessionId: id, reason });
    this.#failQueued("sessionExpired");
    this.#fireAll("lost");
    this.#become("connecting");
  }

  #failQueued(kind: "sessionExpired" | "closed"): void {
    for (const request of this.#queue) this.#effects.push({ type: "fail", request, failure: { kind } });
    this.#queue.clear();
  }

  #fireAll(event: "lost" | "closed"): void {
    for (const { path, watchers } of this.#watches.takeAll()) {
      this.#effects.push({ type: "event", event, path, watchers });
    }
  }

  // Requests and answers

  #onRequest(request: R): void {
    if (this.#life !== "running") {
      this.#effects.push({ type: "fail", request, failure: { kind: "closed" } });
    } else if (request.generation !== this.#generation) {
      this.#effects.push({ type: "fail", request, failure: { kind: "sessionExpired" } });
    } else if (this.#queue.size + this.#inFlight.length >= limits.requests) {
      const what = `${limits.requests} requests are waiting already`;
      this.#effects.push({ type: "fail", request, failure: { kind: "tooMany", what } });
    } else if (request.watch !== undefined && this.#watches.size >= limits.watchers) {
      const what = `${limits.watchers} watchers are waiting already`;
      this.#effects.push({ type: "fail", request, failure: { kind: "tooMany", what } });
    } else if (this.#link.phase === "established") {
      this.#sendRequest(request);
    } else {
      this.#queue.add(request);
    }
  }

  #sendRequest(request: R): void {
    const xid = this.#nextXid();
    this.#inFlight.push({ xid, sentMs: this.#now, what: request });
    this.#send({ type: "request", xid, request });
  }

  #onReceived(connection: number, frames: readonly ReceivedFrame[]): void {
    if (!this.#isCurrent(connection)) return;
    this.#lastHeardMs = this.#now;
    for (const frame of frames) {
      // One frame may end the connection; the rest then no longer counts.
      if (!this.#isCurrent(connection)) return;
      if (frame.type === "handshake") this.#onHandshake(frame.response);
      else if (frame.type === "reply") this.#onReply(frame);
      else {
        const event = watchEventKind(frame.event.type);
        if (event === undefined) continue;
        const watchers = this.#watches.take(event, frame.event.path);
        if (watchers.length > 0) this.#effects.push({ type: "event", event, path: frame.event.path, watchers });
      }
    }
  }

  #onReply(reply: Extract<ReceivedFrame, { type: "reply" }>): void {
    const { header } = reply;
    if (header.xid === SpecialXid.ping) return this.#onAnswered(header, this.#pings.shift()?.sentMs);
    if (header.xid === SpecialXid.auth) return this.#onAuthReply(header);
    const entry = this.#inFlight.peek();
    if (entry === undefined || entry.xid !== header.xid) {
      const due = entry === undefined ? "none was due" : `the one to request ${entry.xid} was due`;
      return this.#onBroken({ kind: "malformed", error: new Error(`an answer to request ${header.xid}; ${due}`) });
    }
    this.#inFlight.shift();
    this.#onAnswered(header, entry.sentMs);
    if (entry.what === "close") return this.#finish();
    if (entry.what === "rearm") return this.#onRearmed(header.err);
    const request = entry.what;
    if (!request.abandoned) {
      this.#registerWatch(request, header.err);
      this.#effects.push({ type: "answer", request, err: header.err, body: reply.body });
    }
    if (header.err === ErrorCode.SessionExpired) this.#becomeLost("expired");
    else if (header.err === ErrorCode.SessionMoved) this.#onBroken({ kind: "closed" });
  }

  /** An answer proves that the server knew the session when the request, sent at `sentMs`, arrived there. */
  #onAnswered(header: ReplyHeader, sentMs: number | undefined): void {
    if (header.zxid > this.#lastZxid) this.#lastZxid = header.zxid;
    if (sentMs === undefined || this.#session === undefined) return;
    const deadlineMs = deadlineAfter(sentMs, this.#session.timeoutMs);
    if (deadlineMs > this.#session.deadlineMs) this.#session.deadlineMs = deadlineMs;
  }

  #registerWatch(request: R, err: number): void {
    if (request.watch === undefined) return;
    const { kind, watcher } = request.watch;
    if (err === ErrorCode.Ok) this.#watches.add(kind === "exist" ? "data" : kind, request.path, watcher);
    else if (err === ErrorCode.NoNode && kind === "exist") this.#watches.add("exist", request.path, watcher);
  }

  #onRearmed(err: number): void {
    this.#rearming--;
    if (this.#rearming === 0) this.#rearmZxid = undefined;
    if (err === ErrorCode.Ok) return;
    // Watches that the server does not hold would wait for ever. Woken, their owners read again and find out.
    this.#log("error", "the server refused to take the watches up again; all watchers are called", { err });
    this.#fireAll("lost");
  }

  // Credentials

  #sendAuth(auth: SessionAuth): void {
    this.#authsInFlight.push({ sentMs: this.#now, auth });
    this.#send({ type: "auth", auth });
  }

  #onAuthReply(header: ReplyHeader): void {
    const entry = this.#authsInFlight.shift();
    this.#onAnswered(header, entry?.sentMs);
    if (entry === undefined) return;
    this.#effects.push({ type: "authAnswered", auth: entry.auth, err: header.err });
    if (header.err === ErrorCode.Ok) return this.#forgetDuplicates(entry.auth);
    // Presented again, they would only get every further connection closed. This one the server closes now: what is
    // sent from here on would be lost, so it waits for the next.
    this.#forgetAuth(entry.auth);
    this.#onBroken({ kind: "closed" });
  }

  /** The same credentials given twice are presented once on later connections. */
  #forgetDuplicates(auth: SessionAuth): void {
    const index = this.#auths.indexOf(auth);
    const earlier = this.#auths.slice(0, Math.max(0, index));
    for (const other of earlier) if (sameAuth(other, auth)) this.#forgetAuth(other);
  }

  #forgetAuth(auth: SessionAuth): void {
    const index = this.#auths.indexOf(auth);
    if (index >= 0) this.#auths.splice(index, 1);
  }

  // Time

  #nextWake(): number {
    if (this.#life === "over") return Number.POSITIVE_INFINITY;
    let at = this.#session?.deadlineMs ?? Number.POSITIVE_INFINITY;
    if (this.#life === "closing") at = Math.min(at, this.#closeDueMs);
    if (this.#link.phase === "dialing" || this.#link.phase === "handshaking") at = Math.min(at, this.#link.dueMs);
    if (this.#link.phase === "established") {
      at = Math.min(at, this.#lastSentMs + this.#readTimeoutMs / 2, this.#lastHeardMs + this.#readTimeoutMs);
    }
    return at;
  }

  get #readTimeoutMs(): number {
    return (this.sessionTimeoutMs * 2) / 3;
  }

  /**
   * How long to wait at one host. What is left of a session is halved from attempt to attempt: one connection that
   * leads nowhere must not use it up.
   */
  get #patienceMs(): number {
    if (this.#session === undefined) return this.#attemptMs;
    const leftMs = this.#session.deadlineMs - this.#now;
    return Math.max(limits.attemptMsMin, Math.min(this.#attemptMs, Math.ceil(leftMs / 2)));
  }

  #onTimer(): void {
    // Timers run before sockets are read. A late timer means that we stood still and could not have heard the server,
    // so that time does not count as its silence. The deadline has no such mercy.
    const lateMs = this.#now - this.#wakeAtMs;
    if (Number.isFinite(lateMs) && lateMs > limits.lateTimerMs) this.#excuse(lateMs);

    if (this.#life === "closing" && this.#now >= this.#closeDueMs) return this.#finish();
    const link = this.#link;
    if ((link.phase === "dialing" || link.phase === "handshaking") && this.#now >= link.dueMs) {
      const stage = link.phase === "dialing" ? "dial" : "handshake";
      this.#onBroken({ kind: "timeout", stage, waitedMs: Math.round(this.#now - link.sinceMs) });
    } else if (link.phase === "established") {
      if (this.#now >= this.#lastHeardMs + this.#readTimeoutMs) {
        this.#onBroken({ kind: "silent", waitedMs: Math.round(this.#now - this.#lastHeardMs) });
      } else if (this.#now >= this.#lastSentMs + this.#readTimeoutMs / 2) {
        this.#pings.push({ sentMs: this.#now });
        this.#send({ type: "ping" });
      }
    }
  }

  #excuse(lateMs: number): void {
    this.#lastHeardMs = Math.min(this.#now, this.#lastHeardMs + lateMs);
    if (this.#link.phase === "dialing" || this.#link.phase === "handshaking") this.#link.dueMs += lateMs;
  }

  // The end

  #onClose(): void {
    if (this.#life !== "running") return;
    this.#life = "closing";
    this.#become("closed");
    this.#failQueued("closed");
    this.#fireAll("closed");
    if (this.#session === undefined) return this.#finish();
    this.#closeDueMs = this.#now + limits.closeUnconnectedMs;
    if (this.#link.phase === "established") this.#sendClose();
  }

  #sendClose(): void {
    this.#closeDueMs = this.#now + limits.closeMs;
    const xid = this.#nextXid();
    this.#inFlight.push({ xid, sentMs: this.#now, what: "close" });
    this.#send({ type: "closeSession", xid });
  }

  #finish(): void {
    if (this.#life === "over") return;
    this.#life = "over";
    this.#breakLink({ kind: "given up" });
    this.#deadlineOfLostMs = Math.min(this.deadlineMs, this.#now);
    this.#session = undefined;
    // Reads that were answered since close() was called may have registered more.
    this.#fireAll("closed");
    this.#effects.push({ type: "closed" });
  }

  // Small things

  #isCurrent(connection: number): boolean {
    return this.#link.phase !== "idle" && this.#link.connection === connection;
  }

  #nextXid(): number {
    this.#xid = xidAfter(this.#xid);
    return this.#xid;
  }

  #send(packet: Packet<R>): void {
    assert(
      this.#link.phase === "handshaking" || this.#link.phase === "established",
      "there is a connection to send on",
    );
    this.#lastSentMs = this.#now;
    this.#effects.push({ type: "send", connection: this.#link.connection, packet });
  }

  #become(state: ClientState, of: { readonly sessionId?: bigint; readonly reason?: LostReason } = {}): void {
    if (state === this.#state) return;
    this.#state = state;
    const { sessionId = this.sessionId, reason } = of;
    const deadlineMs = this.deadlineMs;
    this.#effects.push({ type: "state", state, sessionId, deadlineMs, ...(reason === undefined ? {} : { reason }) });
  }

  #log(level: "debug" | "info" | "warn" | "error", message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#effects.push({ type: "log", level, message, fields });
  }

  /** What holds after every step. */
  #check(): void {
    if (this.#link.phase === "established") {
      assert(this.#session !== undefined, "an established connection has a session");
      assert(this.#queue.size === 0, "nothing waits for a connection that is there");
    } else {
      assert(this.#state !== "connected", "without a connection the state is not connected");
      assert(this.#pings.length === 0, "pings need a connection");
    }
    if (this.#session === undefined) {
      assert(this.#state !== "suspended" && this.#state !== "connected", "those states mean a session");
      assert(this.#watches.size === 0, "watches belong to a session");
    }
  }
}

/** Numbers of requests go from 1 to 2^31 − 1 and start again: negative ones have meanings of their own. */
export function xidAfter(xid: number): number {
  return xid === 0x7fff_ffff ? 1 : xid + 1;
}

function sameAuth(a: SessionAuth, b: SessionAuth): boolean {
  return a.scheme === b.scheme && Buffer.compare(a.auth ?? noPassword, b.auth ?? noPassword) === 0;
}

/** Until when a request sent at `sentMs` and answered lets us believe in the session. */
function deadlineAfter(sentMs: number, timeoutMs: number): number {
  return Math.floor(sentMs + timeoutMs * (1 - driftFraction));
}
