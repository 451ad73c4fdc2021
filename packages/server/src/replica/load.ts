/** What all connections of this server hold together, and whether that is too much. */
import type { Limits } from "../limits.ts";

/** The sums; each connection keeps its own part up to date. */
export class Load {
  /** Requests that wait. */
  pendingRequests = 0;
  /** Bytes of requests that wait, in queues or on their way to the disk. */
  pendingBytes = 0;
  /** Bytes of replies that the operating system has not taken, as far as known. */
  unsentBytes = 0;

  /** Whether so much waits that nobody of whose requests some wait is read. */
  exceeds({ maxPendingBytes, maxPendingRequests }: Limits): boolean {
    return this.pendingBytes > maxPendingBytes || this.pendingRequests > maxPendingRequests;
  }
}
