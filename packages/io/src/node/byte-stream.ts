/**
 * One TCP connection behind the `ByteStream` port, for both sides.
 *
 * The socket is half-open capable. When the other side has ended its half, ours stays writable for two more turns of
 * the event loop, so that an answer to its last bytes (`echo ruok | nc`) still leaves; then it ends too.
 */
import type { Socket } from "node:net";
import type { Address, ByteStream, StreamHandler } from "../ports/network.ts";
import { readThroughSharedBuffer } from "./shared-read-buffer.ts";
import type { QueueUser, WriteQueue } from "./write-queue.ts";

/** How long the other side may keep its half open after we have sent all and ended ours. */
const lingerMs = 5_000;

/**
 * Options of a socket that is accepted: no delay for small writes. Whoever accepts hears from every client within its
 * session's timeout, or ends the session; probing for dead peers would cost each connection four system calls.
 */
export const acceptedSocketOptions = { allowHalfOpen: true, noDelay: true } as const;

/** Options of a socket that is dialled: dead peers are found though nothing is sent. */
export const dialledSocketOptions = {
  ...acceptedSocketOptions,
  keepAlive: true,
  keepAliveInitialDelay: 10_000,
} as const;

/** What Node hands over to the operating system with. */
interface WrittenHandle {
  /** Bytes handed over, whether or not they were taken. */
  readonly bytesWritten: number;
  /** Those of them that were not. */
  readonly writeQueueSize: number;
}

/** A connected socket as a stream. Takes the socket over, before anything else listens to it. */
export class NodeByteStream implements ByteStream, QueueUser {
  readonly remote: Address;
  readonly subject: string | undefined;
  readonly isOneOfSeveral: boolean;
  readonly #socket: Socket;
  readonly #gathersWrites: boolean;
  #handler: StreamHandler | undefined;
  #error: Error | undefined;
  #closed = false;
  #paused = false;
  #corked = false;
  #drainOwed = false;
  #drainDue = false;
  /** Where some of its bytes may still be, and which they are. */
  #queue: WriteQueue | undefined;
  #ticket = 0;
  #closeWhenLost: ((cause: Error) => void) | undefined;

