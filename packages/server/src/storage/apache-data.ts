/**
 * The data of an Apache ZooKeeper. Some of its files have the names of ours: who takes its directory over would find an empty tree
 * beside the data that he meant, or be told that they are damaged.
 */
import type { Disk } from "@corral/io";
import { epochFileName } from "./file-names.ts";
import { withFile } from "./whole-file.ts";

/** Names that only Apache gives: where it keeps its files within its data directory, then what an ensemble's server has there. */
const apacheNames: readonly string[] = ["version-2", "currentEpoch", "acceptedEpoch"];
/** A snapshot that Apache has compressed; ours never are. */
const compressedSnapshot = /^snapshot\.[0-9a-f]+\.(gz|snappy)$/;
/** What its logs and snapshots begin with. */
const apacheMark = /^(ZKLG|ZKSN)/;
/** What ours do. */
const ownMark = /^CORRAL/;

/** The name by which `directory` is known to be Apache's; undefined if it is not. Rejects if the disk does. */
export async function findApacheData(disk: Disk, directory: string): Promise<string | undefined> {
  const names = await disk.list(directory);
  if (names.includes(epochFileName)) return undefined;
  let marked: string | undefined;
  for (const name of names.filter((one) => /^(log|snapshot)\.[0-9a-f]+$/.test(one))) {
    const head = await withFile(disk, `${directory}/${name}`, (file) => file.read(0, 8));
    const text = head.toString("latin1");
    // Ours though the epoch is lost, whatever else somebody has put there: a repair must not be kept from it.
    if (ownMark.test(text)) return undefined;
    if (apacheMark.test(text)) marked ??= name;
  }
  return marked ?? apacheNames.find((one) => names.includes(one)) ?? names.find((one) => compressedSnapshot.test(one));
}

/** A sentence for whoever named the directory; `remedy`: another, what he can do about it. */
export function holdsApacheData(directory: string, what: string, remedy = ""): string {
  const copy = "Copy the tree over with corral import.";
  return `${directory} holds the data of an Apache ZooKeeper (${what}), which Corral does not read. ${remedy}${copy}`;
}
