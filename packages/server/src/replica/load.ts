/** What all connections of this server hold together; each of them keeps its own part up to date. */
export class Load {
  /** Bytes of requests that wait, in queues or on their way to the disk. */
  pendingBytes = 0;
  /** Bytes of replies that the operating system has not taken, as far as known. */
  unsentBytes = 0;
}
