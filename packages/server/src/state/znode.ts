/**
 * One node of the tree, as an object: data, access list, children and the numbers that Stat shows. It is a look at the
 * node's record (node-store.ts), made for the moment and valid until the node is deleted.
 */
import type { Acl, WireStat, Writer } from "@corral/protocol";
import type { Stamp } from "./data-tree.ts";
import type { Lifetime } from "./lifetime.ts";
import { doubles, ints } from "./node-row.ts";
import { type Block, doublesAt, intsAt, type NodeStore } from "./node-store.ts";
import type { ValueWriter } from "./slabs.ts";

/** All that is known of a node but its path and its children. */
export interface NodeRecord {
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[];
  readonly lifetime: Lifetime;
  readonly czxid: number;
  readonly ctimeMs: number;
  readonly mzxid: number;
  readonly mtimeMs: number;
  readonly pzxid: number;
  readonly version: number;
  readonly aversion: number;
  /** Creates ever done below this node; the source of sequence numbers. `cversion` of Stat also counts deletes. */
  readonly childCreates: number;
}

/** A node; its path is known to the tree. */
export class Znode implements NodeRecord {
  readonly number: number;
  readonly #store: NodeStore;
  readonly #block: Block;
  readonly #doubles: number;
  readonly #ints: number;

  constructor(store: NodeStore, number: number) {
    this.number = number;
    this.#store = store;
    this.#block = store.block(number);
    this.#doubles = doublesAt(number);
    this.#ints = intsAt(number);
  }

  /** Writes the record of a node that is made now, at a place that was just allocated: by itself, for every create comes by here. */
  static fresh(
    store: NodeStore,
    number: number,
    { data, acl, lifetime }: Pick<NodeRecord, "data" | "acl" | "lifetime">,
    { zxid, timeMs }: Stamp,
  ): Znode {
    const block = store.block(number);
    const at = doublesAt(number);
    block.doubles[at + doubles.czxid] = zxid;
    block.doubles[at + doubles.mzxid] = zxid;
    block.doubles[at + doubles.pzxid] = zxid;
    block.doubles[at + doubles.ctimeMs] = timeMs;
    block.doubles[at + doubles.mtimeMs] = timeMs;
    block.doubles[at + doubles.childCreates] = 0;
    block.ints[intsAt(number) + ints.acl] = store.acls.add(acl);
    store.setLifetime(number, lifetime);
    store.setData(number, data);
    return new Znode(store, number);
  }

  /** Writes the whole record of a node that was just allocated. */
  static fill(store: NodeStore, number: number, record: NodeRecord): Znode {
    const block = store.block(number);
    block.doubles[doublesAt(number) + doubles.czxid] = record.czxid;
    block.doubles[doublesAt(number) + doubles.ctimeMs] = record.ctimeMs;
    block.ints[intsAt(number) + ints.acl] = store.acls.add(record.acl);
    store.setLifetime(number, record.lifetime);
    store.setData(number, record.data);
    const node = new Znode(store, number);
    node.mzxid = record.mzxid;
    node.mtimeMs = record.mtimeMs;
    node.pzxid = record.pzxid;
    node.version = record.version;
    node.aversion = record.aversion;
    node.childCreates = record.childCreates;
    return node;
  }

