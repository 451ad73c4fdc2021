/**
 * A data directory looked into while no server uses it: whether a server would start on it, and what stands in it.
 * Changes nothing but for the claim on the directory, which keeps servers away meanwhile.
 */
import type { Disk } from "@corral/io";
import { formatZxid } from "@corral/protocol";
import { type ReplaySource, recover } from "./recover.ts";
import { decodeEntry } from "./state/entry-codec.ts";
import { SnapshotReader } from "./state/snapshot-reader.ts";
import { formatDigest } from "./state/tree-digest.ts";
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
      }
    | { readonly kind: "refused"; readonly why: string };
}

const chunkBytesMax = defaultStorageLimits.itemBytes;

/** Runs `use` while the directory is claimed. @throws DirectoryInUseError while a server has it. */
export async function withDirectory<T>(disk: Disk, directory: string, use: () => Promise<T>): Promise<T> {
  // Not claimed before it is known to be there: a claim would be left in whatever was named by mistake.
  await disk.list(directory);
  const claim = await disk.claimDirectory(directory);
  try {
    return await use();
  } finally {
    await claim.release();
  }
}

/** Reads everything, and applies it as a start would. Rejects only if the disk does. */
export async function verifyDirectory(disk: Disk, directory: string): Promise<Verification> {
  const files = await verifyFiles(disk, directory, chunkBytesMax);
  try {
    const state = await recover(new ReadOnlySource(disk, directory, await checkAll(disk, directory)));
    const { lastZxid: zxid, sessions, tree } = state;
    const digest = formatDigest(tree.digest);
    return { files, start: { kind: "possible", zxid, nodes: tree.nodeCount, sessions: sessions.size, digest } };
  } catch (error) {
    if (!isStorageError(error)) throw error;
    return { files, start: { kind: "refused", why: error.message } };
  }
}

/** Which part of a directory to show, zxids inclusive. */
export interface DumpRange {
  readonly fromZxid: number;
  readonly toZxid: number;
}

/**
 * Hands on, as plain data for JSON, what a start would read: the state of the newest sound snapshot if it is in the range,
 * then the entries after it that are. @throws StorageError when a start would be refused.
 */
export async function dumpDirectory(
  disk: Disk,
  directory: string,
  range: DumpRange,
  onLine: (line: Readonly<Record<string, unknown>>) => void,
): Promise<void> {
  const recovery = await checkAll(disk, directory);
  const { snapshotZxid } = recovery;
  const isShown = (zxid: number) => zxid >= range.fromZxid && zxid <= range.toZxid;
  const reader = isShown(snapshotZxid) && snapshotZxid > 0 ? new SnapshotReader() : undefined;
  let isSnapshotShown = reader === undefined;
  const showSnapshot = () => {
    if (isSnapshotShown || reader === undefined) return;
    isSnapshotShown = true;
    const { tree, sessions } = reader.finish();
    onLine({ kind: "snapshot", zxid: formatZxid(snapshotZxid), digest: formatDigest(tree.digest) });
    for (const { id, timeoutMs, attachment } of sessions) {
      onLine({ kind: "session", id: hexadecimal(id), timeoutMs, attachment });
    }
    const pending = ["/"];
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      const node = tree.get(path);
      if (node === undefined) continue;
      onLine({ kind: "node", path, data: shown(node.data), acl: node.acl, ...shownFields(node.stat()) });
      const children = node.children.map((name) => (path === "/" ? `/${name}` : `${path}/${name}`));
      pending.push(...children.reverse());
    }
  };
  await replayFiles({ disk, directory, chunkBytesMax }, recovery, {
    onSnapshotChunk: (bytes) => reader?.onChunk(bytes),
    onRecord: ({ zxid, bytes }, file) => {
      showSnapshot();
      if (!isShown(zxid)) return;
      const { timeMs, sessionId, xid, operation, witness } = decodeEntry(bytes);
      onLine({
        kind: "entry",
        file: file.slice(file.lastIndexOf("/") + 1),
        zxid: formatZxid(zxid),
        time: new Date(timeMs).toISOString(),
        session: hexadecimal(sessionId),
        xid,
        operation: operation.type,
        request: shown(operation.request),
        ...(witness && { after: formatZxid(witness.zxid), digest: formatDigest(witness.digest) }),
      });
    },
  });
  showSnapshot();
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

/** Data as text where it is text, otherwise in base64; numbers that JSON has not, in hexadecimal. Secrets are left out. */
function shown(value: unknown): unknown {
  if (typeof value === "bigint") return hexadecimal(value);
  if (value instanceof Uint8Array) return shownBytes(value);
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value === "object" && value !== null) return shownFields(value);
  return value;
}

function shownFields(fields: object): Readonly<Record<string, unknown>> {
  const all = Object.entries(fields).filter(([name]) => name !== "password" && name !== "chunk");
  return Object.fromEntries(all.map(([name, value]) => [name, shown(value)]));
}

function shownBytes(bytes: Uint8Array): string | { readonly base64: string } {
  const text = Buffer.from(bytes).toString("utf8");
  return Buffer.from(text, "utf8").equals(bytes) ? text : { base64: Buffer.from(bytes).toString("base64") };
}

function hexadecimal(value: bigint): string {
  return `0x${value.toString(16)}`;
}
