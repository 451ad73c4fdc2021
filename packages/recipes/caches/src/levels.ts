/**
 * A tree down to some depth, without the rest: the data of each node is kept up with, and the list of its children as far
 * as one goes down. For whole trees the client has `watchTree`, which needs one watch where servers have recursive ones.
 *
 * Invariants
 *   Whole     nothing is told before all that was there has been read; and after a broken connection not before the
 *             server has answered on the next one, and all that had changed by then has been read
 *   Behind    what a watch missed is told before that answer; so by then each part knows whether it must read again
 *   Progress  what changes afterwards is not waited for: there may always be something
 */
import { type Client, isCoordinationError, type ObservedNode, type StateEvent } from "@corral/client";
import { insist } from "@corral/recipe-kit";
import { Observable, type Subscriber } from "rxjs";
import { bytesOf } from "./contents.ts";
import { type Bounds, CacheOverflowError } from "./errors.ts";
import { Gate } from "./gate.ts";
import { type Known, suspended } from "./known.ts";
import { Part } from "./part.ts";
import { childPath } from "./paths.ts";

/** How far to go, and how much to take. */
export interface Reach extends Bounds {
  /** 0: the root alone; 1: its children too; … */
  readonly depth: number;
  /** Whether to go down below a node. Default: always. */
  readonly descend?: ((path: string) => boolean) | undefined;
}

/** Reads under way at a time. */
const readsAtOnce = 128;

/** A node that is followed. */
interface Entry {
  readonly path: string;
  readonly level: number;
  readonly parts: Part<unknown>[];
  node: ObservedNode | undefined;
  names: readonly string[];
  bytes: number;
}

/**
 * The nodes at and below `root` as far as `reach` goes. Nodes below the root that cannot be read are left out. Errors with
 * CacheOverflowError, and with what the root cannot be read for; completes when the client is closed.
 */
export function watchLevels(client: Client, root: string, reach: Reach): Observable<Known> {
  return new Observable((subscriber) => {
    const levels = new Levels(client, root, reach, subscriber);
    levels.start();
    return () => levels.stop();
  });
}

class Levels {
  readonly #client: Client;
  readonly #root: string;
  readonly #reach: Reach;
  readonly #subscriber: Subscriber<Known>;
  readonly #entries = new Map<string, Entry>();
  readonly #gate = new Gate(readsAtOnce);
  /** Parts that must have been read before anything is told. */
  readonly #owed = new Set<Part<unknown>>();
  readonly #stop = new AbortController();
  #bytes = 0;
  /** Not connected, or not sure yet of what was missed. */
  #isBehind = false;
  /** Counts changes of the connection's state. */
  #connection = 0;
  /** What there is has been told, as current. */
  #isTold = false;
  #isTelling = false;

  constructor(client: Client, root: string, reach: Reach, subscriber: Subscriber<Known>) {
    this.#client = client;
    this.#root = root;
    this.#reach = reach;
    this.#subscriber = subscriber;
  }

  start(): void {
    this.#client.on("state", this.#onState);
    this.#isBehind = this.#client.state !== "connected";
    this.#follow(this.#root, 0, true);
  }

