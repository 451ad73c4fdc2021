/**
 * The tree of nodes: what a zxid did to it, nothing about who may do it or what the answer is (that is `operations/`).
 * Two things beyond a map of paths: mutations between `begin` and `rollback` can be undone (a multi is all or nothing),
 * and a snapshot is an exact cut at one zxid although it is streamed out while the tree goes on changing.
 */
import { type Acl, assert, openAcl, parentPath, readOnlyAcl } from "@corral/protocol";
import { Ephemerals } from "./ephemerals.ts";
import { type Lifetime, persistentLifetime } from "./lifetime.ts";
import { NodeStore } from "./node-store.ts";
import { OpenNodes } from "./open-nodes.ts";
import { PathIndex } from "./path-index.ts";
import { PathMap } from "./path-map.ts";
import {
  describedQuota,
  formatQuotaUsage,
  parseQuotaLimits,
  type QuotaLimits,
  quotaUsage,
  statsPath,
} from "./quota.ts";
import { SubtreeCounts } from "./subtree-counts.ts";
import { type Digest, DigestSum } from "./tree-digest.ts";
import { type NodeRecord, Znode } from "./znode.ts";

/** When and by which transaction something happened. */
export interface Stamp {
  readonly zxid: number;
  readonly timeMs: number;
}

/** Paths that no client may delete. */
export const systemPaths = ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"] as const;

/** The nodes by path; see the head of this file. */
export class DataTree {
  readonly #store = new NodeStore();
  readonly #nodes: PathIndex;
  /** For all trees that follow on this one. */
  readonly hashSeed: number;
  readonly #digest = new DigestSum();
  readonly #open = new OpenNodes(this.#store, this.#digest);
  readonly #ephemerals = new Ephemerals(this.#store);
  /** Numbers of containers and nodes with a time to live: candidates of the reaper. */
  readonly #reapable = new Set<number>();
  /** Those for which there is a node with limits. */
  readonly #quotas = new PathMap<string>();
  /** Places of nodes that are not restored yet, though children of theirs are. */
  readonly #awaited = new Map<string, number>();
  #dataBytes = 0;
  #undo: (() => void)[] | undefined;
  readonly #counts = new SubtreeCounts(this);
  /** Deleted since `begin`: given back when it is certain that they stay so. */
  #deleted: number[] = [];
  #cut: SnapshotCut | undefined;
  #snapshots = 0;
  #restoredTwice = false;

  /** `hashSeed`: 32 bits that clients cannot guess; see `PathIndex`. */
  constructor(hashSeed = 0) {
    this.hashSeed = hashSeed;
    this.#nodes = new PathIndex(this.#store, hashSeed);
  }

  /** A fresh tree: the root and the system nodes, all of zxid 0. */
  static fresh(hashSeed = 0): DataTree {
    const tree = new DataTree(hashSeed);
    const record = (acl: readonly Acl[]): NodeRecord => ({
      data: Buffer.alloc(0),
      acl,
      lifetime: persistentLifetime,
      czxid: 0,
      mzxid: 0,
      pzxid: 0,
      ctimeMs: 0,
      mtimeMs: 0,
      version: 0,
      aversion: 0,
      childCreates: 0,
    });
    tree.restore("/", record(openAcl));
    tree.restore("/zookeeper", record(openAcl));
    tree.restore("/zookeeper/quota", record(openAcl));
    // As the reference's, which stores the list with the version that it was asked for: any.
    tree.restore("/zookeeper/config", { ...record(readOnlyAcl), aversion: -1 });
    return tree;
  }

  /**
   * Puts in a node as it was, joined to its parent, in whatever order they come: until the parent comes, its children hang on
   * a place that is kept for it. So there is nothing left to do for all of them at the end, when it would take too long.
   */
  restore(path: string, record: NodeRecord): Znode {
    const kept = this.#awaited.get(path);
    if (kept !== undefined) this.#awaited.delete(path);
    const node = this.#fill(kept ?? this.#store.allocate(path), path, record);
    if (path !== "/") this.#store.link(this.#placeOf(parentPath(path)), node.number);
    this.#digest.add(path, node);
    this.#account(path, node, 1);
    this.#index(path, node);
    return node;
  }

