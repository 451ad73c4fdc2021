/**
 * What can be made of a snapshot whose nodes are not those that the server had: a tree, with each path once and no node
 * without its parent. The header's digest then tells whether that is the tree that there was.
 */
import { formatZxid, parentPath } from "@corral/protocol";
import type { SnapshotState } from "./snapshot.ts";
import { type NodeChoice, SnapshotReader } from "./snapshot-reader.ts";
import type { NodeRecord } from "./znode.ts";

/** Which nodes of a snapshot's are left out, and why. */
export interface SnapshotMend {
  /** Their numbers, in the order of the file. */
  readonly leftOut: ReadonlySet<number>;
  readonly remarks: readonly MendRemark[];
}

/** What is wrong with a node, and what is made of it, each as a clause. */
export interface MendRemark {
  readonly fault: string;
  readonly remedy: string;
}

/** A state, and whether it is certain to be the one that the snapshot was made of. */
export interface MendedSnapshot {
  readonly state: SnapshotState;
  /** The header's digest is that of this state. */
  readonly isExact: boolean;
}

/** Remarks before the rest is only counted. */
const remarksMax = 20;

interface Row {
  readonly number: number;
  readonly record: Omit<NodeRecord, "data" | "acl" | "lifetime">;
}

/** Takes a snapshot's chunks in order, and says what is to be left out. */
export class MendPlanner {
  readonly #rows = new Map<string, Row>();
  readonly #twice = new Map<string, Row[]>();
  readonly #reader = new SnapshotReader(0, (path, record) => this.#note(path, record));
  #count = 0;

  /** @throws DecodeError when the chunk is not what a server writes. */
  onChunk(bytes: Uint8Array): void {
    this.#reader.onChunk(bytes);
  }

  /** Undefined: there is nothing to hang any node on. */
  finish(): SnapshotMend | undefined {
    if (!this.#rows.has("/")) return undefined;
    const leftOut = new Set<number>();
    const remarks: MendRemark[] = [];
    for (const [path, rows] of this.#twice) {
      const taken = rows.reduce(newer);
      this.#rows.set(path, taken);
      for (const row of rows) if (row !== taken) leftOut.add(row.number);
      remarks.push(remarkOn(path, rows, taken));
    }
    // One without its parent is no parent either.
    const isJoined = new Map([["/", true]]);
    for (const [path, { number }] of this.#rows) {
      if (this.#isJoined(path, isJoined)) continue;
      leftOut.add(number);
      for (const row of this.#twice.get(path) ?? []) leftOut.add(row.number);
      remarks.push({ fault: `${path} is there, but not all that is above it`, remedy: "it is left out" });
    }
    return { leftOut, remarks: shortened(remarks) };
  }

  #isJoined(path: string, known: Map<string, boolean>): boolean {
    const below: string[] = [];
    let at = path;
    for (; !known.has(at) && this.#rows.has(at); at = parentPath(at)) below.push(at);
    const isIt = known.get(at) ?? false;
    for (const one of below) known.set(one, isIt);
    return isIt;
  }

  /** None is put into a tree, so that the tree's seed does not matter. */
  #note(path: string, { czxid, mzxid, pzxid, ctimeMs, mtimeMs, version, aversion, childCreates }: NodeRecord): boolean {
    const record = { czxid, mzxid, pzxid, ctimeMs, mtimeMs, version, aversion, childCreates };
    const row = { number: this.#count++, record };
    const other = this.#rows.get(path);
    if (other === undefined) this.#rows.set(path, row);
    else this.#twice.set(path, [...(this.#twice.get(path) ?? [other]), row]);
    return false;
  }
}

/** Of two states of a node, the later: none of these ever goes down. */
const growing = ["mzxid", "pzxid", "aversion", "childCreates"] as const;

function newer(one: Row, other: Row): Row {
  for (const field of growing) {
    if (one.record[field] !== other.record[field]) return one.record[field] > other.record[field] ? one : other;
  }
  return other;
}

function remarkOn(path: string, rows: readonly Row[], taken: Row): MendRemark {
  const times = rows.length === 2 ? "twice" : `${rows.length} times`;
  const field = growing.find((one) => rows.some(({ record }) => record[one] !== taken.record[one]));
  if (field === undefined)
    return { fault: `${path} is there ${times}, alike but perhaps for the data`, remedy: "the last one is taken" };
  const shown = ({ record }: Row) => (field.endsWith("zxid") ? formatZxid(record[field]) : String(record[field]));
  const fault = `${path} is there ${times}, with ${field} ${rows.map(shown).join(" and ")}`;
  return { fault, remedy: `that with ${shown(taken)} is taken` };
}

function shortened(remarks: readonly MendRemark[]): readonly MendRemark[] {
  if (remarks.length <= remarksMax) return remarks;
  const fault = `so it is with ${remarks.length - remarksMax} more`;
  return [...remarks.slice(0, remarksMax), { fault, remedy: "as with these" }];
}

/** What a reader is to take. For one reader. */
export function choiceOf({ leftOut }: SnapshotMend): NodeChoice {
  let count = 0;
  return () => !leftOut.has(count++);
}

/** Takes a snapshot's chunks in order, without what is left out. */
export class MendedReader {
  readonly #reader: SnapshotReader;

  /** `hashSeed`: see `DataTree`. */
  constructor(hashSeed: number, mend: SnapshotMend) {
    this.#reader = new SnapshotReader(hashSeed, choiceOf(mend));
  }

  /** @throws DecodeError when the chunk is not what a server writes. */
  onChunk(bytes: Uint8Array): void {
    this.#reader.onChunk(bytes);
  }

  /** @throws DecodeError when the mend is another snapshot's. */
  finish(): MendedSnapshot {
    const state = this.#reader.finish();
    return { state, isExact: this.#reader.hasDigest && this.#reader.digestFault() === undefined };
  }
}
