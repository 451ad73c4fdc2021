/**
 * A disk in memory that can lose what was not synced.
 *
 * As on a real one there are two worlds. What programs read and write is the page cache. What is left after a crash is
 * what was synced: the bytes of files by `sync`, their names by `syncDirectory`. Of everything else a crash keeps
 * nothing, or, given a seeded generator, whatever the generator says: each sector, each length and each name separately.
 *
 * A failed sync is as treacherous as Linux's: the bytes stay readable but are no longer written out, and a later sync
 * succeeds without them.
 */
import { type DirectoryClaim, DirectoryInUseError, type Disk, type DiskFile } from "@corral/io";
import { diskError } from "./disk-error.ts";
import { Inode } from "./inode.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** What is about to be done to the disk. */
export interface DiskOperation {
  readonly kind:
    | "makeDirectory"
    | "list"
    | "open"
    | "rename"
    | "remove"
    | "syncDirectory"
    | "claimDirectory"
    | "size"
    | "read"
    | "isUnread"
    | "write"
    | "truncate"
    | "sync"
    | "close";
  readonly path: string;
}

/** A change of a directory that is not durable yet. */
type NameChange =
  | { readonly kind: "set"; readonly path: string; readonly inode: Inode }
  | { readonly kind: "remove"; readonly path: string }
  | { readonly kind: "rename"; readonly from: string; readonly path: string; readonly inode: Inode };

/** See the head of this file. Paths are compared as they are given, without the trailing slash. */
export class MemoryDisk implements Disk {
  /**
   * Called before each operation. Throw (see `diskError`) and the operation fails with that; return a promise and it
   * waits for it; kill or crash the disk here and the operation fails without having been done.
   */
  onOperation: ((operation: DiskOperation) => void | Promise<void>) | undefined;
  /** Bytes that all files together may have; a write beyond writes what fits, then fails with ENOSPC. */
  capacityBytes = Number.POSITIVE_INFINITY;
  readonly #directories = new Set<string>(["/"]);
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #changes: NameChange[] = [];
  readonly #claims = new Set<string>();
  #operationCount = 0;
  #dead = false;

  /** Operations that programs have asked for so far. */
  get operationCount(): number {
    return this.#operationCount;
  }

  // ── what happens to the machine ──