  /**
   * `gathersWrites`: what is written in one go of the program leaves in one system call. Whoever writes once in a go anyway
   * is quicker without. `isOneOfSeveral`: see the port. `explained`: makes of an error what the owner is told.
   */
  constructor(
    socket: Socket,
    remote: Address,
    {
      subject,
      isOneOfSeveral = false,
      gathersWrites = false,
      explained = (error) => error,
    }: {
      readonly subject?: string;
      readonly isOneOfSeveral?: boolean;
      readonly gathersWrites?: boolean;
      readonly explained?: (error: Error) => Error;
    } = {},
  ) {
    this.#socket = socket;
    this.#gathersWrites = gathersWrites;
    this.remote = remote;
    this.subject = subject;
    this.isOneOfSeveral = isOneOfSeveral;
    socket.on("error", (error) => {
      this.#error ??= explained(error);
    });
    socket.once("end", () => setImmediate(() => setImmediate(this.#endToo)));
    socket.once("finish", () => this.#linger());
    socket.once("close", () => {
      this.#closed = true;
      this.#handler?.onClose(this.#error);
    });
  }

  attach(handler: StreamHandler): void {
    if (this.#handler) throw new Error("A stream is attached only once");
    this.#handler = handler;
    if (this.#closed) {
      setImmediate(() => handler.onClose(this.#error));
      return;
    }
    // Data flows from the first listener on, unless the socket was paused on purpose.
    if (this.#paused) this.#socket.pause();
    const onData = (chunk: Buffer) => handler.onData(chunk);
    if (!readThroughSharedBuffer(this.#socket, onData)) this.#socket.on("data", onData);
    else if (!this.#paused) this.#socket.resume();
  }

  write(bytes: Uint8Array): void {
    if (this.#settle()) this.#writeNow(bytes);
  }

  /** Like `write`, but if it is worthwhile by way of `queue`. To be asked for all or most of what is written to a stream. */
  writeSoon(queue: WriteQueue, bytes: Uint8Array): void {
    const isBehind = this.#queue?.isUnwritten(this.#ticket) === true;
    if ((isBehind || queue.isWorthwhile(bytes.length)) && queue.makeRoom(bytes.length)) {
      const descriptor = this.idleDescriptor;
      if (descriptor !== undefined) {
        if (this.#queue === undefined) this.#settleBeforeClose();
        this.#queue = queue;
        this.#ticket = queue.put(this, descriptor, bytes);
        this.#drainOwed = true;
        return this.#onWritten();
      }
    }
    this.write(bytes);
  }

  takeBack(rest: Uint8Array): void {
    this.#writeNow(rest);
    // Later, for this comes in the middle of whatever waits for the queue.
    setImmediate(this.#tookBack);
  }

  lose(): void {
    const error = new Error("The thread that wrote to the connection has ended");
    const close = this.#closeWhenLost;
    this.#closeWhenLost = undefined;
    if (close) close(error);
    else this.#socket.destroy(error);
  }

  /** Returns whether nothing of it is in the queue any more. If there still is, the thread does not come to an end, and when it has, `lose` follows. */
  #settle(): boolean {
    const queue = this.#queue;
    if (!queue?.isUnwritten(this.#ticket)) return true;
    queue.settle();
    return !queue.isUnwritten(this.#ticket);
  }

  /** Node closes a socket by itself as well, such as when the other side has reset it. */
  #settleBeforeClose(): void {
    const socket = this.#socket;
    const destroy = socket._destroy;
    socket._destroy = (error, callback) => {
      if (this.#settle()) destroy.call(socket, error, callback);
      // The thread may still write what it has of this socket, so its descriptor is kept until it has ended.
      else this.#closeWhenLost = (cause) => destroy.call(socket, error ?? cause, callback);
    };
  }

  #writeNow(bytes: Uint8Array): void {
    const socket = this.#socket;
    if (!socket.writable || bytes.length === 0) return;
    if (this.#gathersWrites && !this.#corked) {
      this.#corked = true;
      socket.cork();
      process.nextTick(this.#uncork);
    }
    this.#drainOwed = true;
    socket.write(bytes, this.#onWritten);
  }

  flush(): void {
    if (this.#corked) this.#uncork();
  }

  /**
   * The operating system's number for the socket, if what is written there past Node arrives behind all that was written before: of one without TLS that
   * has nothing queued. Good until this turn ends, or the socket is written to or ended.
   */
  get idleDescriptor(): number | undefined {
    const socket = this.#socket;
    if (!socket.writable || socket.writableLength > 0 || this.#corked || "encrypted" in socket) return undefined;
    const { _handle: handle } = socket as { _handle?: { readonly fd?: number } | null };
    return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined;
  }

  /** So many of the bytes were written to `idleDescriptor`; the rest is written here. All is as if `write` had been asked for. */
  wrote(bytes: Uint8Array, taken: number): void {
    if (taken < bytes.length) return this.write(taken === 0 ? bytes : bytes.subarray(taken));
    this.#drainOwed = true;
    this.#onWritten();
  }

  get unsentBytes(): number {
    return this.#socket.destroyed ? 0 : this.#socket.writableLength;
  }

  get outputMark(): number | undefined {
    // What Node's own time-outs go by: a write is told only when all of it was taken. The socket's own `bytesWritten` would
    // not do: it counts what waits behind that write as well, and so moves though nothing is taken.
    const { _handle: handle } = this.#socket as { _handle?: Partial<WrittenHandle> | null };
    if (handle?.writeQueueSize === undefined || handle.bytesWritten === undefined) return undefined;
    return handle.bytesWritten - handle.writeQueueSize;
  }

  pauseReading(paused: boolean): void {
    this.#paused = paused;
    // Before there is a handler nothing flows anyway, and resuming would throw data away.
    if (!this.#handler) return;
    if (paused) this.#socket.pause();
    else this.#socket.resume();
  }

  end(isMutual = false): void {
    if (!this.#settle()) return;
    const socket = this.#socket;
    // What the operating system has taken arrives nevertheless, and the end behind it. TLS has a last word of its own.
    const isAllSent = socket.writableLength === 0 && !("encrypted" in socket);
    // Not before Node has told the last write for done, which would make an error for it, with its stack, and throw it away.
    if (isMutual && isAllSent) process.nextTick(() => socket.destroy());
    else socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Unless it has ended already, as most have by then. */
  readonly #endToo = (): void => {
    if (this.#settle() && this.#socket.writable) this.#socket.end();
  };

  readonly #uncork = (): void => {
    this.#corked = false;
    this.#socket.uncork();
  };

  /**
   * A failed write is told by the close that follows it. What the operating system takes at once is told in the next turn
   * of the loop: whoever answers more then would otherwise go on until its buffers are full, and nobody else had a turn.
   */
  readonly #onWritten = (error?: Error | null): void => {
    if (error || !this.#drainOwed || this.#drainDue) return;
    this.#drainDue = true;
    setImmediate(this.#drained);
  };

  readonly #drained = (): void => {
    this.#drainDue = false;
    if (this.#closed || !this.#drainOwed || this.#socket.writableLength > 0) return;
    this.#drainOwed = false;
    this.#handler?.onDrain();
  };

  readonly #tookBack = (): void => {
    if (!this.#closed && this.unsentBytes > 0) this.#handler?.onTakenBack?.();
  };

  #linger(): void {
    const timeout = setTimeout(() => this.#socket.destroy(), lingerMs);
    timeout.unref();
    this.#socket.once("close", () => clearTimeout(timeout));
  }
}
