/**
 * Reads a file as UTF-8 text, piece by piece, so that a file may be larger than the memory. A file is text when it holds
 * no NUL byte and is valid UTF-8 from its first byte to its last; everything else is called binary and is not counted.
 */
import { createReadStream } from "node:fs";
import { TextDecoder } from "node:util";
import { WordCounter, type WordCounts } from "../words/word-counter.ts";

/** What a file turned out to be. */
export type Readout = { readonly kind: "text" } | { readonly kind: "binary"; readonly reason: string };

const PIECE_BYTES = 256 * 1024;

/**
 * Reads the file at `path` and hands its text to `onPiece`. With "binary" the pieces handed over so far mean nothing.
 * Rejects with the operating system's error, or with the signal's reason.
 */
export async function readText(path: string, onPiece: (piece: string) => void, signal?: AbortSignal): Promise<Readout> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const stream = createReadStream(path, { highWaterMark: PIECE_BYTES, ...(signal === undefined ? {} : { signal }) });
  const pieces: AsyncIterable<Buffer> = stream;
  for await (const bytes of pieces) {
    if (bytes.includes(0)) {
      return { kind: "binary", reason: "it holds a NUL byte" };
    }
    const piece = decode(decoder, bytes);
    if (piece === undefined) {
      return { kind: "binary", reason: "it is not UTF-8" };
    }
    onPiece(piece);
  }
  const rest = decode(decoder, undefined);
  if (rest === undefined) {
    return { kind: "binary", reason: "it is not UTF-8" };
  }
  onPiece(rest);
  return { kind: "text" };
}

/** The bytes as text (`undefined` bytes: the end of the file), or undefined when they are not UTF-8. */
function decode(decoder: TextDecoder, bytes: Buffer | undefined): string | undefined {
  try {
    return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
  } catch (error) {
    // A fatal decoder has one way to fail, and this is the answer to the question that was asked.
    if (error instanceof TypeError) {
      return undefined;
    }
    throw error;
  }
}

/** The word counts of the text file at `path`. Rejects when the file cannot be read or is not text. */
export async function countFile(path: string, signal?: AbortSignal): Promise<WordCounts> {
  const counter = new WordCounter();
  const readout = await readText(path, (piece) => counter.push(piece), signal);
  if (readout.kind === "binary") {
    throw new Error(`${path} is not text: ${readout.reason}.`);
  }
  return counter.finish();
}
