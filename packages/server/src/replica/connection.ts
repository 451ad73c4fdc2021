/**
 * What the replica knows of one connection: where it stands in its life, who it is, the requests that wait for their
 * turn, and the output gathered for it in this step.
 */
import { type Address, Fifo } from "@corral/io";
import { type ErrorCode, type Id, Writer } from "@corral/protocol";
import type { Outcome } from "../state/operation.ts";
import type { Watcher } from "../watch/watch-table.ts";
import { ConnectionStats } from "./connection-stats.ts";
import type { ConnectionId } from "./effect.ts";
import type { Load } from "./load.ts";
import type { SaslExchange } from "./sasl.ts";
import type { ClockedSession } from "./session-clock.ts";

/** A request that waits: for its own entry to be applied, or for what stands before it. */
export type QueuedRequest =
  | QueuedWrite
  | QueuedVerdict
  /** `afterZxid`: what was proposed until it came must have been applied; 0 for all but sync. */
  | { readonly kind: "frame"; readonly frame: Buffer; readonly arrivedMs: number; readonly afterZxid: number };

/** A write that was proposed; its reply waits for the outcome, and for what stands before it. */
export interface QueuedWrite {
  readonly kind: "write";
  readonly xid: number;
  readonly type: number;
  readonly arrivedMs: number;
  /** Of its body. */
  readonly bytes: number;
  /** What came of it, once applied. */
  outcome: Outcome | undefined;
}

/** Who asks was settled when the request came; its reply waits for what stands before it. */
export interface QueuedVerdict {
  readonly kind: "verdict";
  readonly xid: number;
  readonly type: number;
  readonly arrivedMs: number;
  /** What is answered, if anything is. */
  readonly err: ErrorCode | undefined;
  /** Why the connection ends, if it does. */
  readonly ending: string | undefined;
}

/** One connection, as data; what happens to it is decided elsewhere. */
export class Connection implements Watcher {
  readonly id: ConnectionId;
  readonly remote: Address;
  readonly watchedPaths = new Set<string>();
  watchedText = 0;
  /**
   * `fresh`: nothing heard. `connecting`: the handshake waits for its entry. `open`: in a session. `leaving`: it asked to
   * end its session, and nothing that follows counts. `closing`: over.
   */
  phase: "fresh" | "connecting" | "open" | "leaving" | "closing" = "fresh";
  identities: readonly Id[];
  /** Whether it came to the port that speaks nothing but TLS; only tools ask. */
  isSecure = false;
  /** The SASL exchange of which it has to send the next message; undefined: none was begun. */
  saslExchange: SaslExchange | undefined;
  session: ClockedSession | undefined;
  /** Which attachment of its session this connection is. */
  attachment = 0;
  /** Whether the client sent (and so expects) the readOnly byte of the handshake. */
  mirrorsReadOnly = false;
  /** Requests in order of arrival; a write in it is proposed already. */
  readonly queue = new Fifo<QueuedRequest>();
  /** Of those in the queue, the reads that may take long; see long-reads.ts. */
  longReads = 0;
  readonly out = new Writer(128);
  readingPaused = false;
  readonly connectedMs: number;
  readonly stats = new ConnectionStats();
  readonly #load: Load;
  #pendingRequests = 0;
  #pendingBytes = 0;
  #unsentBytes = 0;

  /** `load`: where its part of what all hold is counted. */
  constructor(id: ConnectionId, remote: Address, nowMs: number, load: Load) {
    this.id = id;
    this.remote = remote;
    this.#load = load;
    this.connectedMs = nowMs;
    this.identities = [{ scheme: "ip", id: remote.host }];
  }

  /** Who has proven to be those. What lists grant is remembered by the array, so it is another only if there is somebody new. */
  prove(proven: readonly Id[]): void {
    const fresh = proven.filter((p) => !this.identities.some((i) => i.scheme === p.scheme && i.id === p.id));
    if (fresh.length > 0) this.identities = [...this.identities, ...fresh];
  }

  /** Counts what is in its queue now as its part of what all hold. */
  countQueue(): void {
    const { length } = this.queue;
    this.#load.pendingRequests += length - this.#pendingRequests;
    this.#pendingRequests = length;
  }

  /** Bytes of its requests that wait, in the queue or on their way to the disk. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  set pendingBytes(bytes: number) {
    this.#load.pendingBytes += bytes - this.#pendingBytes;
    this.#pendingBytes = bytes;
  }

  /** Output handed to the driver that the operating system has not taken, as far as known here. */
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  set unsentBytes(bytes: number) {
    this.#load.unsentBytes += bytes - this.#unsentBytes;
    this.#unsentBytes = bytes;
  }

  /** UTF-16 code units of all identities: what they add to each log entry. */
  get identityText(): number {
    return this.identities.reduce((sum, { scheme, id }) => sum + scheme.length + id.length, 0);
  }

  /** Bytes that wait to leave, here and at the driver. */
  get pendingOutput(): number {
    return this.unsentBytes + this.out.length;
  }

  /** The other side, for logs. */
  get remoteText(): string {
    return `${this.remote.host}:${this.remote.port}`;
  }
}

/** A session id as logs and tools show it. */
export function formatSessionId(id: bigint): string {
  return `0x${BigInt.asUintN(64, id).toString(16)}`;
}
