/**
 * Runs the session machine: turns streams and timers into its inputs and carries out its effects. One queue of effects
 * keeps the order, also when a watcher or a listener calls back into the client while effects are being carried out.
 */
import {
  type Address,
  type Clock,
  type Diagnostics,
  type Dialer,
  Fifo,
  formatAddress,
  type Logger,
  type Random,
  type TimerHandle,
} from "@corral/io";
import { assertNever, type ClientOperation, type Reader } from "@corral/protocol";
import { Connection, type EncodedRequest } from "./connection.ts";
import type { HostDiagnosis } from "./errors.ts";
import { describeFailure } from "./host-rotation.ts";
import type { HostSource } from "./host-source.ts";
import { limits } from "./limits.ts";
import { Meter } from "./meter.ts";
import { onAbort } from "./on-abort.ts";
import { findReadWriteServer } from "./read-write-search.ts";
import { Reconnector } from "./reconnector.ts";
import { RefusalInquiry } from "./refusal-inquiry.ts";
import { RequestLog } from "./request-log.ts";
import { callSafely } from "./safe-call.ts";
import { SessionMachine } from "./session-machine.ts";
import type {
  LinkFailure,
  MachineOptions,
  ReceivedFrame,
  RequestFailure,
  SessionAuth,
  SessionEffect,
  SessionInput,
  WatchIntent,
} from "./session-types.ts";
import type { StateEvent } from "./state-emitter.ts";
import { type ConnectionTrace, Tracing } from "./tracing.ts";
import type { Watcher } from "./watch-event.ts";

/** What a request came to. Errors are made from it by whoever asked, where the caller's stack still is. */
export type Outcome =
  | { readonly type: "answer"; readonly err: number; readonly body: Reader }
  | { readonly type: "failure"; readonly failure: RequestFailure }
  | { readonly type: "aborted"; readonly reason: unknown };

/** A request to be sent. */
export interface Call {
  readonly operation: ClientOperation;
  /** The server's name of the node. */
  readonly path: string;
  readonly frame: Buffer;
  readonly watch: WatchIntent | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What a session needs. */
export interface SessionOptions {
  readonly hosts: HostSource;
  /** What the machine is to know. */
  readonly machine: Omit<MachineOptions, "hosts">;
  readonly responseBytesMax: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly dialer: Dialer;
  readonly logger: Logger;
  readonly diagnostics: Diagnostics;
  onState(event: StateEvent): void;
}

interface PendingRequest extends EncodedRequest {
  settle(outcome: Outcome): void;
}

/** A connection, or the dial that may become one. */
interface Link {
  readonly id: number;
  readonly dial: AbortController;
  connection: Connection | undefined;
}

/** One client's session, or one after the other, on real streams and timers. */
export class Session {
  readonly #options: SessionOptions;
  readonly #machine: SessionMachine<PendingRequest>;
  readonly #reconnector: Reconnector;
  readonly #inquiry: RefusalInquiry;
  readonly #tracing: Tracing;
  readonly #log: RequestLog;
  readonly meter = new Meter();
  #link: Link | undefined;
  readonly #effects = new Fifo<SessionEffect<PendingRequest>>();
  #performing = false;
  #timer: { readonly handle: TimerHandle; readonly atMs: number } | undefined;
  readonly #authWaiters = new Map<SessionAuth, (err: number | undefined) => void>();
  #closed: { readonly promise: Promise<void>; resolve(): void } | undefined;
  #over = false;
  /** Aborted with the session's end. */
  readonly #stop = new AbortController();
  /** Aborted when there is nothing more to search for. */
  #search = new AbortController();
  /** Bytes of the requests that await their outcome. */
  #waitingBytes = 0;
  #lostTold = 0;
  #onFailed = () => {};

  constructor(options: SessionOptions) {
    this.#options = options;
    const { hosts, machine, clock, random } = options;
    this.#machine = new SessionMachine<PendingRequest>({ ...machine, hosts: hosts.initial });
    this.#inquiry = new RefusalInquiry(options);
    this.#tracing = new Tracing(options.diagnostics);
    this.#log = new RequestLog(clock, this.meter, this.#tracing);
    this.#reconnector = new Reconnector({
      clock,
      random,
      hostCount: () => Math.max(1, this.#machine.hosts.length),
      backoffMsMax: Math.max(limits.backoffMs, Math.min(limits.backoffMsMax, machine.sessionTimeoutMs / 6)),
      attempt: () => this.#attempt().catch((err: unknown) => this.#onUnforeseen(err)),
      onError: (err) => this.#onUnforeseen(err),
    });
  }

