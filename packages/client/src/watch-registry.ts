/**
 * Which watchers wait for which path, and so which watches the server has to hold. One-shot, as the server's watches are:
 * an event takes the watchers of its path out and returns them. Recursive ones stay, and hear of everything below their
 * path. Several watchers on a path share one watch on the server. Pure; paths are the server's.
 *
 * Three tables for the one-shot ones, although the server has two, because re-arming treats them differently: a `data`
 * watch stands on a node that was there, an `exist` watch on one that was not.
 */
import { assert, ErrorCode, parentPath, type SetWatches2, WatcherType } from "@corral/protocol";
import type { WatchEventKind, Watcher } from "./watch-event.ts";

/** The table that a watch belongs to. */
export type WatchKind = "data" | "exist" | "child" | "recursive";

/** Paths to re-arm, as one setWatches packet carries them. */
export type WatchBatch = Omit<SetWatches2, "relativeZxid">;

/** A watch on the server, as removeWatches names it. */
export interface ServerWatch {
  readonly path: string;
  readonly type: WatcherType;
}

/** A path and the watchers that were waiting there. */
export interface WatchersOfPath {
  readonly path: string;
  readonly watchers: readonly Watcher[];
}

/**
 * The watch that the server holds after a read that asked for one of `kind` and was answered with `err`. Only `exists`
 * leaves one on a node that is not there.
 */
export function watchLeftBy(kind: WatchKind, err: number): WatchKind | undefined {
  if (err === ErrorCode.Ok) return kind === "exist" ? "data" : kind;
  return err === ErrorCode.NoNode && kind === "exist" ? "exist" : undefined;
}

const oneShot = ["data", "exist", "child"] as const;
const kinds: readonly WatchKind[] = [...oneShot, "recursive"];

/** What the server has for watches of a kind: it does not tell `data` from `exist`. */
const typeOf: Readonly<Record<WatchKind, WatcherType>> = {
  data: WatcherType.data,
  exist: WatcherType.data,
  child: WatcherType.children,
  recursive: WatcherType.persistentRecursive,
};

/** The list of setWatches that a kind goes into. */
const listOf = {
  data: "dataWatches",
  exist: "existWatches",
  child: "childWatches",
  recursive: "persistentRecursiveWatches",
} as const satisfies Record<WatchKind, keyof WatchBatch>;

/** The tables that an event of each type takes watchers from. */
const firedBy: Readonly<Record<WatchEventKind, readonly WatchKind[]>> = {
  nodeCreated: ["data", "exist"],
  nodeDataChanged: ["data", "exist"],
  nodeDeleted: oneShot,
  nodeChildrenChanged: ["child"],
  resync: [],
  lost: kinds,
  closed: kinds,
};

/** What recursive watches hear of. */
const heardBelow: readonly WatchEventKind[] = ["nodeCreated", "nodeDataChanged", "nodeDeleted"];

