/**
 * Files as a durable server needs them. What is written is durable only after `sync` (a file's bytes) or
 * `syncDirectory` (a name: created, renamed, removed); the simulated disk drops everything else at a crash.
 * Every failure rejects with the operating system's error, `code` (ENOSPC, EACCES, …) and `path` included.
 */
export interface Disk {
  /** Creates the directory and its missing parents, and makes their names durable. Fine if it exists. */
  makeDirectory(path: string): Promise<void>;
  /** Names (not paths) of the directory's entries, sorted. */
  list(path: string): Promise<string[]>;
  /**
   * Opens a file for positioned reads and writes. `create` makes a new one and fails with EEXIST if it is there. `read` fails
   * with EISDIR or ESPIPE where there is a directory, or a pipe, a device or the like, and with ENXIO where a link leads to nothing.
   */
  open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile>;
  /** Renames within one directory, replacing what was there. Durable after `syncDirectory`. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file. Fine if it does not exist. */
  remove(path: string): Promise<void>;
  /** Makes the directory's names durable. */
  syncDirectory(path: string): Promise<void>;
  /** Bytes that this process may still write where `path` is. Absent where a disk cannot tell. */
  readonly freeBytes?: ((path: string) => Promise<number>) | undefined;
  /**
   * Claims a directory for this process until the claim is released or the process ends, however it ends.
   * Rejects with `DirectoryInUseError` while another process holds it; where it does not and the file system is read-only, with
   * EROFS and the path as it is given here.
   */
  claimDirectory(path: string): Promise<DirectoryClaim>;
}

/** An open file. */
export interface DiskFile {
  /** Bytes in the file. */
  size(): Promise<number>;
  /** Reads up to `length` bytes at `position`; fewer only at the end of the file. */
  read(position: number, length: number): Promise<Buffer>;
  /** Writes all of `bytes` at `position` (a short write is continued or rejects; it never passes for done). */
  write(position: number, bytes: Uint8Array): Promise<void>;
  /**
   * Writes all of `bytes` at `position`, and returns when just they are on the disk: one trip to the disk instead of the two
   * of `write` and `sync`. Within the file's present length. Several may be under way at once, if they have no block of
   * `diskBlockBytes` in common; each tells of its own failure. Absent where a file cannot do better than those two.
   */
  readonly writeThrough?: ((position: number, bytes: Uint8Array) => Promise<void>) | undefined;
  /**
   * Gets ready for that many `writeThrough` at once, so that none of them needs anything more of the system, which may have
   * run out of descriptors by then.
   */
  readonly prepareWriteThrough?: ((count: number) => Promise<void>) | undefined;
  /**
   * Whether nobody seems to be in the middle of reading it, or to count on its bytes: it has no other name, and no trace is left of
   * its having been read since it was made. It counts as read from then on. What was read through files of this disk does not
   * count where the system can read without a trace (Linux, a file of one's own), and counts elsewhere. False where it is known
   * that a file system does not tell. Not seen is who reads without a trace (O_NOATIME; a mount of the same file system that keeps
   * no times), who has opened it and not begun to read, and who is still inside his first read, however long: Linux sets the time
   * of access when a read returns. Absent where a file can never tell.
   */
  readonly isUnread?: (() => Promise<boolean>) | undefined;
  /** Cuts or extends (with zeros) to `length` bytes. */
  truncate(length: number): Promise<void>;
  /**
   * fdatasync: on return everything written is on the disk, through whichever file or by whichever program, and in whichever mode
   * this one was opened. After a failure nothing about unsynced bytes is known.
   */
  sync(): Promise<void>;
  /** Idempotent. Does not sync. */
  close(): Promise<void>;
}

/** A claimed directory. */
export interface DirectoryClaim {
  /** Gives the directory up. Idempotent. */
  release(): Promise<void>;
}

const inUseMark = Symbol.for("corral.io.directory-in-use");

/** Another process already uses the data directory: a server, or a command that looks into it while none does. */
export class DirectoryInUseError extends Error {
  override readonly name = "DirectoryInUseError";
  readonly path: string;
  constructor(path: string) {
    super(
      `The directory ${path} is in use by another running server, or by a corral-server verify, dump or repair that looks into it. ` +
        "Stop that server, or wait until that command has ended; or choose another directory.",
    );
    this.path = path;
    Object.defineProperty(this, inUseMark, { value: true });
  }
}

/** Whether `error` is a DirectoryInUseError, of whatever copy of this package. */
export function isDirectoryInUseError(error: unknown): error is DirectoryInUseError {
  return typeof error === "object" && error !== null && Reflect.get(error, inUseMark) === true;
}
