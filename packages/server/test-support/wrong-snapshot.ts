/** Snapshots as no server should write them: every checksum is right, and the state is not. */
import type { MemoryDisk } from "@corral/testing";
import { decode, encode } from "@msgpack/msgpack";
import { defaultStorageLimits } from "../src/storage/limits.ts";
import { readSnapshotBytes, writeSnapshotFile } from "../src/storage/snapshot-file.ts";

/** A node as snapshot.ts has it: path, data, access list, lifetime, czxid, ctime, mzxid, and so on. */
export type NodeRow = unknown[];

/** Where in a row. */
export const rowField = { path: 0, data: 1, acl: 2, mzxid: 6, pzxid: 8 } as const;

const { itemBytes } = defaultStorageLimits;

/** Writes the snapshot anew with what `change` makes of its nodes. It has sessions, and its nodes are one chunk. */
export async function changeNodes(
  disk: MemoryDisk,
  path: string,
  change: (rows: NodeRow[]) => NodeRow[],
): Promise<void> {
  const chunks: Uint8Array[] = [];
  const { zxid } = await readSnapshotBytes(
    disk.contents(path),
    itemBytes,
    (chunk) => void chunks.push(chunk),
    () => Promise.resolve(),
  );
  const [header, sessions, nodes, ...others] = chunks;
  if (header === undefined || sessions === undefined || nodes === undefined || others.length > 0) {
    throw new Error("a header, sessions and nodes are expected");
  }
  const rows = change(decode(nodes, { useBigInt64: true }) as NodeRow[]);
  const pieces: Uint8Array[] = [];
  const file = {
    write: (_: number, bytes: Uint8Array) => Promise.resolve(void pieces.push(bytes)),
    sync: () => Promise.resolve(),
  };
  await writeSnapshotFile(file, zxid, [header, sessions, encode(rows, { useBigInt64: true })], itemBytes);
  disk.put(path, Buffer.concat(pieces));
}

/** With another node behind the others: what `change` makes of a copy of that one. */
export function withCopyOf(path: string, change: (row: NodeRow) => void): (rows: NodeRow[]) => NodeRow[] {
  return (rows) => {
    const copy = [...(rows.find((row) => row[rowField.path] === path) ?? [])];
    change(copy);
    return [...rows, copy];
  };
}
