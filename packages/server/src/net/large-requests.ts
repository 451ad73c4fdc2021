/**
 * Large requests on their way in. Each is gathered in memory, so all of them together are bounded. One counts, with its whole
 * length, when more of it has come than a request that is not large has: what is only announced takes nothing from others.
 * Who finds no room then waits, unread. No address has more than half, the addresses take turns, and who dawdles while others
 * wait for its room has to go.
 */
import type { Address } from "@corral/io";
import type { FrameDecoder } from "@corral/protocol";
import type { Limits } from "../limits.ts";

/** One who sends; see the head of this file. */
export interface Sender {
  readonly decoder: FrameDecoder;
  readonly stream: { readonly remote: Address };
  /** The large request that is arriving. */
  large: LargeRequest | undefined;
}

/** A request of which more has come than of one that is not large. */
export interface LargeRequest {
  readonly bytes: number;
  readonly origin: Origin;
  /** Whether the rest may come; else it waits. */
  hasRoom: boolean;
  /** How much of it had come when that was last marked, and when that was. */
  markBytes: number;
  markMs: number;
}

/** An address from which some are arriving. */
interface Origin {
  /** Of those that have room. */
  bytes: number;
  readonly waiting: Set<Sender>;
}

/** Counts them for all connections of a port. */
export class LargeRequests<S extends Sender> {
  /** The length of those that have room, bytes. */
  bytes = 0;
  readonly #limits: Limits;
  readonly #onRoom: (sender: S) => void;
  readonly #origins = new Map<string, Origin>();
  /** Those with some that wait, the next one first. */
  readonly #line = new Set<Origin>();
  /** Whether the next one waits for room that anybody may have, not for that of its own address. */
  #isShort = false;

  /** `onRoom`: told when the rest of a request may come. */
  constructor(limits: Limits, onRoom: (sender: S) => void) {
    this.#limits = limits;
    this.#onRoom = onRoom;
  }

  /** Those who wait, unread. */
  get waiting(): S[] {
    return [...this.#line].flatMap(({ waiting }) => [...waiting] as S[]);
  }

  /** Looks at what the sender is in the middle of. Returns whether the rest of it may come. */
  mayGoOn(sender: S): boolean {
    if (sender.large !== undefined) return sender.large.hasRoom;
    const { largeRequestBytes } = this.#limits;
    const { decoder, stream } = sender;
    if (decoder.pendingBytes <= largeRequestBytes) return true;
    const bytes = decoder.peek().readInt32BE(0);
    if (bytes <= largeRequestBytes) return true;
    const { host } = stream.remote;
    const origin = this.#origins.get(host) ?? { bytes: 0, waiting: new Set() };
    this.#origins.set(host, origin);
    const large = { bytes, origin, hasRoom: false, markBytes: 0, markMs: 0 };
    sender.large = large;
    origin.waiting.add(sender);
    this.#line.add(origin);
    this.#admit();
    return large.hasRoom;
  }

  /** What was arriving has come, or never will. */
  forget(sender: S): void {
    const { large } = sender;
    if (large === undefined) return;
    sender.large = undefined;
    const { origin } = large;
    if (large.hasRoom) {
      this.bytes -= large.bytes;
      origin.bytes -= large.bytes;
    } else {
      origin.waiting.delete(sender);
      if (origin.waiting.size === 0) this.#line.delete(origin);
    }
    if (origin.bytes === 0 && origin.waiting.size === 0) this.#origins.delete(sender.stream.remote.host);
    this.#admit();
  }

  /**
   * Whether others have waited for the sender's room for `handshakeMs`, in which it has not brought as much as makes a request
   * large. `mayBring`: whether it could.
   */
  dawdles(sender: S, nowMs: number, mayBring: boolean): boolean {
    const { large, decoder } = sender;
    if (large === undefined || !large.hasRoom) return false;
    const { largeRequestBytes, handshakeMs } = this.#limits;
    const isWanted = this.#isShort || large.origin.waiting.size > 0;
    if (!isWanted || !mayBring || decoder.pendingBytes - large.markBytes >= largeRequestBytes) {
      large.markBytes = decoder.pendingBytes;
      large.markMs = nowMs;
    }
    return nowMs - large.markMs > handshakeMs;
  }

  #admit(): void {
    const { maxLargeRequestBytes } = this.#limits;
    this.#isShort = false;
    // An address that goes back to the end of the line is met again here.
    for (const origin of this.#line) {
      const [sender] = origin.waiting as Set<S>;
      if (sender?.large === undefined) continue;
      const { large } = sender;
      if (origin.bytes > 0 && origin.bytes + large.bytes > maxLargeRequestBytes / 2) continue;
      this.#isShort = this.bytes + large.bytes > maxLargeRequestBytes;
      if (this.#isShort) return;
      this.#line.delete(origin);
      origin.waiting.delete(sender);
      if (origin.waiting.size > 0) this.#line.add(origin);
      this.bytes += large.bytes;
      origin.bytes += large.bytes;
      large.hasRoom = true;
      this.#onRoom(sender);
    }
  }
}
