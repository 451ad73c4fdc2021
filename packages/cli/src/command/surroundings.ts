/** What a verb works with: where it prints, whose variables it reads, and when it is to stop. */
import type { Writable } from "node:stream";
import type { Variables } from "./connection.ts";

/** See the head of this file. */
export interface Surroundings {
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly variables: Variables;
  /** Aborts when the command is interrupted. */
  readonly signal: AbortSignal;
}

/** Writes to a stream, and waits while it is full. */
export async function writeTo(stream: Writable, text: string | Uint8Array): Promise<void> {
  if (stream.write(text)) return;
  await new Promise<void>((resolve, reject) => {
    const done = (settle: () => void) => () => {
      stream.off("drain", onDrain).off("error", onError).off("close", onDrain);
      settle();
    };
    const onDrain = done(resolve);
    const onError = (error: Error) => done(() => reject(error))();
    stream.on("drain", onDrain).on("error", onError).on("close", onDrain);
  });
}

/** Reads a stream to its end. */
export async function readAll(stream: AsyncIterable<Uint8Array | string>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
