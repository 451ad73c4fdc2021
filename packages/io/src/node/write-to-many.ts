/** Writes to streams, on two threads where that is possible and of use: see second-thread.ts. */
import type { ByteStream, StreamWrite } from "../ports/network.ts";
import { NodeByteStream } from "./byte-stream.ts";
import { SecondThread } from "./second-thread.ts";
import { type DirectWrite, directBytesMax, SecondWriter } from "./second-writer.ts";
import { WriteQueue } from "./write-queue.ts";

/** With fewer, waking another thread is not worth it. */
const many = 200;

interface StreamDirectWrite extends DirectWrite {
  readonly stream: NodeByteStream;
}

/** Writes to streams, with the help of a second thread. */
export class StreamWriter {
  readonly #thread: SecondThread;
  readonly #together: SecondWriter;
  readonly #queue: WriteQueue;

  constructor(thread = new SecondThread()) {
    this.#thread = thread;
    this.#together = new SecondWriter(thread);
    this.#queue = new WriteQueue(thread);
  }

  /** See the function of that name. */
  writeSoon(stream: ByteStream, bytes: Uint8Array): void {
    if (stream instanceof NodeByteStream) stream.writeSoon(this.#queue, bytes);
    else stream.write(bytes);
  }

  /** See the function of that name. */
  writeToMany(writes: readonly StreamWrite[]): number {
    if (writes.length >= many && this.#thread.isReady) return this.#writeTogether(writes);
    for (const { stream, bytes } of writes) this.writeSoon(stream, bytes);
    return 0;
  }

  /** See `takeSecondThreadFailure`. */
  takeFailure(): Error | undefined {
    return this.#thread.takeFailure();
  }

  #writeTogether(writes: readonly StreamWrite[]): number {
    this.#queue.settle();
    const direct: StreamDirectWrite[] = [];
    const others: StreamWrite[] = [];
    const seen = new Set<ByteStream>();
    for (const write of writes) {
      const { stream, bytes } = write;
      const isFirst = !seen.has(stream);
      seen.add(stream);
      const descriptor = isFirst && bytes.length <= directBytesMax ? descriptorOf(stream) : undefined;
      if (descriptor === undefined) others.push(write);
      else direct.push({ stream: stream as NodeByteStream, descriptor, bytes, taken: 0 });
    }
    this.#together.write(direct);
    for (const { stream, bytes, taken } of direct) {
      if (taken < 0) stream.lose();
      else stream.wrote(bytes, taken);
    }
    for (const { stream, bytes } of others) stream.write(bytes);
    return direct.length;
  }
}

/** One for all servers of the process. */
const writer = new StreamWriter();

/**
 * Like `stream.write(bytes)`, for who answers many: where there are many answers in a turn of the event loop, a second thread writes them while
 * this one goes on.
 */
export function writeSoon(stream: ByteStream, bytes: Uint8Array): void {
  writer.writeSoon(stream, bytes);
}

/**
 * Like `writeSoon` for each of them in turn, but sooner done if they are many. What is for one stream leaves in order.
 * Returns how many of them were left to the two threads together; none when the second one is only just wanted, or cannot be had.
 * @throws Error when it cannot be known what has been written, and to whom.
 */
export function writeToMany(writes: readonly StreamWrite[]): number {
  return writer.writeToMany(writes);
}

/** Why there is no second thread, or not any more, though it was wanted, if that is so: once for the whole process. One thread goes on alone. */
export function takeSecondThreadFailure(): Error | undefined {
  return writer.takeFailure();
}

function descriptorOf(stream: ByteStream): number | undefined {
  return stream instanceof NodeByteStream ? stream.idleDescriptor : undefined;
}
