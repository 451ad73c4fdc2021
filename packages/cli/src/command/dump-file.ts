/**
 * The file that a dump is written to. It has a name of its own until it is whole, and then gets the one that was asked for:
 * nobody sees half of it, and nothing else is lost by it. Only its owner may read it, for it holds digests of passwords.
 */
import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import { chmod, link, lstat, open, rename, rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { CopyError } from "../copy-error.ts";
import { UsageError } from "./exit-codes.ts";

const ownersMode = 0o600;

/** What to do about a file that is there already. */
export type IfThere = "refuse" | "overwrite";

/**
 * Tells early that a dump would not be written there.
 *
 * @throws CopyError `not-empty` if there is a file, and it is not to be overwritten
 * @throws UsageError if there is something else, such as a directory, a device or a symbolic link
 */
export async function requireRoom(file: string, ifThere: IfThere): Promise<void> {
  await replaced(file, ifThere);
}

/**
 * Writes `text` to a file, compressed if its name ends with `.gz`. One that is replaced hands its mode on.
 *
 * @throws what requireRoom throws, also about what has come there meanwhile; UsageError if it cannot be written
 */
export async function writeDumpFile(
  text: AsyncIterable<string>,
  file: string,
  ifThere: IfThere,
  makeLink: typeof link = link,
): Promise<void> {
  const unfinished = `${file}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    const handle = await open(unfinished, "wx", ownersMode);
    try {
      const target = handle.createWriteStream({ flush: true });
      await (file.endsWith(".gz") ? pipeline(text, createGzip(), target) : pipeline(text, target));
      const former = await replaced(file, ifThere);
      if (former !== undefined) await chmod(unfinished, former.mode & 0o777);
      await (ifThere === "overwrite" ? rename(unfinished, file) : renameToNew(unfinished, file, makeLink));
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
  } catch (error) {
    throw isFileError(error) ? cannotBeWritten(file, error) : error;
  }
}

/** Whether it is an error of a file system, or of what is compressed. */
export function isFileError(error: unknown): error is Error {
  return error instanceof Error && /^(E[A-Z]+|Z_\w+)$/.test(codeOf(error));
}

/** The regular file that a dump would replace, if there is one and it is to be replaced. */
async function replaced(file: string, ifThere: IfThere): Promise<Stats | undefined> {
  const there = await lstat(file).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return undefined;
    throw isFileError(error) ? cannotBeWritten(file, error) : error;
  });
  if (there === undefined) return undefined;
  if (!there.isFile()) {
    throw new UsageError(
      `${file} is not a regular file, and so no dump replaces it. Name another file, or none, and the dump is printed.`,
    );
  }
  if (ifThere === "refuse") throw isThere(file);
  return there;
}

/** `rename` would replace what somebody else has put there meanwhile. */
async function renameToNew(unfinished: string, file: string, makeLink: typeof link): Promise<void> {
  try {
    await makeLink(unfinished, file);
  } catch (error) {
    const code = codeOf(error);
    if (code === "EEXIST") throw isThere(file);
    if (!hasNoLinks.has(code)) throw error;
    return await renameToReserved(unfinished, file);
  }
  await rm(unfinished);
}

/** What file systems that have no links say, as those of memory cards. */
const hasNoLinks: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/** For a moment the file is there and empty. */
async function renameToReserved(unfinished: string, file: string): Promise<void> {
  const reserved = await open(file, "wx", ownersMode).catch((error: unknown) => {
    throw codeOf(error) === "EEXIST" ? isThere(file) : error;
  });
  try {
    await reserved.close();
    await rename(unfinished, file);
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
}

function cannotBeWritten(file: string, { message }: Error): UsageError {
  return new UsageError(`${file} cannot be written: ${message}.`);
}

/** Two trees under one name would be one lost. */
function isThere(file: string): CopyError {
  return new CopyError(
    "not-empty",
    `${file} is there already. Choose another name, or give --overwrite to replace it.`,
  );
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "";
}
