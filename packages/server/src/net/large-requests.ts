/**
 * Large requests on their way in. Each is gathered in memory, so those that may go on are bounded together. One counts, with its
 * whole length, when more of it has come than a request that is not large has: what is only announced takes nothing from others.
 * What each connection has sent by then, `largeRequestBytes` and what was read with them, is bounded by `maxConnections` alone.
 * Who finds no room then waits, unread. No address has more than half, the addresses take turns, and who dawdles while others
 * wait for its room has to go: while this server reads it, none keeps them waiting for longer than `handshakeMs` and what its
 * length takes at the least rate.
 */
import type { Address } from "@corral/io";
import type { FrameDecoder } from "@corral/protocol";
import type { Limits } from "../limits.ts";

/**
 * Bytes a second that a large request has to bring while others wait for its room. Slower ones would seldom come to their end: the
 * shortest takes 32 s at this rate, and the longest session ends after 40 s of silence, where nothing else is set.
 */
export const leastBytesPerSecond = 2 << 10;

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
  /** How much of it had come when somebody was first seen to wait for its room. */
  fromBytes: number | undefined;
  /** When it was looked at last, if somebody waited for its room then. */
  lookedMs: number | undefined;
  /** How long others have waited for it by its sender's doing. */
  wantedMs: number;
  /** How much of that he has made good by taking answers. */
  excusedMs: number;
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
    const large: LargeRequest = {
      bytes,
      origin,
      hasRoom: false,
      fromBytes: undefined,
      lookedMs: undefined,
      wantedMs: 0,
      excusedMs: 0,
    };
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
   * Whether others have waited for the sender's room for `handshakeMs` more than what it has brought meanwhile takes at the least
   * rate. To be asked at each look. `isKeptWaiting`: it cannot bring anything, and that is not its doing. `isTaking`: it is
   * not read until it has taken its answers, and has taken some since the last look. That excuses it, but for no longer than
   * the whole request takes at that rate.
   */
  dawdles(
    { large, decoder }: S,
    nowMs: number,
    { isKeptWaiting, isTaking }: { readonly isKeptWaiting: boolean; readonly isTaking: boolean },
  ): boolean {
    if (large === undefined || !large.hasRoom) return false;
    const isWanted = this.#isShort || large.origin.waiting.size > 0;
    const passedMs = nowMs - (large.lookedMs ?? nowMs);
    large.lookedMs = isWanted ? nowMs : undefined;
    if (!isWanted) return false;
    large.fromBytes ??= decoder.pendingBytes;
    if (!isKeptWaiting) large.wantedMs += passedMs;
    if (isTaking) large.excusedMs = large.wantedMs;
    const broughtMs = leastMs(decoder.pendingBytes - large.fromBytes);
    return large.wantedMs > this.#limits.handshakeMs + Math.min(leastMs(large.bytes), broughtMs + large.excusedMs);
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

/** How long so many bytes may take. */
function leastMs(bytes: number): number {
  return (bytes / leastBytesPerSecond) * 1_000;
}