  #double(which: number): number {
    return this.#block.doubles[this.#doubles + which] as number;
  }

  #setDouble(which: number, value: number): void {
    this.#block.doubles[this.#doubles + which] = value;
  }

  #int(which: number): number {
    return this.#block.ints[this.#ints + which] as number;
  }

  #setInt(which: number, value: number): void {
    this.#block.ints[this.#ints + which] = value;
  }

  get czxid(): number {
    return this.#double(doubles.czxid);
  }

  get ctimeMs(): number {
    return this.#double(doubles.ctimeMs);
  }

  get mzxid(): number {
    return this.#double(doubles.mzxid);
  }

  set mzxid(value: number) {
    this.#setDouble(doubles.mzxid, value);
  }

  get mtimeMs(): number {
    return this.#double(doubles.mtimeMs);
  }

  set mtimeMs(value: number) {
    this.#setDouble(doubles.mtimeMs, value);
  }

  get pzxid(): number {
    return this.#double(doubles.pzxid);
  }

  set pzxid(value: number) {
    this.#setDouble(doubles.pzxid, value);
  }

  get version(): number {
    return this.#int(ints.version);
  }

  set version(value: number) {
    this.#setInt(ints.version, value);
  }

  get aversion(): number {
    return this.#int(ints.aversion);
  }

  set aversion(value: number) {
    this.#setInt(ints.aversion, value);
  }

  get childCreates(): number {
    return this.#double(doubles.childCreates);
  }

  set childCreates(value: number) {
    this.#setDouble(doubles.childCreates, value);
  }

  get childCount(): number {
    return this.#int(ints.childCount);
  }

  /** The last snapshot that has this node, or that was under way when it was made; see `DataTree.snapshot`. */
  get snapshotMark(): number {
    return this.#int(ints.snapshotMark);
  }

  set snapshotMark(value: number) {
    this.#setInt(ints.snapshotMark, value);
  }

  /** Names of the children, in order of creation. */
  get children(): string[] {
    return this.#store.childNames(this.number);
  }

  /** Tells the paths of the children, in order of creation. */
  eachChild(tell: (path: string) => void): void {
    this.#store.eachChild(this.number, tell);
  }

  get acl(): readonly Acl[] {
    return this.#store.acls.get(this.#int(ints.acl));
  }

  get lifetime(): Lifetime {
    return this.#store.lifetime(this.number);
  }

  get hasData(): boolean {
    return this.#int(ints.dataLength) >= 0;
  }

  /** Bytes of the data; 0 if it is null. */
  get dataLength(): number {
    return Math.max(0, this.#int(ints.dataLength));
  }

  /** Of the data, for the tree's digest. */
  get dataHash(): number {
    return this.#int(ints.dataHash);
  }

  /** Where its zxids and times stand, and where they begin there: see `doubles`. */
  get numbers(): Float64Array {
    return this.#block.doubles;
  }

  get numbersAt(): number {
    return this.#doubles;
  }

  /** The data where it is: to be used, or copied, before the tree changes. */
  get data(): Buffer | null {
    const length = this.#int(ints.dataLength);
    return length < 0 ? null : this.#store.slabs.view(this.#int(ints.data), length);
  }

  /** Writes the data as `getData` shows it. */
  writeData(out: Writer): void {
    const length = this.#int(ints.dataLength);
    out.int(length);
    if (length > 0) this.copyData(out);
  }

  /** Writes the bytes of its data, which is not null. */
  copyData(out: ValueWriter): void {
    this.#store.slabs.write(out, this.#int(ints.data), this.#int(ints.dataLength));
  }

  /** Session that owns the node; 0 unless it is ephemeral. */
  get ephemeralOwner(): bigint {
    const { lifetime } = this;
    return lifetime.kind === "ephemeral" ? lifetime.owner : 0n;
  }

  /** Visible cversion counts creates and deletes: creates + (creates − children still there). 32 bits, as versions are. */
  get cversion(): number {
    return (2 * this.childCreates - this.childCount) | 0;
  }

  /** The metadata as clients see it. */
  stat(): WireStat {
    return {
      czxid: this.czxid,
      mzxid: this.mzxid,
      ctime: this.ctimeMs,
      mtime: this.mtimeMs,
      version: this.version,
      cversion: this.cversion,
      aversion: this.aversion,
      ephemeralOwner: this.ephemeralOwner,
      dataLength: this.dataLength,
      numChildren: this.childCount,
      pzxid: this.pzxid,
    };
  }

  /** Writes what `statCodec` makes of `stat()`, without an object in between: nearly every answer has it. */
  writeStat(out: Writer): void {
    const { doubles: numbers } = this.#block;
    out.longs(numbers, this.#doubles + doubles.czxid, 4);
    out.int(this.version);
    out.int(this.cversion);
    out.int(this.aversion);
    out.bigLong(this.ephemeralOwner);
    out.int(this.dataLength);
    out.int(this.childCount);
    out.longs(numbers, this.#doubles + doubles.pzxid, 1);
  }
}
