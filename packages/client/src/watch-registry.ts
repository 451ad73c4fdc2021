/**
 * Which watchers wait for which path. One-shot, as the server's watches are: an event takes the watchers of its path
 * out and returns them. Several watchers on a path share one watch on the server. Pure; paths are the server's.
 *
 * Three tables, although the server has two, because re-arming treats them differently: a `data` watch stands on a node
 * that was there, an `exist` watch on one that was not.
 */
import { ErrorCode } from "@corral/protocol";
import type { WatchEventKind, Watcher } from "./watch-event.ts";

/** The table that a watch belongs to. */
export type WatchKind = "data" | "exist" | "child";

/** Paths to re-arm, as one setWatches packet carries them. */
export interface WatchBatch {
  readonly dataWatches: string[];
  readonly existWatches: string[];
  readonly childWatches: string[];
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

const kinds: readonly WatchKind[] = ["data", "exist", "child"];

/** The tables that an event of each type takes watchers from. */
const firedBy: Readonly<Record<WatchEventKind, readonly WatchKind[]>> = {
  nodeCreated: ["data", "exist"],
  nodeDataChanged: ["data", "exist"],
  nodeDeleted: kinds,
  nodeChildrenChanged: ["child"],
  lost: kinds,
  closed: kinds,
};

/** The watchers of one session. */
export class WatchRegistry {
  readonly #tables: Readonly<Record<WatchKind, Map<string, Set<Watcher>>>> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
  };
  #size = 0;

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
    if (watchers.has(watcher)) return;
    watchers.add(watcher);
    this.#size++;
  }

  /** Forgets `watcher` on `path`. The server's watch stays armed; its event will find nobody. */
  remove(path: string, watcher: Watcher): void {
    for (const kind of kinds) {
      const watchers = this.#tables[kind].get(path);
      if (watchers?.delete(watcher)) {
        this.#size--;
        if (watchers.size === 0) this.#tables[kind].delete(path);
      }
    }
  }

  /** Takes out the watchers that an event at `path` is for, each once, in the order of registration within a table. */
  take(event: WatchEventKind, path: string): Watcher[] {
    const taken = new Set<Watcher>();
    for (const kind of firedBy[event]) {
      const watchers = this.#tables[kind].get(path);
      if (watchers === undefined) continue;
      this.#tables[kind].delete(path);
      this.#size -= watchers.size;
      for (const watcher of watchers) taken.add(watcher);
    }
    return [...taken];
  }

  /** Takes everything out, by path. */
  takeAll(): WatchersOfPath[] {
    const paths = new Set(kinds.flatMap((kind) => [...this.#tables[kind].keys()]));
    return [...paths].map((path) => ({ path, watchers: this.take("lost", path) }));
  }

  /** All watched paths, in batches of at most `pathBytesMax` bytes of path text (or of one path, if that is longer). */
  batches(pathBytesMax: number): WatchBatch[] {
    const batches: WatchBatch[] = [];
    let batch: WatchBatch | undefined;
    let bytes = 0;
    for (const kind of kinds) {
      for (const path of this.#tables[kind].keys()) {
        const length = Buffer.byteLength(path);
        if (batch === undefined || bytes + length > pathBytesMax) {
          batch = { dataWatches: [], existWatches: [], childWatches: [] };
          batches.push(batch);
          bytes = 0;
        }
        batch[`${kind}Watches`].push(path);
        bytes += length;
      }
    }
    return batches;
  }
}
