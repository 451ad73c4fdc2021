/**
 * Whether what a snapshot holds is a state that a server has had: its checksums only say that the bytes are those that were
 * written. Where it is not, what could be made of it (state/snapshot-mend.ts). Changes nothing.
 */
import type { Disk } from "@corral/io";
import { DecodeError } from "@corral/protocol";
import { newHashSeed } from "./hash-seed.ts";
import { MendedReader, type MendedSnapshot, MendPlanner, type SnapshotMend } from "./state/snapshot-mend.ts";
import { SnapshotContentError, SnapshotReader } from "./state/snapshot-reader.ts";
import { snapshotFileName } from "./storage/file-names.ts";
import { readSnapshotFile, type SnapshotVerdict } from "./storage/snapshot-file.ts";

/** A snapshot's file. */
export interface SnapshotPlace {
  readonly disk: Disk;
  readonly directory: string;
  readonly zxid: number;
  readonly chunkBytesMax: number;
}

/** What was found in a file, the whole of which has been read. */
export type SnapshotFinding =
  | { readonly kind: "valid" }
  | Extract<SnapshotVerdict, { kind: "damaged" }>
  /** The bytes are those that were written, but they are not the state. `mend`: what could be taken of it nevertheless. */
  | {
      readonly kind: "wrong";
      readonly why: string;
      readonly mend: (SnapshotMend & Pick<MendedSnapshot, "isExact">) | undefined;
    }
  /** Nothing that this version knows. */
  | { readonly kind: "unknown"; readonly why: string };

/** Reads the snapshot as a start would; one that is wrong up to three times. Rejects only if the disk does. */
export async function lookIntoSnapshot(place: SnapshotPlace): Promise<SnapshotFinding> {
  const found = await readAsAStart(place);
  if (!(found instanceof DecodeError)) return found;
  if (!(found instanceof SnapshotContentError)) return await damagedOr(place, { kind: "unknown", why: found.message });
  const mend = await orNone(planMend(place));
  const remarks = mend?.remarks ?? [];
  const faults = remarks.map(({ fault }) => fault).join("; ");
  const why = remarks.length > 0 ? `its nodes are no tree: ${faults}` : found.why;
  if (mend === undefined) return { kind: "wrong", why, mend };
  const mended = await orNone(readMended(place, mend));
  return { kind: "wrong", why, mend: mended && { ...mend, isExact: mended.isExact } };
}

/** None: a node is not as any server writes it, or the tree is not, whatever is left out. */
async function orNone<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof SnapshotContentError) return undefined;
    throw error;
  }
}

// Each reading has memory for all nodes of its own, and lets go of it.

async function readAsAStart(place: SnapshotPlace): Promise<SnapshotVerdict | DecodeError> {
  const reader = new SnapshotReader(newHashSeed());
  try {
    const verdict = await readChunks(place, (chunk) => reader.onChunk(chunk));
    if (verdict.kind === "valid") reader.finish();
    return verdict;
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
}

async function planMend(place: SnapshotPlace): Promise<SnapshotMend | undefined> {
  const planner = new MendPlanner();
  await readChunks(place, (chunk) => planner.onChunk(chunk));
  return planner.finish();
}

/** The state of a snapshot that is mended. @throws DecodeError when the file has changed meanwhile. */
export async function readMended(place: SnapshotPlace, mend: SnapshotMend): Promise<MendedSnapshot> {
  const reader = new MendedReader(newHashSeed(), mend);
  await readChunks(place, (chunk) => reader.onChunk(chunk));
  return reader.finish();
}

/** A chunk may have been handed on before what is damaged came. */
async function damagedOr(place: SnapshotPlace, finding: SnapshotFinding): Promise<SnapshotFinding> {
  const verdict = await readChunks(place, () => {});
  return verdict.kind === "damaged" ? verdict : finding;
}

function readChunks({ disk, directory, zxid, chunkBytesMax }: SnapshotPlace, onChunk: (chunk: Buffer) => void) {
  return readSnapshotFile(disk, `${directory}/${snapshotFileName(zxid)}`, zxid, chunkBytesMax, onChunk);
}
