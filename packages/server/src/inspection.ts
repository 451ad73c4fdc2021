/**
 * A data directory looked into while no server uses it: whether a server would start on it. What stands in it shows
 * directory-dump.ts. Changes nothing but for the claim on the directory, which keeps servers away meanwhile.
 */
import type { Disk } from "@corral/io";
import { zxidEpoch } from "@corral/protocol";
import { Recovering, type ReplaySource } from "./recover.ts";
import { lookIntoSnapshot } from "./snapshot-content.ts";
import { formatDigest } from "./state/tree-digest.ts";
import { epochsLeft } from "./storage/epochs.ts";
import { type StorageFiles, snapshotFileName, sortFileNames } from "./storage/file-names.ts";
import { defaultStorageLimits } from "./storage/limits.ts";
import { recover as checkFiles, type Recovery } from "./storage/recovery.ts";
import { replayFiles } from "./storage/replay.ts";
import { isStorageError } from "./storage/storage-error.ts";
import { type FileReport, verifyFiles } from "./storage/verify.ts";

/** What `verify` found. */
export interface Verification {
  readonly files: readonly FileReport[];
  /** The state that a start would come to; or why it would be refused. */
  readonly start:
    | {
        readonly kind: "possible";
        readonly zxid: number;
        readonly nodes: number;
        readonly sessions: number;
        readonly digest: string;
        /** The last epoch that was begun. */
        readonly epoch: number;
        /** False: there is no epoch for another start, so it would only serve what there is. */
        readonly takesWrites: boolean;
        /** There are digests of another version: they have not been compared. */
        readonly hasOtherDigests: boolean;
      }
    | { readonly kind: "refused"; readonly why: string };
}

const chunkBytesMax = defaultStorageLimits.itemBytes;

/**
 * Runs `use` while the directory is claimed; or as it is, where its file system is read-only: no server can write there.
 * @throws DirectoryInUseError while a server has it.
 */
export async function withDirectory<T>(
  disk: Disk,
  directory: string,
  use: (isReadOnly: boolean) => Promise<T>,
): Promise<T> {
  // Not claimed before it is known to be there: a claim would be left in whatever was named by mistake.
  await disk.list(directory);
  const claim = await disk.claimDirectory(directory).catch((error: NodeJS.ErrnoException) => {
    // What is told of another path is no word about this one.
    if (error.code === "EROFS" && error.path === directory) return undefined;
    throw error;
  });
  try {
    return await use(claim === undefined);
  } finally {
    await claim?.release();
  }
}

/** Reads everything, and applies it as a start would. Rejects only if the disk does. */
export async function verifyDirectory(disk: Disk, directory: string): Promise<Verification> {
  const files = await verifyFiles(disk, directory, async (zxid) => {
    const found = await lookIntoSnapshot({ disk, directory, zxid, chunkBytesMax });
    return found.kind === "valid" ? undefined : found.why;
  });
  try {
    const checked = await checkAll(disk, directory);
    const source = new ReadOnlySource(disk, directory, checked);
    const recovering = new Recovering(source);
    await source.replay(recovering);
    const { lastZxid: zxid, sessions, tree } = recovering.finish();
    const digest = formatDigest(tree.digest);
    const epoch = Math.max(checked.epoch?.epoch ?? 0, zxidEpoch(zxid));
    const counts = { nodes: tree.nodeCount, sessions: sessions.size };
    const { hasOtherDigests } = recovering;
    const takesWrites = epochsLeft(epoch) > 0;
    return { files, start: { kind: "possible", zxid, ...counts, digest, epoch, takesWrites, hasOtherDigests } };
  } catch (error) {
    if (!isStorageError(error)) throw error;
    return { files, start: { kind: "refused", why: error.message } };
  }
}

async function checkAll(disk: Disk, directory: string): Promise<Recovery> {
  const files: StorageFiles = sortFileNames(await disk.list(directory));
  return checkFiles({ disk, directory, files, chunkBytesMax });
}

/** What `recover` reads, without a storage that would be written on. */
class ReadOnlySource implements ReplaySource {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #recovery: Recovery;

  constructor(disk: Disk, directory: string, recovery: Recovery) {
    this.#disk = disk;
    this.#directory = directory;
    this.#recovery = recovery;
  }

  get snapshotZxid(): number {
    return this.#recovery.snapshotZxid;
  }

  get snapshotPath(): string {
    return `${this.#directory}/${snapshotFileName(this.snapshotZxid)}`;
  }

  replay(sink: Parameters<ReplaySource["replay"]>[0]): Promise<unknown> {
    return replayFiles({ disk: this.#disk, directory: this.#directory, chunkBytesMax }, this.#recovery, sink);
  }
}
