/** Node's files behind the `Disk` port. */
import { closeSync, constants, fsync, openSync } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, rename, stat, statfs, unlink } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { promisify } from "node:util";
import type { Disk, DiskFile } from "../ports/disk.ts";
import { settleAll } from "../settle-all.ts";
import { claimDirectory } from "./directory-claim.ts";

const fsyncOf = promisify(fsync);
/** So that our own reading does not pass for somebody's copy of the file (`isUnread`). Linux alone has it. */
const withoutTrace = constants.O_NOATIME ?? 0;
/** So that a pipe is not waited for until somebody writes to it. */
const withoutWaiting = constants.O_NONBLOCK ?? 0;
/** What `statfs` says of Linux's overlayfs. */
const overlayType = 0x794c_7630;

type OpenMode = Parameters<Disk["open"]>[1];

/** The machine's file systems. */
export const nodeDisk: Disk = {
  makeDirectory,
  list: async (path) => (await readdir(path)).sort(),
  open: async (path, mode) => new NodeDiskFile(await openFile(path, mode), path, mode),
  rename,
  remove: (path) => unlink(path).catch(unlessCode("ENOENT")),
  syncDirectory,
  claimDirectory,
  freeBytes: async (path) => {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  },
};

class NodeDiskFile implements DiskFile {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #mode: OpenMode;
  #closing: Promise<void> | undefined;
  /** The same file, opened so that each write is on the disk when it returns; and those of them that are at rest. */
  readonly #throughs: FileHandle[] = [];
  readonly #resting: FileHandle[] = [];

  constructor(handle: FileHandle, path: string, mode: OpenMode) {
    this.#handle = handle;
    this.#path = path;
    this.#mode = mode;
  }

  size(): Promise<number> {
    return this.#named(this.#handle.stat().then((stats) => stats.size));
  }

  async read(position: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.#named(this.#handle.read(buffer, filled, length - filled, position + filled));
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled === length ? buffer : buffer.subarray(0, filled);
  }

  write(position: number, bytes: Uint8Array): Promise<void> {
    return this.#write(this.#handle, position, bytes);
  }

  async writeThrough(position: number, bytes: Uint8Array): Promise<void> {
    // Each of the writes under way has a descriptor of its own. The system tells of a page that it could not write once for each
    // descriptor: over a shared one, the other write might hear of it, and the one that was lost pass for done.
    const handle = this.#resting.pop() ?? (await this.#openThrough());
    await this.#write(handle, position, bytes);
    this.#resting.push(handle);
  }

  async prepareWriteThrough(count: number): Promise<void> {
    const missing = Array.from({ length: count - this.#throughs.length }, async () => {
      this.#resting.push(await this.#openThrough());
    });
    await settleAll(missing);
  }

  async #openThrough(): Promise<FileHandle> {
    const handle = await open(this.#path, constants.O_RDWR | constants.O_DSYNC);
    this.#throughs.push(handle);
    return handle;
  }

