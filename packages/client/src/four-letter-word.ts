/** Asking a server a four-letter word: four bytes on a connection of their own, text until the server ends it. */
import type { Address, ByteStream, Clock, Dialer } from "@corral/io";
import { limits } from "./limits.ts";
import { onAbort } from "./on-abort.ts";

/** What asking needs. */
export interface Ports {
  readonly clock: Clock;
  readonly dialer: Dialer;
}

/**
 * The server's answer, or `undefined` when none comes: it cannot be reached, is something else, or takes too long. Never
 * rejects. When `signal` aborts, there is no answer.
 */
export async function askFourLetterWord(
  { clock, dialer }: Ports,
  host: Address,
  word: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const stop = new AbortController();
  if (signal?.aborted) return undefined;
  const ignore = onAbort(signal, () => stop.abort());
  const timer = clock.setTimer(limits.fourLetterWordMs, () => stop.abort());
  try {
    return await readAll(await dialer.dial(host, { signal: stop.signal }), word, stop.signal);
  } catch {
    // No answer is an answer: the caller does without.
    return undefined;
  } finally {
    timer.cancel();
    ignore();
  }
}

function readAll(stream: ByteStream, word: string, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const finish = (text: string | undefined): void => {
      ignore();
      stream.destroy();
      resolve(text);
    };
    const ignore = onAbort(signal, () => finish(undefined));
    if (signal.aborted) return finish(undefined);
    stream.attach({
      onData: (chunk) => {
        // A copy: the chunk is the stream's.
        chunks.push(Buffer.from(chunk));
        bytes += chunk.length;
        if (bytes > limits.fourLetterWordBytes) finish(undefined);
      },
      onDrain: () => {
        // Four bytes do not have to wait.
      },
      onClose: () => finish(bytes === 0 ? undefined : Buffer.concat(chunks).toString("utf8")),
    });
    stream.write(Buffer.from(word, "latin1"));
  });
}
