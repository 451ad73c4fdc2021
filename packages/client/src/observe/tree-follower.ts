/**
 * Following a whole tree. One recursive watch where the server has it, two one-shot watches a node otherwise; the nodes
 * are read when they are first seen and whenever they may have changed, and what was read is put together in a map.
 *
 * Invariants
 *   Order   events and answers come in one order, but an answer is looked at a moment later. So an event for a node that
 *           is being read makes that read count for nothing: it is made again.
 *   Walk    after a reconnect the server does not tell recursive watches what they missed, so the whole tree is walked
 *           again. What a walk has not met, and no event since, is gone.
 *   Whole   nothing is told in the middle of a walk.
 */
import { joinPath } from "@corral/protocol";
import { isCoordinationError } from "../errors.ts";
import { insist, type Patience } from "../insist.ts";
import { limits } from "../limits.ts";
import type { WatchOptions } from "../options.ts";
import { Slots } from "../slots.ts";
import type { Stat } from "../stat.ts";
import type { WatchEvent, Watcher } from "../watch-event.ts";
import type { NodeState } from "./observers.ts";

/** The reads that following a tree needs. */
export interface TreeReads {
  get(path: string, options: WatchOptions): Promise<NodeState>;
  exists(path: string, options: WatchOptions): Promise<Stat | undefined>;
  children(path: string, options: WatchOptions): Promise<readonly string[]>;
  unwatch(path: string, watcher: Watcher): void;
  /** Leaves a recursive watch; `false`: the servers do not have it, or not so that it can be relied on. */
  watchRecursively(path: string, watcher: Watcher, signal: AbortSignal): Promise<boolean>;
}

/** The nodes of a tree by their paths; `undefined`: there is no root. */
export type TreeState = ReadonlyMap<string, NodeState> | undefined;

/** Who is told. */
export interface TreeListener {
  next(state: TreeState): void;
  error(error: unknown): void;
  complete(): void;
}

/** A read under way. */
interface Look {
  /** Something happened to the node meanwhile: read it again. */
  dirty: boolean;
  withChildren: boolean;
  readonly names: Promise<readonly string[]>;
}

/** Follows one tree, from `start` to `stop`. */
export class TreeFollower {
  readonly #reads: TreeReads;
  readonly #patience: Patience;
  readonly #root: string;
  readonly #listener: TreeListener;
  readonly #stop = new AbortController();
  readonly #slots = new Slots(limits.treeReadsAtOnce);
  readonly #nodes = new Map<string, NodeState>();
  /** The walk in which each node was last met. */
  readonly #metIn = new Map<string, number>();
  readonly #looks = new Map<string, Look>();
  /** Without recursive watches: the children of each node as last read, and the watcher that is on it. */
  readonly #names = new Map<string, readonly string[]>();
  readonly #watchers = new Map<string, Watcher>();
  #recursive = false;
  #walk = 0;
  #walking = false;
  #again: "walk" | "watch and walk" | undefined;
  #changed = true;
  #telling = false;
  #told: { readonly state: TreeState } | undefined;

  constructor(reads: TreeReads, patience: Patience, root: string, listener: TreeListener) {
    this.#reads = reads;
    this.#patience = patience;
    this.#root = root;
    this.#listener = listener;
  }

  /** Begins. Once. */
  start(): void {
    this.#walkAgain("watch and walk");
  }

