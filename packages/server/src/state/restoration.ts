/**
 * A snapshot that comes through the log, piece by piece, to replace the state: so that every server that applies the same
 * entries has the same state, and a restart in the middle begins from the log again. All sessions are over then, those of
 * the snapshot too: whoever they belong to could not know what has become of the nodes that were his.
 */
import { parentPath } from "@corral/protocol";
import type { DataTree, Stamp } from "./data-tree.ts";
import type { RestorePart } from "./operation.ts";
import { SnapshotReader } from "./snapshot-reader.ts";

/** What has come of a snapshot so far. */
export class Restoration {
  readonly #hashSeed: number;
  #reader: SnapshotReader | undefined;
  #nextNumber = 0;

  /** `hashSeed`: of the tree that comes out, see `DataTree`. */
  constructor(hashSeed: number) {
    this.#hashSeed = hashSeed;
  }

  /** Whether a snapshot was begun and is not whole yet. */
  get isUnderWay(): boolean {
    return this.#reader !== undefined;
  }

  /**
   * Takes a piece; after the last one gives the tree. `refused`: it does not follow the one before; all that came before is
   * forgotten then. @throws DecodeError when it is no piece, or the pieces are no state that a server has: whoever writes them
   * into the log has looked at them before, and to go on with the old state would be to go on with another one than he.
   */
  take({ number, isLast, chunk }: RestorePart, stamp: Stamp): DataTree | "taken" | "refused" {
    if (number === 0) {
      this.#reader = new SnapshotReader(this.#hashSeed);
      this.#nextNumber = 0;
    }
    const reader = this.#reader;
    if (number !== this.#nextNumber || reader === undefined) {
      this.#reader = undefined;
      return number < 0 ? "taken" : "refused";
    }
    this.#nextNumber++;
    this.#reader = undefined;
    reader.onChunk(chunk);
    if (!isLast) {
      this.#reader = reader;
      return "taken";
    }
    const { tree } = reader.finish();
    for (const paths of [...tree.ephemerals()].map(([, owned]) => [...owned])) {
      for (const path of paths) removeFrom(tree, path, stamp);
    }
    return tree;
  }
}

function removeFrom(tree: DataTree, path: string, stamp: Stamp): void {
  const node = tree.get(path);
  const parent = tree.get(parentPath(path));
  if (node !== undefined && parent !== undefined) tree.delete(node, parent, stamp);
}