  stop(): void {
    this.#client.off("state", this.#onState);
    this.#stop.abort();
    for (const { parts } of this.#entries.values()) for (const part of parts) part.end();
    this.#entries.clear();
  }

  // What is followed

  /** `isOwed`: it belongs to what must be read before anything is told. */
  #follow(path: string, level: number, isOwed: boolean): void {
    const { depth, descend } = this.#reach;
    const entry: Entry = { path, level, parts: [], node: undefined, names: [], bytes: bytesOf(path, undefined) };
    this.#entries.set(path, entry);
    this.#bytes += entry.bytes;
    if (this.#overflows()) return;
    const read = new Part(this.#client, path, this.#gate, (options) => this.#client.get(path, options));
    this.#keepUp(entry, read, isOwed, (node) => this.#onNode(entry, node && { path, ...node }));
    if (level >= depth || descend?.(path) === false) return;
    const list = new Part(this.#client, path, this.#gate, (options) => this.#client.children(path, options));
    this.#keepUp(entry, list, isOwed, (names) => this.#onNames(entry, names ?? [], this.#owed.has(list)));
  }

  #keepUp<T>(entry: Entry, part: Part<T>, isOwed: boolean, onState: (state: T | undefined) => void): void {
    entry.parts.push(part);
    if (isOwed) this.#owed.add(part);
    const onAnswer = (state: T | undefined): void => {
      onState(state);
      this.#owed.delete(part);
      this.#tell();
    };
    part.keepUp(onAnswer).catch((error: unknown) => {
      if (isCoordinationError(error, "ClientClosed")) this.#subscriber.complete();
      // What one may not read within a tree is not in it; what one asked for must be readable.
      else if (isCoordinationError(error, "NoAuth") && entry.path !== this.#root) {
        entry.parts.splice(entry.parts.indexOf(part), 1);
        onAnswer(undefined);
      } else this.#subscriber.error(error);
    });
  }

  #onNode(entry: Entry, node: ObservedNode | undefined): void {
    const known = entry.node;
    const isSame = known?.stat.czxid === node?.stat.czxid && known?.stat.mzxid === node?.stat.mzxid;
    if (!isSame) {
      entry.node = node;
      this.#isTold = false;
    }
    const bytes = bytesOf(entry.path, node);
    this.#bytes += bytes - entry.bytes;
    entry.bytes = bytes;
    this.#overflows();
  }

  #onNames(entry: Entry, names: readonly string[], areOwed: boolean): void {
    const before = new Set(entry.names);
    entry.names = names;
    const added = names.filter((name) => !before.delete(name));
    for (const name of before) this.#drop(childPath(entry.path, name));
    for (const name of added) {
      if (this.#subscriber.closed) return;
      this.#follow(childPath(entry.path, name), entry.level + 1, areOwed);
    }
  }

  /** The node is gone, and with it whatever was below. */
  #drop(path: string): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    this.#entries.delete(path);
    this.#isTold = false;
    this.#bytes -= entry.bytes;
    for (const name of entry.names) this.#drop(childPath(path, name));
    for (const part of entry.parts) {
      this.#owed.delete(part);
      part.end();
    }
  }

  #overflows(): boolean {
    const { nodesMax, bytesMax } = this.#reach;
    if (this.#entries.size <= nodesMax && this.#bytes <= bytesMax) return false;
    const found = { nodes: this.#entries.size, bytes: this.#bytes };
    this.#subscriber.error(new CacheOverflowError(this.#root, found, this.#reach));
    return true;
  }

  // The connection

  readonly #onState = ({ state }: StateEvent): void => {
    const connection = ++this.#connection;
    this.#isBehind = true;
    this.#isTold = false;
    this.#subscriber.next(suspended);
    if (state === "closed") this.#subscriber.complete();
    if (state !== "connected") return;
    this.#catchUp(connection).catch((error: unknown) => {
      if (!this.#stop.signal.aborted) this.#subscriber.error(error);
    });
  };

  /** Waits for one answer on this connection: by then it is known what was missed. */
  async #catchUp(connection: number): Promise<void> {
    const { signal } = this.#stop;
    await insist(this.#client, () => this.#client.sync(this.#root, { signal }), signal);
    if (connection !== this.#connection) return;
    for (const { parts } of this.#entries.values()) {
      for (const part of parts) if (!part.isUpToDate) this.#owed.add(part);
    }
    this.#isBehind = false;
    this.#tell();
  }

  /** Tells what there is, once for everything that one turn brought. */
  #tell(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    queueMicrotask(() => {
      this.#isTelling = false;
      if (this.#isTold || this.#isBehind || this.#owed.size > 0) return;
      this.#isTold = true;
      this.#subscriber.next({ state: "current", tree: this.#tree() });
    });
  }

  #tree(): ReadonlyMap<string, ObservedNode> | undefined {
    if (this.#entries.get(this.#root)?.node === undefined) return undefined;
    const tree = new Map<string, ObservedNode>();
    for (const { path, node } of this.#entries.values()) if (node !== undefined) tree.set(path, node);
    return tree;
  }
}