  /** Ends, and takes the watches back. Nobody is told anything after this. */
  stop(): void {
    this.#stop.abort();
    this.#reads.unwatch(this.#root, this.#onRecursive);
    for (const path of this.#watchers.keys()) this.#unwatch(path);
  }

  // Events

  readonly #onRecursive: Watcher = ({ type, path }) => {
    if (this.#endedBy(type)) return;
    // It may be called before its own promise has settled, and then what is read needs no watches either.
    this.#recursive = true;
    if (type === "resync") return this.#walkAgain("walk");
    if (type === "nodeDeleted") this.#forget(path);
    // A deleted node is not asked for again, unless a read of it is under way that may know it still.
    if (type !== "nodeDeleted" || this.#looks.has(path)) this.#do(async () => void (await this.#look(path, false)));
  };

  #watcherOf(path: string): Watcher {
    const known = this.#watchers.get(path);
    if (known !== undefined) return known;
    const made: Watcher = ({ type }) => {
      if (this.#endedBy(type)) return;
      if (type === "nodeDeleted") {
        this.#forget(path);
        // Any other will be found again in the list of its parent.
        if (path !== this.#root && !this.#looks.has(path)) return;
      }
      this.#do(() => this.#visit(path, false));
    };
    this.#watchers.set(path, made);
    return made;
  }

  #endedBy(type: WatchEvent["type"]): boolean {
    if (this.#stop.signal.aborted) return true;
    if (type === "closed") this.#listener.complete();
    else if (type === "lost") this.#walkAgain("watch and walk");
    return type === "closed" || type === "lost";
  }

  // Walks

  #walkAgain(how: "walk" | "watch and walk"): void {
    this.#again = this.#again === "watch and walk" ? this.#again : how;
    if (this.#walking) return;
    this.#walking = true;
    this.#do(async () => {
      while (this.#again !== undefined) {
        const first = this.#again;
        this.#again = undefined;
        if (first === "watch and walk") await this.#watch();
        this.#walk++;
        await this.#visit(this.#root, true);
        for (const path of this.#nodes.keys()) if (this.#metIn.get(path) !== this.#walk) this.#forget(path);
      }
      this.#walking = false;
      this.#tell();
    });
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    const watch = () => this.#reads.watchRecursively(this.#root, this.#onRecursive, signal);
    this.#recursive = await insist(this.#patience, signal, watch);
    if (!this.#recursive) return;
    this.#names.clear();
    for (const path of this.#watchers.keys()) this.#unwatch(path);
  }

  /** Looks at a node and at what is new below it; in a walk, at everything below it. */
  async #visit(path: string, everything: boolean): Promise<void> {
    const before = new Set(this.#names.get(path));
    const names = await this.#look(path, true);
    for (const name of names) before.delete(name);
    for (const gone of before) this.#forget(joinPath(path, gone));
    const children = names.map((name) => joinPath(path, name));
    const toVisit = everything ? children : children.filter((child) => !this.#nodes.has(child));
    await Promise.all(toVisit.map((child) => this.#visit(child, everything)));
  }

  // Looks

  /** Reads a node until nothing happens to it meanwhile. Gives the names of its children, if they were asked for. */
  #look(path: string, withChildren: boolean): Promise<readonly string[]> {
    const under = this.#looks.get(path);
    if (under !== undefined) {
      under.dirty = true;
      under.withChildren ||= withChildren;
      return under.names;
    }
    // The first read begins a moment later, when the look is known by its path.
    const names = Promise.resolve().then(() => this.#lookUntilQuiet(path, look));
    const look: Look = { dirty: false, withChildren, names };
    this.#looks.set(path, look);
    return names;
  }

  async #lookUntilQuiet(path: string, look: Look): Promise<readonly string[]> {
    const { signal } = this.#stop;
    try {
      for (;;) {
        look.dirty = false;
        const read = () => this.#slots.run(() => this.#read(path, look.withChildren));
        const found = await insist(this.#patience, signal, read);
        if (look.dirty) continue;
        this.#looks.delete(path);
        if (found === undefined) this.#forget(path);
        else this.#keep(path, found.node, found.names);
        return found?.names ?? [];
      }
    } catch (error) {
      this.#looks.delete(path);
      throw error;
    }
  }

  async #read(
    path: string,
    withChildren: boolean,
  ): Promise<{ readonly node: NodeState; readonly names: readonly string[] } | undefined> {
    const { signal } = this.#stop;
    const options: WatchOptions = this.#recursive ? { signal } : { signal, watch: this.#watcherOf(path) };
    try {
      const [node, names] = await Promise.all([
        this.#reads.get(path, options),
        withChildren ? this.#reads.children(path, options) : [],
      ]);
      return { node, names };
    } catch (error) {
      const isRoot = path === this.#root;
      // What one may not read within a tree is not in it; what one asked for must be readable.
      if (isCoordinationError(error, "NoAuth") && !isRoot) return undefined;
      if (!isCoordinationError(error, "NoNode")) throw error;
      if (this.#recursive || !isRoot) return undefined;
    }
    // Only `exists` leaves a watch where there is nothing.
    return (await this.#reads.exists(path, options)) === undefined ? undefined : await this.#read(path, withChildren);
  }

  // What is known

  #keep(path: string, node: NodeState, names: readonly string[]): void {
    this.#metIn.set(path, this.#walk);
    if (!this.#recursive) this.#names.set(path, names);
    const known = this.#nodes.get(path);
    if (known !== undefined && sameNode(known, node)) return;
    this.#nodes.set(path, node);
    this.#changed = true;
    this.#tell();
  }

  /** The node is gone, and with it whatever was below. */
  #forget(path: string): void {
    for (const name of this.#names.get(path) ?? []) this.#forget(joinPath(path, name));
    this.#names.delete(path);
    this.#metIn.delete(path);
    // The root is waited for; and a read under way may be about to leave a watch of this watcher.
    if (path !== this.#root && !this.#looks.has(path)) this.#unwatch(path);
    if (!this.#nodes.delete(path)) return;
    this.#changed = true;
    this.#tell();
  }

  #unwatch(path: string): void {
    const watcher = this.#watchers.get(path);
    if (watcher === undefined) return;
    this.#watchers.delete(path);
    this.#reads.unwatch(path, watcher);
  }

  /** Tells what there is, once for everything that one turn of the event loop brought. */
  #tell(): void {
    if (this.#telling || this.#walking) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      if (this.#walking || !this.#changed || this.#stop.signal.aborted) return;
      this.#changed = false;
      const state = this.#nodes.has(this.#root) ? new Map(this.#nodes) : undefined;
      // What came and went in between has left no trace.
      if (this.#told !== undefined && sameTree(this.#told.state, state)) return;
      this.#told = { state };
      this.#listener.next(state);
    });
  }

  #do(work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      if (this.#stop.signal.aborted) return;
      if (isCoordinationError(error, "ClientClosed")) this.#listener.complete();
      else this.#listener.error(error);
    });
  }
}

/** Whether two states of nodes are one: of one incarnation (czxid) and one write (mzxid). */
export function sameNode(a: NodeState, b: NodeState): boolean {
  return a.stat.czxid === b.stat.czxid && a.stat.mzxid === b.stat.mzxid;
}

function sameTree(a: TreeState, b: TreeState): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.size !== b.size) return false;
  for (const [path, node] of a) {
    const other = b.get(path);
    if (other === undefined || !sameNode(node, other)) return false;
  }
  return true;
}
