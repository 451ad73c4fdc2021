/** Drives a session machine by hand and writes down what goes in and what comes out, for text snapshots. */
import { formatAddress } from "@corral/io";
import { Reader, Writer } from "@corral/protocol";
import { SessionMachine } from "../src/session-machine.ts";
import type {
  LinkFailure,
  MachineOptions,
  Packet,
  ReceivedFrame,
  RequestFailure,
  SessionAuth,
  SessionEffect,
  SessionInput,
  SessionRequest,
  WatchIntent,
} from "../src/session-types.ts";

/** A request with a name that a reader of the trace recognises. */
export interface TracedRequest extends SessionRequest {
  readonly label: string;
}

export class Trace {
  readonly machine: SessionMachine<TracedRequest>;
  readonly lines: string[] = [];
  nowMs = 0;
  connection = 0;
  /** Sessions that were lost in the effects so far: what a caller knows. */
  generation = 0;
  #xids: number[] = [];

  constructor(options: Partial<Omit<MachineOptions, "hosts">> & { readonly hosts?: readonly string[] } = {}) {
    const hosts = (options.hosts ?? ["one"]).map((host) => ({ host, port: 2181 }));
    const { sessionTimeoutMs = 9_000, hosts: _, ...others } = options;
    this.machine = new SessionMachine({ hosts, sessionTimeoutMs, answersProve: true, ...others });
  }

  toString(): string {
    return `${this.lines.join("\n")}\n`;
  }

  /** A line of prose in the trace. */
  note(text: string): this {
    this.lines.push(`# ${text}`);
    return this;
  }

  at(nowMs: number): this {
    this.nowMs = nowMs;
    return this;
  }

  step(label: string, input: SessionInput<TracedRequest>): this {
    this.lines.push(`${String(this.nowMs).padStart(6)}  ${label}`);
    for (const effect of this.machine.step(this.nowMs, input)) this.#record(effect);
    return this;
  }

  /** Lets the machine's own timer run, when it is due or at `nowMs` if given. */
  timer(nowMs = this.machine.wakeAtMs ?? this.nowMs): this {
    return this.at(nowMs).step("timer", { type: "timer" });
  }

  attempt(): this {
    return this.step("attempt", { type: "attempt" });
  }

  opened(): this {
    return this.step("opened", { type: "opened", connection: this.connection });
  }

  broken(failure: LinkFailure = { kind: "closed" }): this {
    return this.step(`broken: ${failure.kind}`, { type: "broken", connection: this.connection, failure });
  }

  handshake(response: { readonly sessionId: bigint; readonly timeOut?: number }): this {
    const { sessionId, timeOut = 9_000 } = response;
    return this.received(`handshake: session ${sessionId}, ${timeOut} ms`, {
      type: "handshake",
      response: { protocolVersion: 0, timeOut, sessionId, passwd: new Uint8Array(16).fill(1), readOnly: false },
    });
  }

  /** Gets from nothing to a session. */
  connected(sessionId = 1n): this {
    return this.attempt().opened().handshake({ sessionId });
  }

  received(label: string, ...frames: ReceivedFrame[]): this {
    return this.step(label, { type: "received", connection: this.connection, frames });
  }

  request(label: string, options: { readonly path?: string; readonly watch?: WatchIntent } = {}): TracedRequest {
    const request: TracedRequest = {
      label,
      operation: "getData",
      path: options.path ?? "/a",
      watch: options.watch,
      generation: this.generation,
      abandoned: false,
    };
    this.step(`request ${label}`, { type: "request", request });
    return request;
  }

  abandon(request: TracedRequest): this {
    return this.step(`abandon ${request.label}`, { type: "abandon", request });
  }

  addAuth(auth: SessionAuth): this {
    return this.step(`addAuth ${auth.scheme}`, { type: "addAuth", auth });
  }

