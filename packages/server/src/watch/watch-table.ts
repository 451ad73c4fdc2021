/**
 * Who waits for what, on this server. One table for every kind of watch: per path, per watcher, a set of kinds. So a
 * watcher hears of one change of one path exactly once, however many watches of its match; and kinds coexist.
 */
import { WatchEventType } from "@corral/protocol";
import { PathMap } from "../state/path-map.ts";

/** Each lasting watch is two: of the node itself, and of its list of children. Servers before 3.9 take them away one by one. */
const persistentData = 4;
const persistentChild = 8;
const recursiveData = 16;
const recursiveChild = 32;

/** Kinds of watch, as bits. The first two are one-shot. */
export const WatchKind = {
  data: 1,
  child: 2,
  persistent: persistentData | persistentChild,
  recursive: recursiveData | recursiveChild,
} as const;

/** The reference has two tables: one for what happens to a node, ... */
export const dataTable = WatchKind.data | persistentData | recursiveData;
/** … and one for what happens to its list of children. */
export const childTable = WatchKind.child | persistentChild | recursiveChild;

const oneShot = WatchKind.data | WatchKind.child;

/** Anything that may watch; the table keeps its paths here to forget them together. */
export interface Watcher {
  readonly watchedPaths: Set<string>;
  /** UTF-16 code units of those paths; the table counts. */
  watchedText: number;
}

/** Watches by path; see the head of this file. */
export class WatchTable<W extends Watcher> {
  readonly #modesCoexist: boolean;
  readonly #paths = new Map<string, Map<W, number>>();
  /** Who watches what is below, too, and with which halves of a recursive watch. */
  readonly #trees = new PathMap<Map<W, number>>();
  #recursive = 0;
  #watches = 0;

  /** `modesCoexist: false`: as servers before 3.9, which keep one mode a path and table, the newest. */
  constructor({ modesCoexist = true }: { readonly modesCoexist?: boolean } = {}) {
    this.#modesCoexist = modesCoexist;
  }

  /** Number of (path, watcher) pairs. */
  get size(): number {
    return this.#watches;
  }

  /** Number of watched paths. */
  get pathCount(): number {
    return this.#paths.size;
  }

  /** The watched paths, and who watches each. */
  *[Symbol.iterator](): IterableIterator<readonly [path: string, watchers: Iterable<W>]> {
    for (const [path, watchers] of this.#paths) yield [path, watchers.keys()];
  }

  /** Number of (path, watcher) pairs among them that are recursive. */
  get recursiveCount(): number {
    return this.#recursive;
  }

  /** Adds kinds to what `watcher` waits for on `path`. */
  add(path: string, watcher: W, kinds: number): void {
    let watchers = this.#paths.get(path);
    if (watchers === undefined) {
      watchers = new Map();
      this.#paths.set(path, watchers);
    }
    const before = watchers.get(watcher) ?? 0;
    this.#put(path, watchers, watcher, before, (this.#modesCoexist ? before : without(before, kinds)) | kinds);
  }

  /** Which kinds of watch `watcher` has on `path`, as bits. */
  kindsOf(path: string, watcher: W): number {
    return this.#paths.get(path)?.get(watcher) ?? 0;
  }

  /** Takes kinds away from what `watcher` waits for on `path`. */
  remove(path: string, watcher: W, kinds: number): void {
    const watchers = this.#paths.get(path);
    const before = watchers?.get(watcher) ?? 0;
    if (watchers !== undefined) this.#put(path, watchers, watcher, before, before & ~kinds);
  }

  /** Forgets everything that `watcher` waits for. */
  removeWatcher(watcher: W): void {
    for (const path of [...watcher.watchedPaths]) this.remove(path, watcher, ~0);
  }

  #put(path: string, watchers: Map<W, number>, watcher: W, before: number, after: number): void {
    if (before === after) return;
    // No node has the empty path, nor is one below it.
    if (path !== "" && ((before ^ after) & WatchKind.recursive) !== 0) {
      this.#putTree(path, watcher, after & WatchKind.recursive);
    }
    if (after !== 0) {
      if (before === 0) {
        this.#watches++;
        watcher.watchedPaths.add(path);
        watcher.watchedText += path.length;
      }
      watchers.set(watcher, after);
      return;
    }
    this.#watches--;
    watcher.watchedPaths.delete(path);
    watcher.watchedText -= path.length;
    watchers.delete(watcher);
    if (watchers.size === 0) this.#paths.delete(path);
  }

  #putTree(path: string, watcher: W, halves: number): void {
    const watchers = this.#trees.get(path) ?? new Map<W, number>();
    const before = watchers.size;
    if (halves !== 0) watchers.set(watcher, halves);
    else watchers.delete(watcher);
    this.#recursive += watchers.size - before;
    if (watchers.size === 0) this.#trees.delete(path);
    else this.#trees.set(path, watchers);
  }

  /** Whether somebody may be waiting for a change of the path. */
  mayFire(path: string): boolean {
    return this.#watches > 0 && (this.#recursive > 0 || this.#paths.has(path));
  }

  /** Tells each watcher of the change once, and takes the one-shot watches that it used up. */
  fire(type: WatchEventType, path: string, notify: (watcher: W) => void): void {
    const watchers = this.#paths.get(path);
    const told = this.#recursive > 0 && type !== WatchEventType.nodeChildrenChanged ? new Set<W>() : undefined;
    const matching = kindsThatHear(type);
    if (watchers !== undefined) {
      for (const [watcher, kinds] of watchers) {
        if ((kinds & matching) === 0) continue;
        this.#put(path, watchers, watcher, kinds, kinds & ~(matching & oneShot));
        told?.add(watcher);
        notify(watcher);
      }
    }
    if (told === undefined) return;
    this.#trees.visitAbove(path, (treeWatchers) => {
      for (const [watcher, halves] of treeWatchers) {
        if ((halves & matching) === 0 || told.has(watcher)) continue;
        told.add(watcher);
        notify(watcher);
      }
    });
  }
}

/** What is left of `before` where `kinds` take the place of what stood in their tables. */
function without(before: number, kinds: number): number {
  const isInData = (kinds & dataTable) !== 0;
  const isInChild = (kinds & childTable) !== 0;
  return before & ~((isInData ? dataTable : 0) | (isInChild ? childTable : 0));
}

function kindsThatHear(type: WatchEventType): number {
  switch (type) {
    case WatchEventType.nodeCreated:
    case WatchEventType.nodeDataChanged:
      return dataTable;
    case WatchEventType.nodeDeleted:
      return dataTable | childTable;
    case WatchEventType.nodeChildrenChanged:
      // Recursive watches hear of the children themselves.
      return childTable & ~recursiveChild;
    default:
      return 0;
  }
}
