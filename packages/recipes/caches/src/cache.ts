/**
 * What all caches have in common: they read everything, then follow every change; what they hold is a value that can be
 * looked at without waiting. What was missed while there was no connection is found out on the next one, by czxid, not
 * by version; until that is done the cache says that it may be out of date.
 */
import { type Client, type ObservedNode, type ObservedTree, type TreeChange, treeChanges } from "@corral/client";
import { beginWait, recipePath, until, type WaitOptions } from "@corral/recipe-kit";
import { distinctUntilChanged, map, Observable, ReplaySubject, Subject, type Subscription } from "rxjs";
import { Contents } from "./contents.ts";
import { CacheUnavailableError, isCacheOverflowError } from "./errors.ts";
import type { Known } from "./known.ts";

/** How far a cache can be believed. */
export type CacheState =
  /** Not everything has been read yet, or it was not started. */
  | { readonly kind: "initialising" }
  /** It has everything, as the server has it that we are connected to. */
  | { readonly kind: "current" }
  /** Not connected, or not everything read again since: what it holds may be out of date. */
  | { readonly kind: "suspended" }
  /** There is more than it may hold; it holds nothing any more, and watches nothing. */
  | { readonly kind: "overflow"; readonly nodes: number; readonly bytes: number }
  /** It cannot be read, such as for want of a permission; it holds nothing any more, and watches nothing. */
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "closed" };

/** What a cache holds, and how far it can be believed. */
export interface CacheView {
  readonly state: CacheState;
  /** The nodes by their paths. Never changed: a change makes another map, of which what has not changed is the same. */
  readonly nodes: ObservedTree;
}

/** Of every cache. */
export interface CacheOptions {
  /** Which nodes to hold, by their data and stat too. One that comes to be unwanted is told as deleted. Default: all. */
  readonly keep?: ((node: ObservedNode) => boolean) | undefined;
  /** Nodes followed at most, whether they are held or not. Default 100 000. */
  readonly nodesMax?: number | undefined;
  /** Bytes of their paths and data at most. Default 64 MiB. */
  readonly bytesMax?: number | undefined;
}

const defaultNodesMax = 100_000;
const defaultBytesMax = 64 * 1024 * 1024;

/** The bounds that `options` ask for. @throws RangeError */
export function boundsOf({ nodesMax = defaultNodesMax, bytesMax = defaultBytesMax }: CacheOptions) {
  for (const [name, value] of Object.entries({ nodesMax, bytesMax })) {
    if (!(value >= 1)) throw new RangeError(`${name} is ${value}; a cache must be allowed to hold something.`);
  }
  return { nodesMax, bytesMax };
}

const initialising: CacheState = { kind: "initialising" };
const current: CacheState = { kind: "current" };
const suspended: CacheState = { kind: "suspended" };
const closed: CacheState = { kind: "closed" };

/** See the head of this file. Made as NodeCache, ChildrenCache and TreeCache. */
export class Cache implements AsyncDisposable {
  readonly path: string;
  readonly #client: Client;
  readonly #source: Observable<Known>;
  readonly #keep: CacheOptions["keep"];
  /** The last one is told to late subscribers too, also when the cache has ended. */
  readonly #views = new ReplaySubject<CacheView>(1);
  readonly #changes = new Subject<TreeChange>();
  readonly #initialised: Promise<void>;
  #state: CacheState = initialising;
  #contents = Contents.none;
  #isInitialised = false;
  /** Why it has ended. */
  #end: { readonly error: unknown } | undefined;
  #following: Subscription | undefined;
  #resolve: () => void = () => {};
  #reject: (error: unknown) => void = () => {};

  /** `source`: what is cached, as far as it is known; it completes when the client is closed. */
  constructor(
    client: Client,
    path: string,
    source: Observable<Known>,
    keep: ((node: ObservedNode) => boolean) | undefined,
  ) {
    this.path = recipePath("A cache", path);
    this.#client = client;
    this.#source = source;
    this.#keep = keep;
    this.#initialised = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever does not wait for it hears of it by the state.
    this.#initialised.catch(() => undefined);
    this.#become(initialising, Contents.none);
  }

