/**
 * Finds the text files below a directory. Each file is read once to know whether it is text: what is not is listed, never
 * counted. Whatever prevents the whole job is an `InputError` with one sentence, found before any process is started.
 */
import { type Dirent, promises as fs, type Stats } from "node:fs";
import { join } from "node:path";
import { InputError, reasonOf } from "./input-error.ts";
import { readText } from "./read-text.ts";

/** A text file to count. */
export interface TextFile {
  /** Below the input directory, with `/`. */
  readonly path: string;
  readonly bytes: number;
  /** When it was last changed; tells at the end whether it is still the file that was counted. */
  readonly modifiedMs: number;
}

/** What was found. */
export interface FoundTexts {
  /** Ascending by path; at least one. */
  readonly texts: readonly TextFile[];
  /** Files that are not text, and links that lead nowhere, ascending by path. */
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

/** One task a file, and all of them are children of one znode: a list of this many names still fits a frame of 1 MB. */
export const FILES_MAX = 10_000;

/**
 * All text files below `directory`. Symbolic links to files are followed, those to directories are not (they may go round
 * in a circle), those to nothing are listed; sockets, pipes and devices are passed over. Rejects with `InputError`.
 */
export async function findTexts(directory: string, signal: AbortSignal, filesMax = FILES_MAX): Promise<FoundTexts> {
  await requireDirectory(directory);
  const texts: TextFile[] = [];
  const skipped: { path: string; reason: string }[] = [];
  const { files, dangling } = await listFiles(directory, filesMax, signal);
  for (const path of [...files, ...dangling].sort()) {
    signal.throwIfAborted();
    if (dangling.has(path)) {
      skipped.push({ path, reason: "it is a link that leads nowhere" });
      continue;
    }
    const file = join(directory, path);
    try {
      const { size, mtimeMs } = await fs.stat(file);
      const readout = await readText(file, () => {}, signal);
      if (readout.kind === "text") {
        texts.push({ path, bytes: size, modifiedMs: mtimeMs });
      } else {
        skipped.push({ path, reason: readout.reason });
      }
    } catch (error) {
      signal.throwIfAborted();
      throw unreadable(file, error);
    }
  }
  if (texts.length === 0) {
    throw new InputError(
      skipped.length === 0
        ? `The input directory ${directory} holds no files: there is nothing to count. Give --input a directory with text files.`
        : `Nothing below ${directory} is UTF-8 text (${describeSkipped(skipped)}): there is nothing to count. ` +
            "Give --input a directory with text files.",
    );
  }
  return { texts, skipped };
}

/** One line about the files that are not counted: at most three of them by name. */
export function describeSkipped(skipped: FoundTexts["skipped"]): string {
  const named = skipped.slice(0, 3).map(({ path, reason }) => `${path}: ${reason}`);
  const more = skipped.length - named.length;
  const files = skipped.length === 1 ? "1 file is not text" : `${skipped.length} files are not text`;
  return `${files}: ${named.join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}

async function requireDirectory(directory: string): Promise<void> {
  const stat = await fs.stat(directory).catch((error: unknown) => {
    throw new InputError(
      `The input directory ${directory} cannot be used: ${reasonOf(error)}. Give --input a directory with text files.`,
    );
  });
  if (!stat.isDirectory()) {
    throw new InputError(`${directory} is not a directory. Give --input a directory with text files.`);
  }
}

/** Paths below the root of what may be text, and of links that lead nowhere. */
interface Listing {
  readonly files: string[];
  readonly dangling: ReadonlySet<string>;
}

async function listFiles(root: string, filesMax: number, signal: AbortSignal): Promise<Listing> {
  const files: string[] = [];
  const dangling = new Set<string>();
  const pending = [""];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    signal.throwIfAborted();
    for (const entry of await entriesOf(join(root, directory))) {
      const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
      if (entry.isDirectory()) {
        pending.push(path);
      } else if (entry.isSymbolicLink()) {
        const target = await targetOf(join(root, path));
        if (target === undefined) {
          dangling.add(path);
        } else if (target.isFile()) {
          files.push(path);
        }
      } else if (entry.isFile()) {
        files.push(path);
      }
    }
    if (files.length > filesMax) {
      throw new InputError(
        `More than ${filesMax} files lie below ${root}, which is more than one run takes. Give --input a smaller directory.`,
      );
    }
  }
  return { files, dangling };
}

async function entriesOf(directory: string): Promise<Dirent[]> {
  try {
    return await fs.readdir(directory, { withFileTypes: true });
  } catch (error) {
    throw unreadable(directory, error);
  }
}

/** What a link leads to; undefined when that is nothing, or the link itself. */
async function targetOf(link: string): Promise<Stats | undefined> {
  try {
    return await fs.stat(link);
  } catch (error) {
    if (error instanceof Error && "code" in error && ["ENOENT", "ENOTDIR", "ELOOP"].includes(String(error.code))) {
      return undefined;
    }
    throw unreadable(link, error);
  }
}

function unreadable(path: string, error: unknown): InputError {
  return new InputError(
    `${path} cannot be read: ${reasonOf(error)}. Make it readable, or move it out of the input directory.`,
    { cause: error },
  );
}
