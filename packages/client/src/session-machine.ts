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
import { assert, assertNever, type ConnectResponse, ErrorCode, type Reader } from "@corral/protocol";
import { whyNot } from "./admission.ts";
import { Authentication } from "./authentication.ts";
import { BelievedSession, noPassword } from "./believed-session.ts";
import type { HostDiagnosis } from "./errors.ts";
import { adviceOn, HostRotation } from "./host-rotation.ts";
import { limits } from "./limits.ts";
import { attemptMs, idle, isAttempt, isCurrent, type Link, patienceMs } from "./link.ts";
import { SeenZxid } from "./seen-zxid.ts";
import { SessionOutput } from "./session-output.ts";
import type {
  ClientState,
  LinkFailure,
  LostReason,
  MachineOptions,
  ReceivedFrame,
  SessionEffect,
  SessionInput,
  SessionRequest,
} from "./session-types.ts";
import { watchEventKind } from "./watch-event.ts";
import { WatchKeeper } from "./watch-keeper.ts";

/** One client's session with an ensemble, from first attempt to close. `R`: the shell's requests. */
export class SessionMachine<R extends SessionRequest> {
  readonly #askedTimeoutMs: number;
  readonly #canBeReadOnly: boolean;
  #answersProve: boolean;
  readonly #rotation: HostRotation;
  #link: Link = idle;
  #session: BelievedSession | undefined;
  #state: ClientState = "connecting";
  #life: "running" | "closing" | "over" = "running";

  #now = 0;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #closeDueMs = 0;
  #deadlineOfLostMs = 0;
  /** Sessions lost so far. */
  #generation = 0;
  /** Connections so far: their names. */
  #connections = 0;

  readonly #queue = new Set<R>();
  readonly #out = new SessionOutput<R>();
  readonly #authentication: Authentication<R>;
  readonly #seen = new SeenZxid();
  readonly #watches = new WatchKeeper<R>(this.#out, this.#seen);

  constructor(options: MachineOptions) {
    this.#rotation = new HostRotation(options.hosts, options.hostOrder ?? "shuffled");
    this.#askedTimeoutMs = options.sessionTimeoutMs;
    this.#answersProve = options.answersProve;
    this.#canBeReadOnly = options.canBeReadOnly ?? false;
    this.#authentication = new Authentication(this.#out, options.sasl);
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
    return this.#seen.last;
  }

  /** The server that the session is connected to; `undefined` while there is no connection. */
  get host(): Address | undefined {
    return this.#link.phase === "established" ? this.#link.host : undefined;
  }

  /** The hosts it knows, in the order in which they are tried. */
  get hosts(): readonly Address[] {
    return this.#rotation.hosts;
  }

  /** Watchers waiting. */
  get watchers(): number {
    return this.#watches.size;
  }