  /** The answer to the oldest request sent and not answered. */
  reply(options: { readonly xid?: number; readonly zxid?: number; readonly err?: number } = {}): this {
    const { xid = this.#xids.shift() ?? 0, zxid = 0, err = 0 } = options;
    return this.received(`reply to ${xid}: zxid ${zxid}, err ${err}`, replyFrame(xid, zxid, err));
  }

  event(type: number, path: string): this {
    return this.received(`event ${type} ${path}`, eventFrame(type, path));
  }

  #record(effect: SessionEffect<TracedRequest>): void {
    if (effect.type === "dial") this.connection = effect.connection;
    if (effect.type === "state" && effect.state === "lost") this.generation++;
    if (effect.type === "drop") this.#xids = [];
    if (effect.type === "send" && "xid" in effect.packet) this.#xids.push(effect.packet.xid);
    this.lines.push(`          ${formatEffect(effect)}`);
  }
}

export function replyFrame(xid: number, zxid: number, err = 0): ReceivedFrame {
  return { type: "reply", header: { xid, zxid, err }, body: new Reader(new Writer().take()) };
}

export function eventFrame(type: number, path: string): ReceivedFrame {
  return { type: "event", event: { type, state: 3, path } };
}

function formatEffect(effect: SessionEffect<TracedRequest>): string {
  switch (effect.type) {
    case "connect":
      return `connect (the last connection lived ${effect.livedMs} ms)`;
    case "attemptSucceeded":
      return "attempt succeeded";
    case "attemptFailed":
      return `attempt failed at ${formatAddress(effect.host)}: ${effect.failure.kind}`;
    case "dial":
      return `dial ${formatAddress(effect.host)} as connection ${effect.connection}`;
    case "send":
      return `send ${formatPacket(effect.packet)}`;
    case "drop":
      return `drop connection ${effect.connection}`;
    case "answer":
      return `answer ${effect.request.label}: err ${effect.err}`;
    case "fail":
      return `fail ${effect.request.label}: ${formatFailure(effect.failure)}`;
    case "authAnswered":
      return `auth ${effect.auth.scheme} answered: err ${effect.err}`;
    case "event":
      return `call ${effect.watchers.map((watcher) => watcher.name).join(", ")}: ${effect.event} ${effect.path}`;
    case "state":
      return `state ${effect.state}: session ${effect.sessionId}, deadline ${effect.deadlineMs}${effect.reason === undefined ? "" : `, ${effect.reason}`}${effect.readOnly ? ", read-only" : ""}`;
    case "log":
      return `log ${effect.level}: ${effect.message} ${JSON.stringify(effect.fields)}`;
    case "closed":
      return "closed";
  }
}

function formatFailure(failure: RequestFailure): string {
  return failure.kind === "connectionLoss" ? `connection loss (${failure.failure.kind})` : failure.kind;
}

function formatPacket(packet: Packet<TracedRequest>): string {
  switch (packet.type) {
    case "connect":
      return `connect: session ${packet.request.sessionId}, zxid ${packet.request.lastZxidSeen}`;
    case "auth":
      return `auth ${packet.auth.scheme}`;
    case "setWatches": {
      const { relativeZxid, dataWatches, existWatches, childWatches, persistentRecursiveWatches } = packet.watches;
      const recursive = persistentRecursiveWatches.length === 0 ? "" : ` recursive [${persistentRecursiveWatches}]`;
      const lists = `data [${dataWatches}] exist [${existWatches}] child [${childWatches}]${recursive}`;
      return `setWatches ${packet.xid}: from zxid ${relativeZxid}, ${lists}`;
    }
    case "request":
      return `request ${packet.xid}: ${packet.request.label}`;
    case "sasl":
      return `sasl ${packet.xid}: ${packet.token.length} bytes`;
    case "removeWatches":
      return `removeWatches ${packet.xid}: ${packet.watch.path}, type ${packet.watch.type}`;
    case "closeSession":
      return `closeSession ${packet.xid}`;
    case "ping":
      return "ping";
  }
}