  #placeOf(path: string): number {
    const there = this.#nodes.get(path) ?? this.#awaited.get(path);
    if (there !== undefined) return there;
    const place = this.#store.allocate(path);
    this.#awaited.set(path, place);
    return place;
  }

  /** Why what was restored is no tree, if it is none. */
  restoredFault(): string | undefined {
    for (const path of this.#awaited.keys()) return `there are children of ${path}, but it is not there itself`;
    if (this.#nodes.get("/") === undefined) return "it has no root";
    return this.#restoredTwice ? "a node is there twice" : undefined;
  }

  /** The root also by the empty path, as the reference has it. */
  get(path: string): Znode | undefined {
    const number = this.#nodes.get(path === "" ? "/" : path);
    return number === undefined ? undefined : new Znode(this.#store, number);
  }

  #fill(number: number, path: string, record: NodeRecord): Znode {
    const node = Znode.fill(this.#store, number, record);
    if (!this.#nodes.add(path, number)) this.#restoredTwice = true;
    return node;
  }

  /** Nodes, counted as the reference counts them: the root twice. */
  get nodeCount(): number {
    return this.#nodes.size + 1;
  }

  /** Of all nodes as they are now; not in the middle of a transaction. */
  get digest(): Digest {
    assert(this.#undo === undefined, "no digest in the middle of a transaction");
    this.#open.putIn();
    return this.#digest.value;
  }

  /** Bytes of paths and data. */
  get approximateDataBytes(): number {
    return this.#dataBytes;
  }

  /**
   * A session's ephemeral nodes as they stand in memory: in order of creation, but for those that the snapshot had that
   * the server started from, and those that a failed multi had deleted.
   */
  *ephemeralNodesOf(sessionId: bigint): Generator<Znode> {
    for (const number of this.#ephemerals.of(sessionId)) yield new Znode(this.#store, number);
  }

  /** The paths of those. */
  ephemeralsOf(sessionId: bigint): string[] {
    const paths: string[] = [];
    for (const number of this.#ephemerals.of(sessionId)) paths.push(this.#store.path(number));
    return paths;
  }

  /** The sessions that own ephemeral nodes, and the paths of those. */
  *ephemerals(): Generator<readonly [sessionId: bigint, paths: Iterable<string>]> {
    for (const sessionId of this.#ephemerals.owners()) yield [sessionId, this.ephemeralsOf(sessionId)];
  }

  get ephemeralCount(): number {
    return this.#ephemerals.count;
  }

  /** Containers and nodes with a time to live. The tree may change while they are gone through. */
  *reapable(): Generator<Znode, void, void> {
    for (const number of this.#reapable) yield new Znode(this.#store, number);
  }

  /** Descendants of `path`, itself not counted. */
  countDescendants(path: string): number {
    return Math.max(this.#counts.count(path).count - 1, 0);
  }

  /** The nearest path at or above `path` that has a quota. */
  quotaAbove(path: string): string | undefined {
    let nearest: string | undefined;
    this.#quotas.visitAbove(path, (quota) => {
      nearest = quota;
    });
    return nearest;
  }

  /** What a quota's node says, if it can be read. Only once for each text: every write below asks, and it can be long. */
  quotaNumbers(node: Znode): QuotaLimits | undefined {
    const { quotaReadings } = this.#store;
    let reading = quotaReadings.get(node.number);
    if (reading === undefined) {
      reading = { numbers: parseQuotaLimits(node.data) };
      quotaReadings.set(node.number, reading);
    }
    return reading.numbers;
  }

  /** The path of a node; as the tree keeps it, which is quicker to look up than a copy. */
  pathOf(node: Znode): string {
    return this.#store.path(node.number);
  }

  // What remembers how things were stands apart from what is done each time: a function that makes functions makes room for
  // all that they remember as soon as it begins.

  /** Adds a node below `parent`, where its path says that it belongs. It is not there yet. */
  create(
    path: string,
    parent: Znode,
    init: { data: Uint8Array | null; acl: readonly Acl[]; lifetime: Lifetime },
    stamp: Stamp,
  ): Znode {
    this.#beforeChange(parent);
    const number = this.#store.allocate(path);
    const node = Znode.fresh(this.#store, number, init, stamp);
    const added = this.#nodes.add(path, number);
    assert(added, "a node that is created is not there yet");
    this.#open.add(node.number);
    // Not in a snapshot that is under way.
    if (this.#cut !== undefined) node.snapshotMark = this.#cut.mark;
    if (this.#undo !== undefined) this.#undoCreate(this.#undo, path, node, parent);
    this.#store.link(parent.number, node.number);
    parent.childCreates++;
    parent.pzxid = stamp.zxid;
    this.#account(path, node, 1);
    this.#index(path, node);
    this.#charge(path, 1, node.dataLength);
    this.#countQuota(path, node);
    return node;
  }

  #undoCreate(undo: (() => void)[], path: string, node: Znode, parent: Znode): void {
    const { pzxid } = parent;
    undo.push(() => {
      this.#unlink(path, node, parent);
      this.#store.release(node.number);
      parent.childCreates--;
      parent.pzxid = pzxid;
    });
  }

  /** Removes a node that is `parent`'s and has no children. */
  delete(node: Znode, parent: Znode, stamp: Stamp): void {
    const path = this.pathOf(node);
    assert(node.childCount === 0, "a node that is deleted has no children");
    this.#beforeChange(node);
    this.#beforeChange(parent);
    const { dataLength } = node;
    if (this.#undo !== undefined) this.#undoDelete(this.#undo, path, node, parent);
    this.#unlink(path, node, parent);
    parent.pzxid = stamp.zxid;
    if (this.#undo === undefined) this.#store.release(node.number);
    else this.#deleted.push(node.number);
    this.#charge(path, -1, -dataLength);
  }

  #undoDelete(undo: (() => void)[], path: string, node: Znode, parent: Znode): void {
    const { pzxid } = parent;
    undo.push(() => {
      this.#nodes.add(path, node.number);
      this.#store.link(parent.number, node.number);
      parent.pzxid = pzxid;
      this.#account(path, node, 1);
      this.#index(path, node);
    });
  }

  #unlink(path: string, node: Znode, parent: Znode): void {
    this.#nodes.delete(path, node.number);
    this.#store.unlink(parent.number, node.number);
    this.#account(path, node, -1);
    const { lifetime } = node;
    if (lifetime.kind === "ephemeral") {
      this.#ephemerals.remove(lifetime.owner, node.number);
    } else if (lifetime.kind !== "persistent") {
      this.#reapable.delete(node.number);
    }
    const described = describedQuota(path);
    if (described?.half === "limits") this.#quotas.delete(described.quota);
  }

  /** Keeps the books of the quota that a change counts for, if there is one. */
  #charge(path: string, nodes: number, bytes: number): void {
    const quota = this.quotaAbove(path);
    const stats = quota === undefined ? undefined : this.get(statsPath(quota));
    if (quota === undefined || stats === undefined) return;
    const numbers = this.quotaNumbers(stats);
    // Somebody has written there. Once it can be read again it is counted on from what he says then.
    if (numbers === undefined) return;
    const usage = quotaUsage(numbers);
    this.#book(stats, { count: usage.count + nodes, bytes: usage.bytes + bytes });
  }

  /** A node for the books begins with what there is. */
  #countQuota(path: string, node: Znode): void {
    const described = describedQuota(path);
    if (described?.half !== "stats") return;
    this.#book(node, this.#counts.count(described.quota));
  }

  /** As the reference does it, the books change without a version, a zxid or a watch. */
  #book(stats: Znode, usage: { readonly count: number; readonly bytes: number }): void {
    this.#beforeChange(stats);
    const data = formatQuotaUsage(usage);
    const bytes = data.length - stats.dataLength;
    const path = this.pathOf(stats);
    if (this.#undo !== undefined) this.#undoData(this.#undo, path, stats, bytes);
    this.#store.setData(stats.number, data);
    this.#accountData(path, bytes);
  }

  /** Replaces a node's data by a copy; the version grows even when the bytes are the same. */
  setData(path: string, node: Znode, data: Uint8Array | null, stamp: Stamp): void {
    this.#beforeChange(node);
    const bytes = (data?.length ?? 0) - node.dataLength;
    if (this.#undo !== undefined) this.#undoSetData(this.#undo, path, node, bytes);
    this.#store.setData(node.number, data);
    this.#accountData(path, bytes);
    // Wraps at 2^31 as the reference does, and skips −1, which would mean "any".
    node.version = (node.version + 1) | 0;
    if (node.version === -1) node.version = 0;
    node.mzxid = stamp.zxid;
    node.mtimeMs = stamp.timeMs;
    if (bytes !== 0) this.#charge(path, 0, bytes);
  }

  #undoSetData(undo: (() => void)[], path: string, node: Znode, bytes: number): void {
    const { version, mzxid, mtimeMs } = node;
    this.#undoData(undo, path, node, bytes);
    undo.push(() => {
      node.version = version;
      node.mzxid = mzxid;
      node.mtimeMs = mtimeMs;
    });
  }

  /** The data is about to change, and would have to be put back: the old is copied, for its place will be another's. */
  #undoData(undo: (() => void)[], path: string, node: Znode, bytes: number): void {
    const { data } = node;
    const oldData = data === null ? null : Buffer.from(data);
    const { quotaReadings } = this.#store;
    const oldReading = quotaReadings.get(node.number);
    undo.push(() => {
      this.#accountData(path, -bytes);
      this.#store.setData(node.number, oldData);
      // Or a short transaction that fails would have a long text read again.
      if (oldReading !== undefined) quotaReadings.set(node.number, oldReading);
    });
  }

  /** Replaces a node's access list; only aversion grows. */
  setAcl(node: Znode, acl: readonly Acl[]): void {
    this.#beforeChange(node);
    if (this.#undo !== undefined) this.#undoSetAcl(this.#undo, node);
    this.#store.setAcl(node.number, acl);
    node.aversion = (node.aversion + 1) | 0;
  }

  #undoSetAcl(undo: (() => void)[], node: Znode): void {
    const { acl, aversion } = node;
    undo.push(() => {
      this.#store.setAcl(node.number, acl);
      node.aversion = aversion;
    });
  }

  /** Starts to remember how to undo what follows. */
  begin(): void {
    assert(this.#undo === undefined, "transactions do not nest");
    this.#undo = [];
  }

  /** Keeps what was done since `begin`. */
  commit(): void {
    assert(this.#undo, "a transaction was begun");
    this.#undo = undefined;
    for (const number of this.#deleted.splice(0)) this.#store.release(number);
  }

  /** Undoes what was done since `begin`, last first. */
  rollback(): void {
    const undo = this.#undo;
    assert(undo, "a transaction was begun");
    this.#undo = undefined;
    this.#deleted = [];
    for (let i = undo.length - 1; i >= 0; i--) undo[i]?.();
  }

  /**
   * Starts a cut: the nodes as they are now, however long the caller takes to iterate. Only one at a time; it ends when
   * the iteration ends or `endSnapshot` is called. A node that is about to change is copied first, once. What is handed out is
   * to be used before anything changes and before the next is asked for: from then on it counts as taken.
   */
  snapshot(): Iterable<Znode> {
    assert(this.#cut === undefined, "one snapshot at a time");
    assert(this.#undo === undefined, "no snapshot in the middle of a transaction");
    this.#snapshots++;
    const cut: SnapshotCut = { mark: this.#snapshots, end: this.#store.end, kept: [] };
    this.#cut = cut;
    return this.#iterateCut(cut);
  }

  *#iterateCut(cut: SnapshotCut): Generator<Znode> {
    try {
      // By number, as they are in memory. What has come or has changed since has the mark, and so have the copies.
      for (let number = 0; number < cut.end; number++) {
        if (this.#store.isFree(number)) continue;
        const node = new Znode(this.#store, number);
        if (node.snapshotMark !== cut.mark) {
          node.snapshotMark = cut.mark;
          yield node;
        }
        if (cut.kept.length > 0) yield* this.#takeKept(cut);
      }
      yield* this.#takeKept(cut);
    } finally {
      this.#end(cut);
    }
  }

  /** As they come, so that they do not pile up until the end. */
  *#takeKept({ kept }: SnapshotCut): Generator<Znode> {
    for (let number = kept.pop(); number !== undefined; number = kept.pop()) {
      const node = new Znode(this.#store, number);
      try {
        yield node;
      } finally {
        // Also when the snapshot is given up here: a copy that stays would be one more node in every later one.
        this.#store.release(number);
      }
    }
  }

  /** Ends a cut that is not iterated to its end. */
  endSnapshot(): void {
    if (this.#cut !== undefined) this.#end(this.#cut);
  }

  #end(cut: SnapshotCut): void {
    for (const number of cut.kept.splice(0)) this.#store.release(number);
    if (this.#cut === cut) this.#cut = undefined;
  }

  #beforeChange(node: Znode): void {
    this.#open.takeOut(node);
    const cut = this.#cut;
    if (cut === undefined || node.snapshotMark === cut.mark) return;
    node.snapshotMark = cut.mark;
    cut.kept.push(this.#store.copy(node.number));
  }

  #index(path: string, node: Znode): void {
    const { lifetime } = node;
    if (lifetime.kind === "ephemeral") {
      this.#ephemerals.add(lifetime.owner, node.number);
    } else if (lifetime.kind !== "persistent") {
      this.#reapable.add(node.number);
    }
    const described = describedQuota(path);
    if (described?.half === "limits") this.#quotas.set(described.quota, described.quota);
  }

  #account(path: string, node: Znode, sign: 1 | -1): void {
    this.#dataBytes += sign * (path.length + node.dataLength);
    this.#counts.change(path, sign, sign * node.dataLength);
  }

  #accountData(path: string, bytes: number): void {
    this.#dataBytes += bytes;
    this.#counts.change(path, 0, bytes);
  }
}

interface SnapshotCut {
  readonly mark: number;
  /** All its nodes have numbers below this. */
  readonly end: number;
  /** Nodes of the cut that have changed or gone since, and have not been handed out: copies of how they were. */
  readonly kept: number[];
}
