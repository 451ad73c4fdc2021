/**
 * Where a dump is read from. It is read twice, to be checked and to be loaded: what can be read only once, such as a pipe or
 * standard input, is kept in a file meanwhile. That one has no name any more, for a dump holds digests of passwords.
 */
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { CopyError } from "../copy-error.ts";
import { isFileError } from "./dump-file.ts";
import { UsageError } from "./exit-codes.ts";
import type { Surroundings } from "./surroundings.ts";

/** What stands for standard input and output. */
export const standardStream = "-";

const pieceBytes = 64 << 10;

/** A dump that can be read as often as one likes, compressed or not. */
export class DumpSource {
  readonly #name: string;
  readonly #file: FileHandle;

  private constructor(name: string, file: FileHandle) {
    this.#name = name;
    this.#file = file;
  }

  /** Opens a file, or standard input for `-`. @throws UsageError if it cannot be read */
  static async open(name: string, around: Pick<Surroundings, "stdin" | "signal">): Promise<DumpSource> {
    const shown = name === standardStream ? "Standard input" : name;
    try {
      const file =
        name === standardStream ? await kept(around.stdin, around.signal) : await opened(name, around.signal);
      return new DumpSource(shown, file);
    } catch (error) {
      throw cannotBeRead(shown, error);
    }
  }

  /** From its beginning. Throws UsageError if it cannot be read, CopyError `bad-dump` if it cannot be decompressed. */
  async *bytes(): AsyncGenerator<Uint8Array> {
    const source = Readable.from(piecesOf(this.#file, 0));
    try {
      const bytes = (await isCompressed(this.#file)) ? source.pipe(createGunzip()) : source;
      // An error of the file would not reach whoever reads what it is piped into.
      source.once("error", (error) => bytes.destroy(error));
      for await (const chunk of bytes) yield chunk as Buffer;
    } catch (error) {
      throw cannotBeRead(this.#name, error);
    } finally {
      source.destroy();
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

function cannotBeRead(name: string, error: unknown): unknown {
  if (!isFileError(error)) return error;
  // The bytes are there, and are none of a whole dump: it is as if they had not been compressed.
  if ("code" in error && String(error.code).startsWith("Z_"))
    return new CopyError(
      "bad-dump",
      `${name} is no whole dump: it cannot be decompressed (${error.message}). It breaks off, or was damaged: get another copy of it.`,
      { cause: error },
    );
  return new UsageError(`${name} cannot be read: ${error.message}.`);
}

async function opened(name: string, signal: AbortSignal): Promise<FileHandle> {
  const file = await open(name, "r");
  try {
    const stats = await file.stat();
    // Reading a directory says itself that it is one.
    if (stats.isFile() || stats.isDirectory()) return file;
    const copy = await kept(piecesOf(file), signal);
    await file.close();
    return copy;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** From a position, or from where it has been read to: what is no file has no positions. */
async function* piecesOf(file: FileHandle, from?: number): AsyncGenerator<Uint8Array> {
  for (let position = from ?? null; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(pieceBytes), 0, pieceBytes, position);
    if (bytesRead === 0) return;
    if (position !== null) position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** A file of its own, from which all of `bytes` can be read again. */
async function kept(bytes: Surroundings["stdin"], signal: AbortSignal): Promise<FileHandle> {
  const file = await unnamedFile();
  try {
    await pipeline(
      bytes,
      async (chunks: Surroundings["stdin"]) => {
        for await (const chunk of chunks) await file.appendFile(chunk).catch(cannotBeKept);
      },
      { signal },
    );
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Nobody else can open it, and it is gone however this process ends. */
async function unnamedFile(): Promise<FileHandle> {
  const directory = await mkdtemp(join(tmpdir(), "corral-load-")).catch(cannotBeKept);
  try {
    return await open(join(directory, "dump"), "wx+", 0o600).catch(cannotBeKept);
  } finally {
    await rm(directory, { recursive: true });
  }
}

function cannotBeKept(error: Error): never {
  throw new UsageError(
    `What is loaded cannot be kept in ${tmpdir()} while it is checked: ${error.message}. ` +
      "Set TMPDIR to where there is room for it, or load it from a file.",
  );
}

/** A dump's own first byte is a brace. */
async function isCompressed(file: FileHandle): Promise<boolean> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
  return bytesRead === 2 && buffer.readUInt16BE() === 0x1f8b;
}