  /**
   * Begins, and resolves when everything has been read. Idempotent. When the wait ends early the cache goes on: `close()`
   * ends it.
   * @throws WaitTimeoutError, the signal's reason, CacheOverflowError, CacheUnavailableError if it was closed, and what
   * it cannot be read for, such as NoAuthError
   */
  async start(wait: WaitOptions = {}): Promise<this> {
    this.#begin();
    using limit = beginWait(this.#client, "The contents of", this.path, wait);
    await until(this.#initialised, limit.signal);
    if (this.#end !== undefined) throw this.#end.error;
    return this;
  }

  /** Resolves when everything has been read for the first time; rejects if it never will be. */
  get initialised(): Promise<void> {
    return this.#initialised;
  }

  /** How far it can be believed at this moment. */
  get state(): CacheState {
    return this.#state;
  }

  /** The state, now and after every change of it. Completes when the cache has ended. */
  get state$(): Observable<CacheState> {
    return this.#views.pipe(
      map(({ state }) => state),
      distinctUntilChanged(),
    );
  }

  /** What it holds and how far that can be believed, now and after every change of either. Completes when it has ended. */
  get view$(): Observable<CacheView> {
    return this.#views.asObservable();
  }

  /**
   * Every change by itself, beginning with what is held already, as `created`. `recreated`: it was deleted and made again
   * meanwhile, seen by its czxid, whatever its version. Completes when the cache is closed; errors with
   * CacheOverflowError and whatever else ends it.
   */
  get changes$(): Observable<TreeChange> {
    return new Observable((subscriber) => {
      for (const change of treeChanges(undefined, this.#contents.nodes)) subscriber.next(change);
      return this.#changes.subscribe(subscriber);
    });
  }

  /**
   * All nodes that are held, by their paths. While suspended: as they were last known.
   * @throws CacheUnavailableError before everything has been read, and after the cache has ended
   */
  get nodes(): ObservedTree {
    return this.#available().nodes;
  }

  /** The node at `path`; `undefined`: it is not there, or not wanted. Throws as `nodes`. */
  get(path: string): ObservedNode | undefined {
    return this.#available().nodes.get(path);
  }

  /** The names of the children of `path` that are held, sorted by code unit. Throws as `nodes`. */
  children(path: string = this.path): readonly string[] {
    return this.#available().children(path);
  }

  /** Ends it: it holds nothing any more, and takes its watches back. Idempotent. */
  async close(): Promise<void> {
    this.#finish(closed, new CacheUnavailableError(this.path, "closed"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #available(): Contents {
    const state = this.#state;
    if (state.kind === "current" || state.kind === "suspended") return this.#contents;
    throw new CacheUnavailableError(this.path, state.kind, state.kind === "failed" ? state.error : undefined);
  }

  #begin(): void {
    if (this.#following !== undefined || this.#end !== undefined) return;
    const contents$ = this.#source.pipe(
      map((known) => (known.state === "suspended" ? undefined : Contents.of(known.tree, this.#keep))),
    );
    this.#following = contents$.subscribe({
      next: (contents) => (contents === undefined ? this.#onSuspended() : this.#onContents(contents)),
      error: (error: unknown) => this.#onError(error),
      complete: () => this.#finish(closed, new CacheUnavailableError(this.path, "closed")),
    });
    // Ended while it began, by whoever was told of its first state.
    if (this.#end !== undefined) this.#following.unsubscribe();
  }

  #onSuspended(): void {
    if (this.#isInitialised && this.#state !== suspended) this.#become(suspended, this.#contents);
  }

  #onContents(contents: Contents): void {
    const changes = treeChanges(this.#contents.nodes, contents.nodes);
    this.#isInitialised = true;
    if (changes.length > 0 || this.#state !== current) this.#become(current, contents);
    this.#resolve();
    for (const change of changes) this.#changes.next(change);
  }

  #onError(error: unknown): void {
    if (isCacheOverflowError(error)) {
      const { nodes, bytes } = error;
      this.#finish({ kind: "overflow", nodes, bytes }, error);
    } else {
      this.#finish({ kind: "failed", error }, error);
    }
  }

  #finish(state: CacheState, error: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#following?.unsubscribe();
    this.#become(state, Contents.none);
    this.#views.complete();
    this.#reject(error);
    if (state.kind === "closed") this.#changes.complete();
    else this.#changes.error(error);
  }

  #become(state: CacheState, contents: Contents): void {
    this.#state = state;
    this.#contents = contents;
    this.#views.next({ state, nodes: contents.nodes });
  }
}