  async #write(handle: FileHandle, position: number, bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      const rest = bytes.length - written;
      const { bytesWritten } = await this.#named(handle.write(bytes, written, rest, position + written));
      // The system says why only when it is asked to write the rest; if it then neither writes nor says, give up.
      if (bytesWritten === 0) {
        throw Object.assign(new Error(`EIO: nothing was written, write '${this.#path}'`), {
          code: "EIO",
          path: this.#path,
        });
      }
      written += bytesWritten;
    }
  }

  async isUnread(): Promise<boolean> {
    const stats = () => this.#named(this.#handle.stat({ bigint: true }));
    const { nlink, atimeNs, birthtimeNs } = await stats();
    if (nlink !== 1n || atimeNs !== birthtimeNs) return false;
    // What a link leads to is somebody else's.
    if (!(await lstat(this.#path)).isFile()) return false;
    // There a copy that the kernel makes (copy_file_range, as in `cp`) leaves no trace, though other reading does.
    if ((await statfs(this.#path)).type === overlayType) return false;
    // If this does not show, nobody's reading would have.
    const reader = await open(this.#path);
    await this.#named(reader.read(Buffer.alloc(1), 0, 1, 0)).finally(() => reader.close());
    return (await stats()).atimeNs !== atimeNs;
  }

  truncate(length: number): Promise<void> {
    return this.#named(this.#handle.truncate(length));
  }

  async sync(): Promise<void> {
    if (process.platform !== "win32" || this.#mode !== "read") return this.#named(this.#handle.datasync());
    // Windows syncs a file only for who may write to it.
    const handle = await open(this.#path, constants.O_RDWR);
    await this.#named(handle.datasync()).finally(() => handle.close());
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#handle, ...this.#throughs].map((handle) => handle.close()));
  }

  /** Node names the file in the errors of paths, not in those of open files. */
  #named<T>(operation: Promise<T>): Promise<T> {
    return operation.catch((error: NodeJS.ErrnoException) => {
      if (error.path === undefined) {
        error.path = this.#path;
        error.message = `${error.message} '${this.#path}'`;
      }
      throw error;
    });
  }
}

async function openFile(path: string, mode: OpenMode): Promise<FileHandle> {
  if (mode === "create") return open(path, "wx+", 0o640);
  if (mode === "write") return openQuietly(path, constants.O_RDWR);
  const handle = await openQuietly(path, constants.O_RDONLY | withoutWaiting).catch(async (error) => {
    throw (await isLinkToNothing(error, path)) ? noFile(path, "ENXIO", "a link to nothing") : error;
  });
  try {
    const stats = await handle.stat();
    if (stats.isFile()) return handle;
    if (stats.isDirectory()) throw noFile(path, "EISDIR", "illegal operation on a directory");
    throw noFile(path, "ESPIPE", "invalid seek");
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** As the system says it, mostly at the first read; but somebody may ask for no more than the size before. */
function noFile(path: string, code: string, text: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${text}, open '${path}'`), { code, syscall: "open", path });
}

async function isLinkToNothing({ code }: NodeJS.ErrnoException, path: string): Promise<boolean> {
  if (code !== "ENOENT") return false;
  return lstat(path).then(
    (stats) => stats.isSymbolicLink(),
    () => false,
  );
}

async function openQuietly(path: string, flags: number): Promise<FileHandle> {
  try {
    return await open(path, flags | withoutTrace);
  } catch (error) {
    // Only a file's owner may read it so.
    if (withoutTrace === 0 || (error as NodeJS.ErrnoException).code !== "EPERM") throw error;
    return open(path, flags);
  }
}

/**
 * Syncs the parent even of a directory that existed: a process killed between making and syncing it must not leave a
 * name that only looks durable. A parent that we may not read was not made by us.
 */
async function makeDirectory(path: string): Promise<void> {
  const leaf = resolve(path);
  const firstMade = await makeWithParents(leaf);
  const top = dirname(firstMade ?? leaf);
  for (let parent = dirname(leaf); ; parent = dirname(parent)) {
    await syncDirectory(parent).catch(firstMade === undefined ? unlessCode("EACCES") : rethrow);
    if (parent === top || parent === dirname(parent)) return;
  }
}

/**
 * The topmost directory that was made, undefined if all were there. Not Node's recursive `mkdir`: that one never ends where
 * the system says ENOENT though the parent is there, as in `/proc`.
 */
async function makeWithParents(path: string): Promise<string | undefined> {
  const make = () =>
    mkdir(path, { mode: 0o750 }).then(
      () => path,
      async (error: NodeJS.ErrnoException) => {
        // EISDIR: what macOS says of the root.
        const isThere = error.code === "EEXIST" || error.code === "EISDIR";
        if (!isThere || !(await stat(path)).isDirectory()) throw error;
        return undefined;
      },
    );
  try {
    return await make();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || path === dirname(path)) throw error;
  }
  const firstMade = await makeWithParents(dirname(path));
  const made = await make();
  return firstMade ?? made;
}

async function syncDirectory(path: string): Promise<void> {
  // Windows neither opens directories nor needs it: NTFS journals names.
  if (process.platform === "win32") {
    await lstat(path);
    return;
  }
  // Opening a directory that is in the system's cache takes microseconds. Through Node's thread pool, opening and closing would
  // be two more turns of a busy event loop, and at the start of a log segment everybody who writes waits for them.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await fsyncOf(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function unlessCode(code: string): (error: NodeJS.ErrnoException) => void {
  return (error) => {
    if (error.code !== code) throw error;
  };
}

function rethrow(error: unknown): never {
  throw error;
}
