/**
 * What a client observes: one follower a path and kind, however many subscribe, begun with the first of them and ended
 * with the last. Paths are the server's.
 */
import { finalize, Observable, ReplaySubject, share } from "rxjs";
import { isCoordinationError } from "../errors.ts";
import type { Patience } from "../insist.ts";
import type { CallOptions, WatchOptions } from "../options.ts";
import type { Stat } from "../stat.ts";
import { follow, type Subject } from "./follow.ts";
import { sameNode, TreeFollower, type TreeReads, type TreeState } from "./tree-follower.ts";

/** A node as it was read. */
export interface NodeState {
  /** Shared among all who observe the node: not to be written into. */
  readonly data: Buffer | null;
  readonly stat: Stat;
}

/** The children of one incarnation of a node. */
interface ChildrenState {
  readonly children: readonly string[];
  readonly czxid: bigint;
}

/** The reads that observing needs. */
export interface Reads extends TreeReads {
  childrenWithStat(
    path: string,
    options: WatchOptions,
  ): Promise<{ readonly children: readonly string[]; readonly stat: Stat }>;
}

/** The shared followers of one client. */
export class Observers {
  readonly #reads: Reads;
  readonly #patience: Patience;
  readonly #nodes = new Map<string, Observable<NodeState | undefined>>();
  readonly #children = new Map<string, Observable<ChildrenState | undefined>>();
  readonly #trees = new Map<string, Observable<TreeState>>();

  constructor(reads: Reads, patience: Patience) {
    this.#reads = reads;
    this.#patience = patience;
  }

  /** The node at `path`. */
  node(path: string): Observable<NodeState | undefined> {
    return this.#followed(this.#nodes, path, {
      look: (watch, signal) => this.#orAbsent(path, { watch, signal }, (options) => this.#reads.get(path, options)),
      unwatch: (watcher) => this.#reads.unwatch(path, watcher),
      same: sameNode,
    });
  }

  /** The names of the children of `path`, sorted. A node that was recreated is another one, whatever its children. */
  children(path: string): Observable<ChildrenState | undefined> {
    return this.#followed(this.#children, path, {
      look: (watch, signal) =>
        this.#orAbsent(path, { watch, signal }, async (options) => {
          const { children, stat } = await this.#reads.childrenWithStat(path, options);
          return { children, czxid: stat.czxid };
        }),
      unwatch: (watcher) => this.#reads.unwatch(path, watcher),
      same: (a, b) => a.czxid === b.czxid && equal(a.children, b.children),
    });
  }

  /** `path` and everything below it. */
  tree(path: string): Observable<TreeState> {
    return this.#shared(this.#trees, path, () => {
      return new Observable((subscriber) => {
        const follower = new TreeFollower(this.#reads, this.#patience, path, subscriber);
        follower.start();
        return () => follower.stop();
      });
    });
  }

  #followed<S>(
    all: Map<string, Observable<S | undefined>>,
    path: string,
    subject: Subject<S>,
  ): Observable<S | undefined> {
    return this.#shared(all, path, () => follow(this.#patience, subject));
  }

  #shared<S>(all: Map<string, Observable<S>>, path: string, make: () => Observable<S>): Observable<S> {
    const there = all.get(path);
    if (there !== undefined) return there;
    const made = make().pipe(
      finalize(() => all.delete(path)),
      share({ connector: () => new ReplaySubject(1) }),
    );
    all.set(path, made);
    return made;
  }

  /** A read leaves its watch only on a node that is there; on one that is not, `exists` leaves it. */
  async #orAbsent<S>(
    path: string,
    options: WatchOptions & CallOptions,
    read: (options: WatchOptions) => Promise<S>,
  ): Promise<S | undefined | "again"> {
    try {
      return await read(options);
    } catch (error) {
      if (!isCoordinationError(error, "NoNode")) throw error;
    }
    return (await this.#reads.exists(path, options)) === undefined ? undefined : "again";
  }
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}
