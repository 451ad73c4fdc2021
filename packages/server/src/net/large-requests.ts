/**
 * Long requests on their way in. Each is gathered in memory, and its sender may take all the time it likes; so what they
 * announce is counted together, and who would bring it above the bound is shown the door.
 */
import type { FrameDecoder } from "@corral/protocol";
import type { Limits } from "../limits.ts";

/** One who sends; see the head of this file. */
export interface Sender {
  readonly decoder: FrameDecoder;
  /** What the frame that is arriving has announced, if that is long; bytes. */
  announcedBytes: number;
}

/** Counts them for all connections of a port. */
export class LargeRequests {
  /** What those on their way have announced, bytes. */
  bytes = 0;
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Whether a request of this length has no room beside what is on its way. */
  exceeds(length: number): boolean {
    const { largeRequestBytes, maxLargeRequestBytes } = this.#limits;
    return length > largeRequestBytes && this.bytes + length > maxLargeRequestBytes;
  }

  /** Looks at what the sender is in the middle of. Returns the length of a request for which there is no room. */
  update(sender: Sender): number | undefined {
    this.forget(sender);
    const { decoder } = sender;
    if (decoder.pendingBytes < 4) return undefined;
    const length = decoder.peek().readInt32BE(0);
    if (this.exceeds(length)) return length;
    if (length <= this.#limits.largeRequestBytes) return undefined;
    sender.announcedBytes = length;
    this.bytes += length;
    return undefined;
  }

  /** What the sender had announced has come, or never will. */
  forget(sender: Sender): void {
    this.bytes -= sender.announcedBytes;
    sender.announcedBytes = 0;
  }
}