  /** Requests waiting, for a connection or for an answer. */
  get waiting(): number {
    return this.#queue.size + this.#out.outstanding.requests;
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
  get diagnosis(): readonly HostDiagnosis[] {
    return this.#rotation.diagnosis(this.#link);
  }

  /** Takes one input at time `nowMs` (elapsed). The effects are to be carried out in order, before the next input's. */
  step(nowMs: number, input: SessionInput<R>): SessionEffect<R>[] {
    this.#now = Math.max(nowMs, this.#now);
    this.#out.begin(this.#now);
    // What arrives may prove that the session lives on, so there the deadline is looked at afterwards.
    if (input.type !== "received") this.#checkDeadline();
    this.#dispatch(input);
    if (input.type === "received") this.#checkDeadline();
    this.#wakeAtMs = this.#nextWake();
    this.#check();
    return this.#out.end();
  }

  #dispatch(input: SessionInput<R>): void {
    switch (input.type) {
      case "attempt":
        if (this.#link.phase === "idle" && this.#life !== "over") this.#dial(this.#rotation.next());
        return;
      case "opened":
        return this.#onOpened(input);
      case "received":
        return this.#onReceived(input.connection, input.frames);
      case "broken":
        if (isCurrent(this.#link, input.connection)) this.#onBroken(input.failure);
        return;
      case "request":
        return this.#onRequest(input.request);
      case "abandon":
        input.request.abandoned = true;
        this.#queue.delete(input.request);
        return;
      case "addAuth":
        return this.#authentication.add(input.auth, this.#maySend);
      case "forgetAuth":
        return this.#authentication.remove(input.auth);
      case "trustAnswers":
        this.#answersProve = true;
        return this.#session?.trustAnswers();
      case "readWriteAt":
        this.#rotation.prefer(input.host);
        if (this.#session?.readOnly && this.#life === "running") this.#becomeLost("readOnly");
        return;
      case "hosts":
        return this.#rotation.replace(input.hosts);
      case "diagnosed":
        return this.#rotation.diagnosed(input.host, input.reason);
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

  #dial(host: Address): void {
    const connection = ++this.#connections;
    this.#link = { phase: "dialing", connection, host, sinceMs: this.#now, dueMs: this.#attemptDueMs() };
    this.#out.effect({ type: "dial", connection, host });
  }

  #attemptDueMs(): number {
    const longestMs = attemptMs(this.#askedTimeoutMs, this.#rotation.hosts.length);
    return this.#now + patienceMs(longestMs, this.#session, this.#now);
  }

  /**
   * Handshake, credentials and watches leave together: by the time anything else can be asked, all is as it was. Where
   * the server first wants to know who we are, they wait for that.
   */
  #onOpened({ connection, isOneOfSeveral }: Extract<SessionInput<R>, { type: "opened" }>): void {
    if (this.#link.phase !== "dialing" || this.#link.connection !== connection) return;
    const times = { sinceMs: this.#now, dueMs: this.#attemptDueMs() };
    this.#link = { ...this.#link, ...times, phase: "handshaking", isOneOfSeveral };
    this.#out.opened(connection);
    this.#out.send({
      type: "connect",
      request: {
        protocolVersion: 0,
        lastZxidSeen: this.#seen.last,
        timeOut: this.#askedTimeoutMs,
        sessionId: this.#session?.id ?? 0n,
        passwd: this.#session?.password ?? noPassword,
        readOnly: this.#canBeReadOnly,
      },
    });
    if (!this.#authentication.needsSasl) this.#resume();
  }

  #resume(): void {
    this.#authentication.presentAll();
    this.#watches.rearm();
  }

  /** Whether requests may be sent, behind a handshake or before it is answered. */
  get #maySend(): boolean {
    const { phase } = this.#link;
    return phase === "established" || (phase === "handshaking" && !this.#authentication.needsSasl);
  }

  #onHandshake(response: ConnectResponse): void {
    const link = this.#link;
    assert(link.phase === "handshaking", "a handshake is answered once");
    const { timeOut, sessionId } = response;
    if (timeOut <= 0 || sessionId === 0n || (this.#session !== undefined && this.#session.id !== sessionId)) {
      if (this.#session === undefined) return this.#breakLink({ kind: "noSession" });
      // This server answers, so it is the one to ask for a new session, within the same attempt.
      this.#dropLink({ kind: "noSession" });
      this.#becomeLost("expired");
      if (this.#life === "running") this.#dial(link.host);
      return;
    }
    this.#session = new BelievedSession(response, link.sinceMs, this.#answersProve);
    if (!this.#authentication.needsSasl) return this.#onEstablished(link);
    this.#link = { ...link, phase: "authenticating", sinceMs: this.#now, dueMs: this.#attemptDueMs() };
    this.#authentication.startSasl();
  }

  #onSaslReply(err: number, body: Reader): void {
    const link = this.#link;
    assert(link.phase === "authenticating", "authentication is asked for once");
    const verdict = this.#authentication.onSaslReply(err, body);
    if (verdict === "going on") return;
    if (verdict !== "done")
      return this.#onBroken({ kind: "notAuthenticated", error: verdict, isRefusal: err === ErrorCode.AuthFailed });
    this.#resume();
    this.#onEstablished(link);
  }

  #onEstablished({ connection, host }: Exclude<Link, { phase: "idle" }>): void {
    this.#link = { phase: "established", connection, host, sinceMs: this.#now };
    this.#rotation.succeeded();
    this.#out.effect({ type: "attemptSucceeded" });
    if (this.#life === "closing") return this.#sendClose();
    this.#become("connected");
    for (const request of this.#queue) this.#sendRequest(request);
    this.#queue.clear();
  }

  // Losing it

  #onBroken(failure: LinkFailure): void {
    const wasEstablished = this.#link.phase === "established";
    // The session of a read-only server lasts as long as the connection to it.
    if (wasEstablished && this.#session?.readOnly && this.#life === "running") return this.#becomeLost("readOnly");
    const refused = this.#link.phase === "handshaking" && failure.kind === "closed";
    this.#breakLink(refused ? { ...failure, kind: "refused" } : failure);
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
    const { host, phase, sinceMs } = link;
    if (phase === "established") this.#out.effect({ type: "connect", livedMs: this.#now - sinceMs, host, failure });
    else this.#out.effect({ type: "attemptFailed", host, failure });
  }

  /** Ends the connection and whatever waits on it. */
  #dropLink(failure: LinkFailure): void {
    const link = this.#link;
    if (link.phase === "idle") return;
    this.#link = idle;
    this.#out.effect({ type: "drop", connection: link.connection });
    this.#rotation.failed(link, failure);
    this.#watches.onDropped();
    for (const what of this.#out.closed()) {
      if (typeof what === "string") continue;
      const reason = { kind: "connectionLoss", host: link.host, failure } as const;
      this.#out.effect({ type: "fail", request: what, failure: reason });
    }
  }

  #onRefused(): void {
    const { refusals } = this.#rotation;
    const situation = { seenAny: this.#seen.last > 0, hasSession: this.#session !== undefined };
    const { warnings, startOver } = adviceOn(refusals, situation);
    const fields = { attempts: refusals.inRow, lastZxid: this.#seen.last };
    for (const warning of warnings) this.#out.log("warn", warning, fields);
    if (startOver) this.#seen.forget();
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
    this.#seen.sessionOver();
    if (this.#life === "closing") return this.#finish();
    this.#become("lost", { sessionId: id, reason });
    this.#failWaiting("sessionExpired");
    this.#become("connecting");
  }

  /** Tells everybody who waits, whether for a connection or for an event, that it was in vain. */
  #failWaiting(kind: "sessionExpired" | "closed"): void {
    for (const request of this.#queue) this.#out.effect({ type: "fail", request, failure: { kind } });
    this.#queue.clear();
    this.#watches.callAll(kind === "closed" ? "closed" : "lost");
  }

  // Requests and answers

  #onRequest(request: R): void {
    const { waiting, watchers } = this;
    const isRunning = this.#life === "running";
    const failure = whyNot(request, { isRunning, generation: this.#generation, waiting, watchers });
    if (failure !== undefined) this.#out.effect({ type: "fail", request, failure });
    else if (this.#link.phase === "established") this.#sendRequest(request);
    else this.#queue.add(request);
  }

  #sendRequest(request: R): void {
    this.#watches.onSent(request);
    this.#out.request(request, (xid) => ({ type: "request", xid, request }));
  }

  #onReceived(connection: number, frames: readonly ReceivedFrame[]): void {
    if (!isCurrent(this.#link, connection)) return;
    this.#out.heartbeat.heard(this.#now);
    for (const frame of frames) {
      // One frame may end the connection; the rest then no longer counts.
      if (!isCurrent(this.#link, connection)) return;
      if (frame.type === "handshake") this.#onHandshake(frame.response);
      else if (frame.type === "reply") this.#onReply(frame);
      else {
        const event = watchEventKind(frame.event.type);
        if (event !== undefined) this.#watches.onEvent(event, frame.event.path);
      }
    }
  }

  #onReply(reply: Extract<ReceivedFrame, { type: "reply" }>): void {
    const { header } = reply;
    const to = this.#out.outstanding.answered(header.xid);
    if (to.type === "unexpected") return this.#onBroken({ kind: "malformed", error: new Error(to.problem) });
    this.#seen.replied(header.zxid);
    this.#session?.answered(to.sentMs, this.#now);
    if (to.type === "ping") return;
    if (to.type === "auth") {
      if (!this.#authentication.onAuthReply(to.auth, header.err)) this.#onBroken({ kind: "closed" });
      return;
    }
    if (to.what === "sasl") return this.#onSaslReply(header.err, reply.body);
    if (to.what === "close") return this.#finish();
    if (to.what === "rearm") return this.#watches.onRearmed(header.err);
    // Whatever it says: the watch is not there any more.
    if (to.what === "unwatch") return;
    const request = to.what;
    this.#watches.onAnswered(request, header.err, reply.tooLong === undefined);
    if (!request.abandoned) this.#out.answer(request, reply);
    if (header.err === ErrorCode.SessionExpired) this.#becomeLost("expired");
    else if (header.err === ErrorCode.SessionMoved) this.#onBroken({ kind: "closed" });
  }

  // Time

  #nextWake(): number {
    if (this.#life === "over") return Number.POSITIVE_INFINITY;
    let at = this.#session?.deadlineMs ?? Number.POSITIVE_INFINITY;
    if (this.#life === "closing") at = Math.min(at, this.#closeDueMs);
    if (isAttempt(this.#link)) at = Math.min(at, this.#link.dueMs);
    if (this.#link.phase === "established" && this.#session !== undefined)
      at = Math.min(at, this.#out.heartbeat.nextMs(this.#session));
    return at;
  }

  #onTimer(): void {
    // Timers run before sockets are read. A late timer means that we stood still and could not have heard the server,
    // so that time does not count as its silence. The deadline has no such mercy.
    const lateMs = this.#now - this.#wakeAtMs;
    const link = this.#link;
    if (Number.isFinite(lateMs) && lateMs > limits.lateTimerMs) {
      this.#out.heartbeat.excuse(lateMs, this.#now);
      if (isAttempt(link)) link.dueMs += lateMs;
    }
    if (this.#life === "closing" && this.#now >= this.#closeDueMs) return this.#finish();
    if (isAttempt(link) && this.#now >= link.dueMs) {
      const stage = link.phase === "dialing" ? "dial" : "handshake";
      this.#onBroken({ kind: "timeout", stage, waitedMs: Math.round(this.#now - link.sinceMs) });
    } else if (link.phase === "established" && this.#session !== undefined) {
      const due = this.#out.heartbeat.due(this.#session, this.#now);
      if (due === "give up") {
        this.#onBroken({ kind: "silent", waitedMs: Math.round(this.#out.heartbeat.silentMs(this.#now)) });
      } else if (due === "ping") {
        this.#out.ping();
      }
    }
  }

  // The end

  #onClose(): void {
    if (this.#life !== "running") return;
    this.#life = "closing";
    // In a session that nobody was let in to there is nothing that should go soon.
    const holdsNothing = this.#session === undefined || this.#state === "connecting";
    this.#become("closed");
    this.#failWaiting("closed");
    if (holdsNothing) return this.#finish();
    this.#closeDueMs = this.#now + limits.closeUnconnectedMs;
    if (this.#link.phase === "established") this.#sendClose();
  }

  #sendClose(): void {
    this.#closeDueMs = this.#now + limits.closeMs;
    this.#out.request("close", (xid) => ({ type: "closeSession", xid }));
  }

  #finish(): void {
    if (this.#life === "over") return;
    this.#life = "over";
    this.#breakLink({ kind: "given up" });
    this.#deadlineOfLostMs = Math.min(this.deadlineMs, this.#now);
    this.#session = undefined;
    // Reads that were answered since close() was called may have registered more.
    this.#watches.callAll("closed");
    this.#out.effect({ type: "closed" });
  }

  // Small things

  #become(state: ClientState, of: { readonly sessionId?: bigint; readonly reason?: LostReason } = {}): void {
    if (state === this.#state) return;
    this.#state = state;
    const { sessionId = this.sessionId, reason } = of;
    const readOnly = state === "connected" && this.#session?.readOnly;
    const event = { type: "state", state, sessionId, deadlineMs: this.deadlineMs } as const;
    this.#out.effect({ ...event, ...(reason && { reason }), ...(readOnly && { readOnly }) });
  }

  /** What holds after every step. */
  #check(): void {
    if (this.#link.phase === "established") {
      assert(this.#session !== undefined, "an established connection has a session");
      assert(this.#queue.size === 0, "nothing waits for a connection that is there");
    } else {
      assert(this.#state !== "connected", "without a connection the state is not connected");
    }
    if (this.#session === undefined) {
      assert(this.#state !== "suspended" && this.#state !== "connected", "those states mean a session");
      assert(this.#watches.size === 0, "watches belong to a session");
    }
  }
}