  get sessionId(): bigint {
    return this.#machine.sessionId;
  }

  get sessionPassword(): Uint8Array {
    return this.#machine.sessionPassword;
  }

  get sessionTimeoutMs(): number {
    return this.#machine.sessionTimeoutMs;
  }

  /** Longest answer that is taken, bytes. */
  get responseBytesMax(): number {
    return this.#options.responseBytesMax;
  }

  get deadlineMs(): number {
    return this.#machine.deadlineMs;
  }

  get lastZxid(): number {
    return this.#machine.lastZxid;
  }

  /** The server that answers at the moment. */
  get host(): Address | undefined {
    return this.#machine.host;
  }

  /** How many sessions the program has been told are lost. */
  get generation(): number {
    return this.#lostTold;
  }

  /** What happened last at each host. */
  get diagnosis(): readonly HostDiagnosis[] {
    const { problem } = this.#options.hosts;
    return problem === undefined ? this.#machine.diagnosis : [...this.#machine.diagnosis, problem];
  }

  /** Watchers waiting. */
  get watchers(): number {
    return this.#machine.watchers;
  }

  /** Requests that wait for a connection or an answer, and their bytes. */
  get waiting(): { readonly requests: number; readonly bytes: number } {
    return { requests: this.#machine.waiting, bytes: this.#waitingBytes };
  }

  /** Bytes of all connections. */
  get bytes(): { readonly sent: number; readonly received: number } {
    const { sent = 0, received = 0 } = this.#link?.connection?.bytes ?? {};
    return { sent: this.meter.bytesSent + sent, received: this.meter.bytesReceived + received };
  }

  /** Begins to connect. Once. `onFailed` is told of each attempt that failed. */
  start(onFailed: () => void): void {
    this.#onFailed = onFailed;
    this.#reconnector.start();
  }

  /** It has turned out whose servers these are: every answer moves the deadline. */
  trustAnswers(): void {
    this.#step({ type: "trustAnswers" });
  }

  /** Sends a request, as soon as there is a connection. Never rejects. */
  call({ operation, path, frame, watch, signal }: Call): Promise<Outcome> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve({ type: "aborted", reason: signal.reason });
      const bytes = frame.length;
      if (this.#waitingBytes + bytes > limits.requestsBytes) {
        const what = `requests of ${this.#waitingBytes} bytes are waiting already`;
        return resolve({ type: "failure", failure: { kind: "tooMany", what } });
      }
      this.#waitingBytes += bytes;
      const ended = this.#log.begin(operation, path, this.sessionId);
      let settled = false;
      const settle = (outcome: Outcome) => {
        // A request that was given up may yet be told that its connection broke.
        if (settled) return;
        settled = true;
        this.#waitingBytes -= bytes;
        ignore();
        ended(outcome);
        resolve(outcome);
      };
      const request: PendingRequest = {
        operation,
        path,
        frame,
        watch,
        generation: this.#lostTold,
        abandoned: false,
        settle,
      };
      const ignore = onAbort(signal, () => {
        this.#step({ type: "abandon", request });
        settle({ type: "aborted", reason: signal?.reason });
      });
      this.#step({ type: "request", request });
    });
  }

  /** Presents credentials, now and on every later connection. Resolves to the server's answer, or `undefined` if there is none. */
  addAuth(auth: SessionAuth, signal: AbortSignal | undefined): Promise<number | undefined> {
    return new Promise((resolve) => {
      if (signal?.aborted || this.#closed !== undefined) return resolve(undefined);
      const ignore = onAbort(signal, () => {
        this.#step({ type: "forgetAuth", auth });
        settle(undefined);
      });
      const settle = (err: number | undefined) => {
        ignore();
        this.#authWaiters.delete(auth);
        resolve(err);
      };
      this.#authWaiters.set(auth, settle);
      this.#step({ type: "addAuth", auth });
    });
  }

  /** Forgets a watcher on `path` (the server's name). */
  unwatch(path: string, watcher: Watcher): void {
    this.#step({ type: "unwatch", path, watcher });
  }

  /** Closes the session, on the server too if that can be done in bounded time. Idempotent. */
  close(): Promise<void> {
    if (this.#closed === undefined) {
      let resolve = () => {};
      const promise = new Promise<void>((done) => {
        resolve = done;
      });
      this.#closed = { promise, resolve };
      this.#step({ type: "close" });
    }
    return this.#closed.promise;
  }

  /** The same, for the last turn of a process: whatever can still be sent is. */
  closeNow(): void {
    void this.close();
    this.#link?.connection?.flushNow();
  }

  #onUnforeseen(err: unknown): void {
    this.#options.logger.error({ err }, "connecting failed in an unforeseen way; the client closes");
    void this.close();
  }

  /**
   * One attempt to connect. Whom to was found out a while ago: it is asked again, for the attempts to come. It is not known
   * at all: only then is the answer waited for, as a name server may take longer than a session lives.
   */
  async #attempt(): Promise<void> {
    const { hosts } = this.#options;
    const finding = hosts.isStale ? this.#findHosts() : undefined;
    if (this.#machine.hosts.length === 0) await finding;
    if (this.#machine.hosts.length > 0) this.#step({ type: "attempt" });
    else this.#reconnector.failed(hosts.problem?.reason ?? "there are no hosts");
  }

  async #findHosts(): Promise<void> {
    const found = await this.#options.hosts.find();
    if (found !== undefined) this.#step({ type: "hosts", hosts: found });
  }

  async #askWhyRefused(host: Address): Promise<void> {
    const reason = await this.#inquiry.ask(host, () => this.lastZxid, this.#stop.signal);
    if (reason === undefined || this.#over) return;
    this.#step({ type: "diagnosed", host, reason });
    this.#options.logger.warn({ host: formatAddress(host), reason }, "a server refuses this client");
  }

  /** The session is with a server that takes no writes: for as long as it is, another is looked for. */
  async #searchReadWrite(sessionId: bigint): Promise<void> {
    const { signal } = this.#search;
    const host = await findReadWriteServer(this.#options, () => this.#machine.hosts, signal);
    if (host !== undefined && this.sessionId === sessionId) this.#step({ type: "readWriteAt", host });
  }

  #step(input: SessionInput<PendingRequest>): void {
    if (this.#over) {
      if (input.type === "request") input.request.settle({ type: "failure", failure: { kind: "closed" } });
      return;
    }
    for (const effect of this.#machine.step(this.#options.clock.elapsedMs(), input)) this.#effects.push(effect);
    this.#armTimer();
    if (this.#performing) return;
    this.#performing = true;
    try {
      for (let effect = this.#effects.shift(); effect !== undefined; effect = this.#effects.shift()) {
        this.#perform(effect);
      }
    } finally {
      this.#performing = false;
    }
  }

  #perform(effect: SessionEffect<PendingRequest>): void {
    const { logger } = this.#options;
    switch (effect.type) {
      case "connect":
        this.#tellConnection("broken", effect.host, describeFailure(effect.failure));
        return this.#reconnector.start(effect.livedMs);
      case "attemptSucceeded":
        this.meter.established++;
        this.#tellConnection("established", this.#machine.host);
        return this.#reconnector.succeeded();
      case "attemptFailed": {
        const reason = describeFailure(effect.failure);
        logger.debug({ host: formatAddress(effect.host), reason }, "could not connect");
        this.meter.failed++;
        this.#tellConnection("failed", effect.host, reason);
        if (effect.failure.kind === "refused") void this.#askWhyRefused(effect.host);
        this.#reconnector.failed(reason);
        return this.#onFailed();
      }
      case "dial":
        return this.#dial(effect.connection, effect.host);
      case "send":
        if (this.#link?.id === effect.connection) this.#link.connection?.send(effect.packet);
        return;
      case "drop":
        return this.#drop(effect.connection);
      case "answer":
        return effect.request.settle(effect);
      case "fail":
        return effect.request.settle({ type: "failure", failure: effect.failure });
      case "authAnswered":
        return this.#onAuthAnswered(effect.auth, effect.err);
      case "event": {
        this.meter.events++;
        const event = { type: effect.event, path: effect.path };
        for (const watcher of effect.watchers) callSafely(watcher, event, logger, `a watcher of ${event.path}`);
        return;
      }
      case "state": {
        const { type: _, ...event } = effect;
        this.#onState(event);
        return this.#options.onState(event);
      }
      case "log":
        return logger[effect.level](effect.fields, effect.message);
      case "closed":
        return this.#onClosed();
      default:
        assertNever(effect);
    }
  }

  #onState(event: StateEvent): void {
    this.#search.abort();
    if (event.state === "lost") {
      this.#lostTold++;
      this.meter.sessionsLost++;
    }
    if (event.readOnly) {
      this.#search = new AbortController();
      void this.#searchReadWrite(event.sessionId);
    }
    if (this.#tracing.state.hasSubscribers) this.#tracing.state.publish(event);
  }

  #tellConnection(type: ConnectionTrace["type"], host: Address | undefined, reason?: string): void {
    if (!this.#tracing.connection.hasSubscribers || host === undefined) return;
    this.#tracing.connection.publish({ type, host: formatAddress(host), ...(reason === undefined ? {} : { reason }) });
  }

  #dial(id: number, host: Address): void {
    this.meter.attempted++;
    this.#tellConnection("dialing", host);
    const link: Link = { id, dial: new AbortController(), connection: undefined };
    this.#link = link;
    const broken = (failure: LinkFailure) => this.#step({ type: "broken", connection: id, failure });
    this.#options.dialer.dial(host, { signal: link.dial.signal }).then(
      (stream) => {
        // Given up while the stream was on its way.
        if (this.#link !== link) return stream.destroy();
        const handler = {
          onFrames: (frames: readonly ReceivedFrame[]) => this.#step({ type: "received", connection: id, frames }),
          onBroken: broken,
          beforeWrite: () => this.#step({ type: "beforeWrite" }),
        };
        link.connection = new Connection(stream, handler, this.#options.responseBytesMax);
        this.#step({ type: "opened", connection: id, isOneOfSeveral: stream.isOneOfSeveral });
      },
      (thrown: unknown) => {
        const error = thrown instanceof Error ? thrown : new Error(String(thrown));
        if (this.#link === link) broken({ kind: "unreachable", error });
      },
    );
  }

  #drop(id: number): void {
    if (this.#link?.id !== id) return;
    const { dial, connection } = this.#link;
    this.#link = undefined;
    dial.abort();
    connection?.destroy();
    this.meter.bytesSent += connection?.bytes.sent ?? 0;
    this.meter.bytesReceived += connection?.bytes.received ?? 0;
  }

  #onAuthAnswered(auth: SessionAuth, err: number): void {
    const waiter = this.#authWaiters.get(auth);
    if (waiter !== undefined) return waiter(err);
    if (err === 0) return;
    const fields = { scheme: auth.scheme, err };
    this.#options.logger.error(fields, "the server no longer accepts credentials it had accepted; they are forgotten");
  }

  #onClosed(): void {
    this.#over = true;
    this.#stop.abort();
    this.#search.abort();
    this.#timer?.handle.cancel();
    this.#timer = undefined;
    this.#reconnector.stop();
    for (const waiter of [...this.#authWaiters.values()]) waiter(undefined);
    this.#closed?.resolve();
  }

  /** One timer. It is moved only when it would come too late; one that comes early does nothing and is set again. */
  #armTimer(): void {
    const atMs = this.#machine.wakeAtMs;
    if (atMs === undefined || this.#over) return;
    if (this.#timer !== undefined) {
      if (this.#timer.atMs <= atMs) return;
      this.#timer.handle.cancel();
    }
    const { clock } = this.#options;
    const handle = clock.setTimer(Math.max(0, atMs - clock.elapsedMs()), () => {
      this.#timer = undefined;
      this.meter.late(clock.elapsedMs() - atMs);
      this.#step({ type: "timer" });
    });
    this.#timer = { handle, atMs };
  }
}
