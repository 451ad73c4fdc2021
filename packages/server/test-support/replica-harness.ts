/** A replica on a virtual clock, driven by hand: what clients send in, what they would receive out. */
import {
  type ClientOperation,
  connectRequestCodec,
  connectResponseCodec,
  FrameDecoder,
  OpCode,
  operations,
  Reader,
  type ReplyHeader,
  type RequestOf,
  type ResponseOf,
  replyHeaderCodec,
  requestHeaderCodec,
  SpecialXid,
  type WatcherEvent,
  Writer,
  watcherEventCodec,
} from "@corral/protocol";
import { behaviourOf, type CompatibleVersion } from "../src/compatibility.ts";
import { defaultLimits, type Limits } from "../src/limits.ts";
import type { AuditRecord } from "../src/replica/audit-record.ts";
import type { Effect, Input } from "../src/replica/effect.ts";
import { Replica } from "../src/replica.ts";
import { StateMachine } from "../src/state/state-machine.ts";

/** What a client received. */
export type Received =
  | { readonly kind: "connected"; readonly sessionId: bigint; readonly timeOut: number; readonly passwd: Buffer }
  | { readonly kind: "reply"; readonly header: ReplyHeader; readonly body: Buffer }
  | { readonly kind: "event"; readonly zxid: number; readonly event: WatcherEvent };

export interface HarnessOptions {
  readonly state?: StateMachine;
  readonly limits?: Partial<Limits>;
  readonly compatibility?: CompatibleVersion;
  readonly reconfigEnabled?: boolean;
  readonly requiredSchemes?: readonly string[];
  readonly isAudited?: boolean;
  readonly lastEpoch?: number;
  readonly entriesPerEpoch?: number;
  /** Default: 2 s. */
  readonly minSessionTimeoutMs?: number;
  readonly sinceSnapshot?: { readonly entries: number; readonly bytes: number };
  /** `manual`: entries become durable only with `durable()`. */
  readonly log?: "immediate" | "manual";
  /** `manual`: what has more to do goes on only with `goOn()`. */
  readonly turns?: "immediate" | "manual";
}

export class ReplicaHarness {
  readonly replica: Replica;
  nowMs = 0;
  /** What the random source has given. */
  readonly drawn: Buffer[] = [];
  readonly logs: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[] = [];
  readonly audited: AuditRecord[] = [];
  readonly clients = new Map<number, TestClient>();
  /** Of the newest entry proposed. */
  pendingZxid = 0;
  #durable: number[] = [];
  #logBytes = 0;
  readonly #immediate: boolean;
  readonly #hasManualTurns: boolean;
  #goOnDue = false;
  #lastConnection = 0;
  /** How often something went on in a turn of its own. */
  wentOn = 0;
  /** The most that was sent in one step, bytes. */
  mostSent = 0;
  /** What was done beyond what the port counts. */
  readonly spent = { requests: 0, bytes: 0 };
  snapshots: { zxid: number; chunks: Iterable<Uint8Array> }[] = [];

  constructor(options: HarnessOptions = {}) {
    this.#immediate = options.log !== "manual";
    this.#hasManualTurns = options.turns === "manual";
    let seed = 1;
    this.replica = new Replica({
      state: options.state ?? new StateMachine(),
      ...(options.sinceSnapshot && { sinceSnapshot: options.sinceSnapshot }),
      lastEpoch: options.lastEpoch ?? 0,
      ...(options.entriesPerEpoch && { entriesPerEpoch: options.entriesPerEpoch }),
      serverId: 1,
      tickMs: 1_000,
      minSessionTimeoutMs: options.minSessionTimeoutMs ?? 2_000,
      maxSessionTimeoutMs: 20_000,
      reaperIntervalMs: 60_000,
      takesSnapshots: true,
      isAudited: options.isAudited ?? false,
      limits: { ...defaultLimits, ...options.limits },
      random: {
        bytes: (length) => {
          const bytes = Buffer.from(
            new Uint8Array(length).map(() => {
              seed = (seed * 75 + 74) % 65_537;
              return seed & 0xff;
            }),
          );
          this.drawn.push(bytes);
          return bytes;
        },
        fraction: () => 0.5,
      },
      behaviour: behaviourOf(options),
      authentication: {
        digestBase64: (text) => `sha1(${text.replace(":", "-")})`,
        superDigest: undefined,
        requiredSchemes: options.requiredSchemes ?? [],
      },
    });
    this.input({ type: "start" });
  }