/** The watchers of one session. */
export class WatchRegistry {
  readonly #tables: Readonly<Record<WatchKind, Map<string, Set<Watcher>>>> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
    recursive: new Map(),
  };
  #size = 0;
  /** Length of the longest path that was ever watched recursively. */
  #longestRecursive = 1;
  /** How many reads are under way that will leave a watch, by its `path type`. */
  readonly #expected = new Map<string, number>();
  /** The server's watches that nobody waits for, but whoever reads there now may be about to. `path type`. */
  readonly #owed = new Set<string>();

  /** Watchers waiting. */
  get size(): number {
    return this.#size;
  }

  /** Registers `watcher`. The same function on the same path and kind, while it waits, is one registration. */
  add(kind: WatchKind, path: string, watcher: Watcher): void {
    const table = this.#tables[kind];
    let watchers = table.get(path);
    if (watchers === undefined) {
      watchers = new Set();
      table.set(path, watchers);
    }
    if (kind === "recursive") this.#longestRecursive = Math.max(this.#longestRecursive, path.length);
    if (watchers.has(watcher)) return;
    watchers.add(watcher);
    this.#size++;
  }

  /** A request that asks for a watch has left. */
  expect(kind: WatchKind, path: string): void {
    const key = `${path} ${typeOf[kind]}`;
    this.#expected.set(key, (this.#expected.get(key) ?? 0) + 1);
  }

  /**
   * Such a request is answered, with `err`, or will not be. `watcher`: who is to be registered, if anybody still wants
   * the answer. Returns the watch that it left on the server for nobody.
   */
  settle(kind: WatchKind, path: string, watcher: Watcher | undefined, err: number): ServerWatch | undefined {
    const type = typeOf[kind];
    const key = `${path} ${type}`;
    const expected = this.#expected.get(key);
    assert(expected !== undefined, "what is settled was expected");
    if (expected === 1) this.#expected.delete(key);
    else this.#expected.set(key, expected - 1);
    const made = watchLeftBy(kind, err);
    if (made !== undefined && watcher !== undefined) this.add(made, path, watcher);
    const mayBeThere = made !== undefined || this.#owed.has(key);
    return mayBeThere && this.#isForNobody(path, type) ? { path, type } : undefined;
  }

  /** The connection is gone, and with it whatever was under way. */
  expectNothing(): void {
    this.#expected.clear();
    this.#owed.clear();
  }

  /** Forgets `watcher` on `path`. Returns the server's watches that nobody needs any more. */
  remove(path: string, watcher: Watcher): ServerWatch[] {
    const types = new Set<WatcherType>();
    for (const kind of kinds) {
      const watchers = this.#tables[kind].get(path);
      if (!watchers?.delete(watcher)) continue;
      this.#size--;
      if (watchers.size > 0) continue;
      this.#tables[kind].delete(path);
      if (this.#isForNobody(path, typeOf[kind])) types.add(typeOf[kind]);
    }
    return [...types].map((type) => ({ path, type }));
  }

  /** Whether the server's watch can be taken back. Where a read under way may need it, that is put off. */
  #isForNobody(path: string, type: WatcherType): boolean {
    const key = `${path} ${type}`;
    this.#owed.delete(key);
    if (kinds.some((kind) => typeOf[kind] === type && this.#tables[kind].has(path))) return false;
    if (!this.#expected.has(key)) return true;
    this.#owed.add(key);
    return false;
  }

  /**
   * The watchers that an event at `path` is for, each once, in the order of registration within a table. Those of
   * one-shot watches are taken out.
   */
  take(event: WatchEventKind, path: string): Watcher[] {
    const taken = new Set<Watcher>();
    for (const kind of firedBy[event]) {
      this.#owed.delete(`${path} ${typeOf[kind]}`);
      const watchers = this.#tables[kind].get(path);
      if (watchers === undefined) continue;
      this.#tables[kind].delete(path);
      this.#size -= watchers.size;
      for (const watcher of watchers) taken.add(watcher);
    }
    const { recursive } = this.#tables;
    if (recursive.size === 0 || !heardBelow.includes(event)) return [...taken];
    // From no further down than somebody watches: each step up looks at as much text again.
    const longest = this.#longestRecursive;
    const nearest = path.length > longest ? parentPath(path.slice(0, longest + 1)) : path;
    for (let above = nearest; above !== ""; above = parentPath(above)) {
      for (const watcher of recursive.get(above) ?? []) taken.add(watcher);
    }
    return [...taken];
  }

  /** Takes everything out, by path. */
  takeAll(): WatchersOfPath[] {
    const paths = new Set(kinds.flatMap((kind) => [...this.#tables[kind].keys()]));
    return [...paths].map((path) => ({ path, watchers: this.take("lost", path) }));
  }

  /** The watchers that a server does not tell what they missed, by path. They stay. */
  recursive(): WatchersOfPath[] {
    return [...this.#tables.recursive].map(([path, watchers]) => ({ path, watchers: [...watchers] }));
  }

  /** All watched paths, in batches of at most `pathBytesMax` bytes of path text (or of one path, if that is longer). */
  batches(pathBytesMax: number): WatchBatch[] {
    const batches: ReturnType<typeof newBatch>[] = [];
    let batch: ReturnType<typeof newBatch> | undefined;
    let bytes = 0;
    for (const kind of kinds) {
      for (const path of this.#tables[kind].keys()) {
        const length = Buffer.byteLength(path);
        if (batch === undefined || bytes + length > pathBytesMax) {
          batch = newBatch();
          batches.push(batch);
          bytes = 0;
        }
        batch[listOf[kind]].push(path);
        bytes += length;
      }
    }
    return batches;
  }
}

function newBatch() {
  const empty = (): string[] => [];
  return {
    dataWatches: empty(),
    existWatches: empty(),
    childWatches: empty(),
    persistentWatches: empty(),
    persistentRecursiveWatches: empty(),
  };
}
