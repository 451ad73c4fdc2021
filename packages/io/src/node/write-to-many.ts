/** Writes to many streams at once, on two threads where that is possible: see second-writer.ts. */
import type { ByteStream, StreamWrite } from "../ports/network.ts";
import { NodeByteStream } from "./byte-stream.ts";
import { type DirectWrite, directBytesMax, SecondWriter } from "./second-writer.ts";

/** With fewer, waking another thread is not worth it. */
const many = 200;

/** One for all servers of the process. */
let second: SecondWriter | undefined;

interface StreamDirectWrite extends DirectWrite {
  readonly stream: NodeByteStream;
}

/**
 * Like `stream.write(bytes)` for each of them in turn, but sooner done if they are many. What is for one stream leaves in order.
 * Returns how many of them were left to the two threads; none when the second one is only just wanted, or cannot be had: `onFailure`
 * is called once for the whole process, and one thread goes on alone.
 * @throws Error when it cannot be known what has been written, and to whom.
 */
export function writeToMany(writes: readonly StreamWrite[], onFailure: (cause: Error) => void): number {
  if (writes.length >= many) {
    second ??= new SecondWriter();
    if (second.isReady) return writeOnTwoThreads(writes, second);
    const failure = second.takeFailure();
    if (failure !== undefined) onFailure(failure);
  }
  for (const { stream, bytes } of writes) stream.write(bytes);
  return 0;
}

function writeOnTwoThreads(writes: readonly StreamWrite[], writer: SecondWriter): number {
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
  writer.write(direct);
  for (const { stream, bytes, taken } of direct) stream.wrote(bytes, taken);
  for (const { stream, bytes } of others) stream.write(bytes);
  return direct.length;
}

function descriptorOf(stream: ByteStream): number | undefined {
  return stream instanceof NodeByteStream ? stream.idleDescriptor : undefined;
}