  input(input: Input): void {
    const effects = this.replica.step(input, { elapsedMs: this.nowMs, wallMs: 1_000_000 + this.nowMs });
    const sent = effects.reduce((sum, effect) => sum + (effect.type === "send" ? effect.bytes.length : 0), 0);
    this.mostSent = Math.max(this.mostSent, sent);
    for (const effect of effects) this.#perform(effect);
    for (let zxid = this.#durable.shift(); zxid !== undefined; zxid = this.#durable.shift()) {
      this.durable(zxid);
    }
    while (!this.#hasManualTurns && this.goOn());
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case "persist":
        this.pendingZxid = effect.records.at(-1)?.zxid ?? this.pendingZxid;
        for (const { bytes } of effect.records) this.#logBytes += bytes.length;
        if (this.#immediate) this.#durable.push(this.pendingZxid);
        return;
      case "persistEpoch":
        return this.input({ type: "epochDurable", epoch: effect.epoch });
      case "goOn":
        this.#goOnDue = true;
        return;
      case "spend":
        this.spent.requests += effect.requests;
        this.spent.bytes += effect.bytes;
        return;
      case "serving":
        return;
      case "send":
        return this.clients.get(effect.connection)?.receive(effect.bytes);
      case "close": {
        const client = this.clients.get(effect.connection);
        if (client !== undefined) Object.assign(client, { closed: true, closedAbruptly: effect.isAbrupt });
        return;
      }
      case "pauseReading": {
        const client = this.clients.get(effect.connection);
        if (client !== undefined) client.paused = effect.paused;
        return;
      }
      case "snapshot":
        this.snapshots.push({ zxid: effect.zxid, chunks: effect.chunks });
        return;
      case "audit":
        this.audited.push(effect.record);
        return;
      case "log":
        this.logs.push(effect);
    }
  }

  /** Everything proposed so far, or up to `zxid`, is on the disk now. */
  durable(zxid = this.pendingZxid): void {
    this.input({ type: "durable", zxid, logBytes: this.#logBytes });
  }

  /** The next turn comes. Returns whether anything had more to do. */
  goOn(): boolean {
    if (!this.#goOnDue) return false;
    this.#goOnDue = false;
    this.wentOn++;
    this.input({ type: "goOn" });
    return true;
  }

  /** Lets time pass, with a tick every second. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 1_000) {
      this.nowMs += Math.min(left, 1_000);
      this.input({ type: "tick" });
    }
  }

  /** A connection that has said nothing yet. */
  dial({ isSecure = false, host = "127.0.0.1" } = {}): TestClient {
    const id = ++this.#lastConnection;
    const client = new TestClient(this, id);
    this.clients.set(id, client);
    this.input({ type: "connected", connection: id, remote: { host, port: 40_000 + id }, isSecure });
    return client;
  }

  /** A client in a session of its own. */
  connect(timeoutMs = 10_000): TestClient {
    const client = this.dial();
    client.handshake({ timeoutMs });
    return client;
  }
}

export class TestClient {
  closed = false;
  closedAbruptly = false;
  paused = false;
  /** Whether it takes its answers; what it has not taken is what the server still has of it. */
  takes = true;
  untakenBytes = 0;
  sessionId = 0n;
  passwd = Buffer.alloc(16);
  readonly received: Received[] = [];
  readonly #decoder = new FrameDecoder({ maxFrameBytes: 1 << 30 });
  #connected = false;
  #xid = 0;
  readonly harness: ReplicaHarness;
  readonly id: number;

  constructor(harness: ReplicaHarness, id: number) {
    this.harness = harness;
    this.id = id;
  }

  handshake(o: { timeoutMs?: number; sessionId?: bigint; passwd?: Uint8Array; lastZxidSeen?: number } = {}): void {
    const w = new Writer();
    connectRequestCodec.write(w, {
      protocolVersion: 0,
      lastZxidSeen: o.lastZxidSeen ?? 0,
      timeOut: o.timeoutMs ?? 10_000,
      sessionId: o.sessionId ?? 0n,
      passwd: o.passwd ?? Buffer.alloc(16),
      readOnly: false,
    });
    this.frames(w.take());
  }

  frames(...frames: Buffer[]): void {
    this.harness.input({ type: "frames", connection: this.id, frames, unsentBytes: this.untakenBytes });
  }

  /** Takes all answers that were left until now. */
  drain(): void {
    this.untakenBytes = 0;
    this.harness.input({ type: "drained", connection: this.id });
  }

  /** Encodes a request; sends nothing. */
  encode<O extends ClientOperation>(operation: O, request: RequestOf<O>, xid = ++this.#xid): Buffer {
    const w = new Writer();
    requestHeaderCodec.write(w, { xid, type: OpCode[operation] });
    (operations[operation].request.write as (w: Writer, v: RequestOf<O>) => void)(w, request);
    return w.take();
  }

  send<O extends ClientOperation>(operation: O, request: RequestOf<O>, xid?: number): void {
    this.frames(this.encode(operation, request, xid));
  }

  /** Sends a request and decodes the reply that came at once: its body, or the error's code. */
  call<O extends ClientOperation>(operation: O, request: RequestOf<O>): ResponseOf<O> | number {
    this.send(operation, request);
    const last = this.received.findLast((r) => r.kind === "reply");
    if (last?.kind !== "reply" || last.header.xid !== this.#xid) throw new Error("no reply yet");
    if (last.header.err !== 0) return last.header.err;
    return operations[operation].response.read(new Reader(last.body)) as ResponseOf<O>;
  }

  receive(bytes: Buffer): void {
    if (!this.takes) this.untakenBytes += bytes.length;
    this.#decoder.push(bytes);
    for (let frame = this.#decoder.next(); frame !== undefined; frame = this.#decoder.next()) this.#onFrame(frame);
  }

  #onFrame(frame: Buffer): void {
    const reader = new Reader(frame);
    if (!this.#connected) {
      this.#connected = true;
      const { sessionId, timeOut, passwd } = connectResponseCodec.read(reader);
      this.sessionId = sessionId;
      this.passwd = Buffer.from(passwd ?? []);
      this.received.push({ kind: "connected", sessionId, timeOut, passwd: this.passwd });
      return;
    }
    const header = replyHeaderCodec.read(reader);
    if (header.xid === SpecialXid.notification) {
      this.received.push({ kind: "event", zxid: header.zxid, event: watcherEventCodec.read(reader) });
    } else {
      this.received.push({ kind: "reply", header, body: Buffer.from(reader.rest()) });
    }
  }

  /** The events received, as `type path`. */
  get events(): string[] {
    return this.received.flatMap((r) => (r.kind === "event" ? [`${r.event.type} ${r.event.path}`] : []));
  }
}