  /** The process is killed: its handles and claims are gone, the page cache stays. This disk is dead; go on with the result. */
  kill(): MemoryDisk {
    this.#dead = true;
    const next = this.#successor();
    const copies = new Map<Inode, Inode>();
    const copy = (inode: Inode): Inode => {
      const known = copies.get(inode) ?? inode.clone();
      copies.set(inode, known);
      return known;
    };
    for (const [path, inode] of this.#names) next.#names.set(path, copy(inode));
    for (const [path, inode] of this.#durableNames) next.#durableNames.set(path, copy(inode));
    next.#changes = this.#changes.map((change) =>
      change.kind === "remove" ? change : { ...change, inode: copy(change.inode) },
    );
    return next;
  }

  /**
   * The power fails. What was synced is left; of the rest nothing, or with `random` a random choice of it.
   * This disk is dead; go on with the result.
   */
  crash(options: { readonly random?: SeededRandom } = {}): MemoryDisk {
    this.#dead = true;
    const { random } = options;
    const next = this.#successor();
    const names = new Map(this.#durableNames);
    for (const change of this.#changes) {
      if (random && random.below(2) === 0) applyChange(names, change);
    }
    for (const [path, inode] of names) {
      const kept = inode.afterCrash(random);
      next.#names.set(path, kept);
      next.#durableNames.set(path, kept);
    }
    return next;
  }

  // ── a look from outside, past all faults and counters ──

  /** Paths of all files, sorted. */
  paths(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** A copy of a file's bytes. */
  contents(path: string): Buffer {
    return Buffer.from(this.#existing(path, "read").view());
  }

  /** Puts a file there, durably, in place of what was there. */
  put(path: string, bytes: Uint8Array): void {
    const inode = new Inode();
    inode.write(0, bytes);
    inode.sync();
    this.#names.set(path, inode);
    this.#durableNames.set(path, inode);
    this.#makeParents(path);
  }

  /** Puts a file there as `cp` does, in place of what was there: neither its bytes nor its name are durable. */
  copyIn(path: string, bytes: Uint8Array): void {
    const inode = new Inode();
    inode.write(0, bytes);
    this.#change({ kind: "set", path, inode });
    this.#makeParents(path);
  }

  /** Opens a file for reading as another program does, which leaves a trace (`isUnread`). */
  openElsewhere(path: string): DiskFile {
    return new MemoryFile(this, path, this.#existing(path, "open"), { isWritable: false, leavesTrace: true });
  }

  /** Gives a file another name, durably: a hard link. */
  link(path: string, other: string): void {
    const inode = this.#existing(path, "link");
    this.#names.set(other, inode);
    this.#durableNames.set(other, inode);
  }

  /** Takes a file away, durably. */
  take(path: string): void {
    this.#names.delete(path);
    this.#durableNames.delete(path);
  }

  // ── the port ──

  makeDirectory(path: string): Promise<void> {
    return this.perform({ kind: "makeDirectory", path }, () => {
      for (let directory = path; directory !== "/"; directory = parentOf(directory)) this.#directories.add(directory);
    });
  }

  list(path: string): Promise<string[]> {
    return this.perform({ kind: "list", path }, () => {
      this.#requireDirectory(path, "list");
      const inside = this.paths().filter((file) => parentOf(file) === path);
      const below = [...this.#directories].filter((other) => other !== "/" && parentOf(other) === path);
      return [...inside, ...below].map((entry) => entry.slice(path === "/" ? 1 : path.length + 1)).sort();
    });
  }

  open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile> {
    return this.perform({ kind: "open", path }, () => {
      if (mode !== "create") {
        return new MemoryFile(this, path, this.#existing(path, "open"), { isWritable: mode === "write" });
      }
      this.#requireDirectory(parentOf(path), "open");
      if (this.#names.has(path) || this.#directories.has(path)) throw diskError("EEXIST", "open", path);
      const inode = new Inode();
      this.#change({ kind: "set", path, inode });
      return new MemoryFile(this, path, inode, { isWritable: true });
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.perform({ kind: "rename", path: from }, () => {
      if (parentOf(from) !== parentOf(to)) throw diskError("EXDEV", "rename", from);
      this.#change({ kind: "rename", from, path: to, inode: this.#existing(from, "rename") });
    });
  }

  remove(path: string): Promise<void> {
    return this.perform({ kind: "remove", path }, () => {
      if (this.#names.has(path)) this.#change({ kind: "remove", path });
    });
  }

  syncDirectory(path: string): Promise<void> {
    return this.perform({ kind: "syncDirectory", path }, () => {
      this.#requireDirectory(path, "syncDirectory");
      const isInside = (change: NameChange) => parentOf(change.path) === path;
      for (const change of this.#changes.filter(isInside)) applyChange(this.#durableNames, change);
      this.#changes = this.#changes.filter((change) => !isInside(change));
    });
  }

  claimDirectory(path: string): Promise<DirectoryClaim> {
    return this.perform({ kind: "claimDirectory", path }, () => {
      this.#requireDirectory(path, "claimDirectory");
      if (this.#claims.has(path)) throw new DirectoryInUseError(path);
      this.#claims.add(path);
      let held = true;
      return {
        release: async () => {
          if (held) this.#claims.delete(path);
          held = false;
        },
      };
    });
  }

  // ── for this package's own files ──

  /**
   * @internal Counts the operation, lets the test interfere, refuses if the disk is dead, then does it. The last look
   * and the deed are one step: a disk that has died meanwhile must not be changed, nor may anybody be told that it was.
   */
  async perform<T>(operation: DiskOperation, deed: () => T): Promise<T> {
    this.#requireAlive(operation);
    this.#operationCount += 1;
    await this.onOperation?.(operation);
    this.#requireAlive(operation);
    return deed();
  }

  /** @internal Bytes that may still be written. */
  roomLeft(): number {
    let used = 0;
    for (const inode of new Set(this.#names.values())) used += inode.length;
    return this.capacityBytes - used;
  }

  /** @internal How many names a file has. */
  linksOf(inode: Inode): number {
    return [...this.#names.values()].filter((other) => other === inode).length;
  }

  #successor(): MemoryDisk {
    const next = new MemoryDisk();
    next.capacityBytes = this.capacityBytes;
    for (const directory of this.#directories) next.#directories.add(directory);
    return next;
  }

  #makeParents(path: string): void {
    for (let parent = parentOf(path); parent !== "/"; parent = parentOf(parent)) this.#directories.add(parent);
  }

  #change(change: NameChange): void {
    applyChange(this.#names, change);
    this.#changes.push(change);
  }

  #existing(path: string, call: string): Inode {
    const inode = this.#names.get(path);
    if (!inode) throw diskError(this.#directories.has(path) ? "EISDIR" : "ENOENT", call, path);
    return inode;
  }

  #requireDirectory(path: string, call: string): void {
    if (!this.#directories.has(path)) throw diskError(this.#names.has(path) ? "ENOTDIR" : "ENOENT", call, path);
  }

  #requireAlive({ kind, path }: DiskOperation): void {
    if (this.#dead) throw diskError("EIO", kind, path);
  }
}

class MemoryFile implements DiskFile {
  readonly #disk: MemoryDisk;
  readonly #path: string;
  readonly #inode: Inode;
  readonly #isWritable: boolean;
  readonly #leavesTrace: boolean;
  #open = true;

  constructor(
    disk: MemoryDisk,
    path: string,
    inode: Inode,
    how: { readonly isWritable: boolean; readonly leavesTrace?: boolean },
  ) {
    this.#disk = disk;
    this.#path = path;
    this.#inode = inode;
    this.#isWritable = how.isWritable;
    this.#leavesTrace = how.leavesTrace ?? false;
  }

  size(): Promise<number> {
    return this.#perform("size", () => this.#inode.length);
  }

  read(position: number, length: number): Promise<Buffer> {
    return this.#perform("read", () => {
      this.#inode.wasRead ||= this.#leavesTrace;
      return Buffer.from(this.#inode.view().subarray(position, position + length));
    });
  }

  write(position: number, bytes: Uint8Array): Promise<void> {
    return this.#perform("write", () => {
      const growth = Math.max(0, position + bytes.length - this.#inode.length);
      const missing = Math.min(bytes.length, Math.max(0, growth - this.#disk.roomLeft()));
      this.#inode.write(position, bytes.subarray(0, bytes.length - missing));
      if (missing > 0) throw diskError("ENOSPC", "write", this.#path);
    });
  }

  /**
   * As two operations, so that a test can come between them: before the second the bytes are seen, but not on the disk. Rejects
   * with a `RangeError` if another that is under way has a block in common with it.
   */
  async writeThrough(position: number, bytes: Uint8Array): Promise<void> {
    const end = position + bytes.length;
    const done = this.#inode.beginWriteThrough(position, end);
    try {
      await this.write(position, bytes);
      await this.#sync(() => this.#inode.syncRange(position, end));
    } finally {
      done();
    }
  }

  /** As on Linux, of files that are one's own: what is read through this disk leaves no trace. */
  isUnread(): Promise<boolean> {
    return this.#perform("isUnread", () => {
      const isUnread = !this.#inode.wasRead && this.#disk.linksOf(this.#inode) === 1;
      this.#inode.wasRead = true;
      return isUnread;
    });
  }

  truncate(length: number): Promise<void> {
    return this.#perform("truncate", () => this.#inode.truncate(length));
  }

  sync(): Promise<void> {
    return this.#sync(() => this.#inode.sync());
  }

  async #sync(deed: () => void): Promise<void> {
    try {
      await this.#perform("sync", deed);
    } catch (error) {
      this.#inode.forgetUnsynced();
      throw error;
    }
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    await this.#perform("close", () => {
      this.#open = false;
    });
  }

  async #perform<T>(kind: DiskOperation["kind"], deed: () => T): Promise<T> {
    const writes = kind === "write" || kind === "truncate";
    if (!this.#open || (writes && !this.#isWritable)) throw diskError("EBADF", kind, this.#path);
    return this.#disk.perform({ kind, path: this.#path }, deed);
  }
}

function applyChange(names: Map<string, Inode>, change: NameChange): void {
  if (change.kind === "remove") {
    names.delete(change.path);
    return;
  }
  if (change.kind === "rename") names.delete(change.from);
  names.set(change.path, change.inode);
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}
