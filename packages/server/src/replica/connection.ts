/**
 * What the replica knows of one connection: where it stands in its life, who it is, the requests that wait for their
 * turn, and the output gathered for it in this step.
 */
import { type Address, formatAddress } from "@corral/io";
import { type Id, Writer } from "@corral/protocol";
import type { Watcher } from "../watch/watch-table.ts";
import { ConnectionStats } from "./connection-stats.ts";
import type { ConnectionId } from "./effect.ts";
import type { Load } from "./load.ts";
import { RequestQueue } from "./request-queue.ts";
import type { SaslExchange } from "./sasl.ts";
import type { ClockedSession } from "./session-clock.ts";

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
  readonly queue: RequestQueue;
  readonly out = new Writer(128);
  readingPaused = false;
  /** Whether nothing can be sent to it any more, though some of what it has asked for is still to be carried out. */
  isDeaf = false;
  readonly connectedMs: number;
  readonly stats = new ConnectionStats();
  readonly #load: Load;
  #unsentBytes = 0;

  /** `load`: where its part of what all hold is counted. */
  constructor(id: ConnectionId, remote: Address, nowMs: number, load: Load) {
    this.id = id;
    this.remote = remote;
    this.#load = load;
    this.queue = new RequestQueue(load);
    this.connectedMs = nowMs;
    this.identities = [{ scheme: "ip", id: remote.host }];
  }

  /** Who has proven to be those. What lists grant is remembered by the array, so it is another only if there is somebody new. */
  prove(proven: readonly Id[]): void {
    const fresh = proven.filter((p) => !this.identities.some((i) => i.scheme === p.scheme && i.id === p.id));
    if (fresh.length > 0) this.identities = [...this.identities, ...fresh];
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
    return formatAddress(this.remote);
  }
}

/** A session id as logs and tools show it. */
export function formatSessionId(id: bigint): string {
  return `0x${BigInt.asUintN(64, id).toString(16)}`;
}
