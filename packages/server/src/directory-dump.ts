/**
 * What stands in a data directory that no server uses, as plain data: what a start would read; and where a start would be
 * refused, what a repair would keep (repair/trial.ts). Changes nothing.
 */
import type { Disk } from "@corral/io";
import { formatZxid, joinPath } from "@corral/protocol";
import { Recovering, readEntry } from "./recover.ts";
import { type SnapshotMendFound, survey } from "./repair/survey.ts";
import { furthestState } from "./repair/trial.ts";
import { lookIntoSnapshot } from "./snapshot-content.ts";
import type { SnapshotMend } from "./state/snapshot-mend.ts";
import type { StateMachine } from "./state/state-machine.ts";
import { formatDigest } from "./state/tree-digest.ts";
import { snapshotFileName, sortFileNames } from "./storage/file-names.ts";
import { defaultStorageLimits } from "./storage/limits.ts";
import { recover as checkFiles, type Recovery } from "./storage/recovery.ts";
import { wrongSnapshot } from "./storage/refusal.ts";
import { type Replayed, replayFiles } from "./storage/replay.ts";
import { isStorageError, type StorageError } from "./storage/storage-error.ts";

/** Which part of a directory to show, zxids inclusive. */
export interface DumpRange {
  readonly fromZxid: number;
  readonly toZxid: number;
}

/** Takes what is found. */
export interface DumpSink {
  /** Plain data for JSON. */
  onLine(line: Readonly<Record<string, unknown>>): void;
  /** A sentence on what is wrong, though a start would come over it. Before any line. */
  onWarning(warning: string): void;
}

const chunkBytesMax = defaultStorageLimits.itemBytes;

/**
 * Hands on the state of the newest sound snapshot if it is in the range, then the entries after it that are.
 * @throws StorageError when a start would be refused: at the end, after all that a repair would keep.
 */
export async function dumpDirectory(disk: Disk, directory: string, range: DumpRange, sink: DumpSink): Promise<void> {
  const { replayed, mend, upToZxid, refusal } = await readablePart(disk, directory, sink);
  const isShown = (zxid: number) => zxid >= range.fromZxid && zxid <= Math.min(range.toZxid, upToZxid);
  const { snapshotZxid } = replayed;
  const snapshotPath = `${directory}/${snapshotFileName(snapshotZxid)}`;
  const recovering = new Recovering({ snapshotZxid, snapshotPath, mend });
  let isBegun = false;
  const begin = () => {
    if (isBegun) return;
    isBegun = true;
    const state = recovering.finish();
    if (snapshotZxid > 0 && isShown(snapshotZxid)) for (const line of snapshotLines(state)) sink.onLine(line);
  };
  let contradiction: StorageError | undefined;
  await replayFiles({ disk, directory, chunkBytesMax }, replayed, {
    onSnapshotChunk: (bytes) => recovering.onSnapshotChunk(bytes),
    onRecord: (record, file) => {
      begin();
      if (record.zxid > upToZxid) return;
      try {
        if (contradiction === undefined) recovering.onRecord(record, file);
      } catch (error) {
        // The entries are whole: whoever asks why they lead elsewhere wants to see them.
        if (!isStorageError(error) || error.content !== "contradicts") throw error;
        contradiction = error;
      }
      if (isShown(record.zxid)) sink.onLine(entryLine(readEntry(record, file), file));
    },
  });
  begin();
  const error = refusal ?? contradiction;
  if (error !== undefined) throw error;
}

interface ReadablePart {
  readonly replayed: Replayed;
  /** What is taken of the snapshot, if it is wrong. */
  readonly mend: SnapshotMend | undefined;
  readonly upToZxid: number;
  /** Why a start would not read it. */
  readonly refusal: StorageError | undefined;
}

type KeptPart = Omit<ReadablePart, "refusal" | "mend"> & { readonly mend: SnapshotMendFound | undefined };

async function readablePart(disk: Disk, directory: string, sink: DumpSink): Promise<ReadablePart> {
  try {
    const files = sortFileNames(await disk.list(directory));
    const recovery = await checkFiles({ disk, directory, files, chunkBytesMax });
    await checkSnapshot(disk, directory, recovery.snapshotZxid);
    for (const warning of warningsOf(directory, recovery)) sink.onWarning(warning);
    return { replayed: recovery, mend: undefined, upToZxid: Number.MAX_SAFE_INTEGER, refusal: undefined };
  } catch (error) {
    if (!isStorageError(error)) throw error;
    const kept = await keptPart(disk, directory, error);
    for (const warning of mendWarnings(directory, kept)) sink.onWarning(warning);
    return { ...kept, refusal: error };
  }
}

/** @throws StorageError when a start would be refused because of what is in it. */
async function checkSnapshot(disk: Disk, directory: string, zxid: number): Promise<void> {
  if (zxid === 0) return;
  const found = await lookIntoSnapshot({ disk, directory, zxid, chunkBytesMax });
  if (found.kind === "wrong") throw wrongSnapshot(`${directory}/${snapshotFileName(zxid)}`, found.why);
}

function mendWarnings(directory: string, { replayed, mend }: KeptPart): string[] {
  if (mend === undefined) return [];
  const path = `${directory}/${snapshotFileName(replayed.snapshotZxid)}`;
  const worth = mend.isExact
    ? "with that it is what the server had, as its digest says"
    : "how it should have been is not known: what follows is not quite what the server had";
  const remedies = mend.remarks.map(({ fault, remedy }) => `${fault}: ${remedy}`);
  return [`The snapshot ${path} holds a wrong state. ${[...remedies, worth].join("; ")}.`];
}

/** What a repair would keep; nothing if there would be none. */
async function keptPart(disk: Disk, directory: string, refusal: StorageError): Promise<KeptPart> {
  try {
    const found = await survey(disk, directory, chunkBytesMax);
    const { snapshotZxid, mend, segments, zxid } = await furthestState({
      disk,
      directory,
      survey: found,
      chunkBytesMax,
    });
    return { replayed: { snapshotZxid, segments }, mend, upToZxid: zxid };
  } catch (error) {
    if (isStorageError(error)) throw refusal;
    throw error;
  }
}

function warningsOf(directory: string, { damagedSnapshots, snapshotZxid, tornTail }: Recovery): string[] {
  const instead = snapshotZxid === 0 ? "the empty tree" : `${snapshotFileName(snapshotZxid)}, the one before`;
  const ofSnapshots = damagedSnapshots.map(
    ({ zxid, why }) =>
      `The snapshot ${directory}/${snapshotFileName(zxid)} is damaged (${why}). This is ${instead}, and the log since, ` +
      "which is complete: nothing is lost, and a start would set the damaged one aside.",
  );
  if (tornTail === undefined) return ofSnapshots;
  const { segment, why } = tornTail;
  const ofTail =
    `The log ${segment.path} ends at byte ${segment.end}, after ${formatZxid(segment.lastZxid)}, in a write that was cut short and, ` +
    `as far as the file tells, never acknowledged (${why}): a start would cut it off.`;
  return [...ofSnapshots, ofTail];
}

function* snapshotLines({ tree, sessions, lastZxid }: StateMachine): Iterable<Readonly<Record<string, unknown>>> {
  yield { kind: "snapshot", zxid: formatZxid(lastZxid), digest: formatDigest(tree.digest) };
  for (const { id, timeoutMs, attachment } of sessions) {
    yield { kind: "session", id: hexadecimal(id), timeoutMs, attachment };
  }
  const pending = ["/"];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const node = tree.get(path);
    if (node === undefined) continue;
    yield { kind: "node", path, data: shown(node.data), acl: node.acl, ...shownFields(node.stat()) };
    // One by one: a call takes some hundred thousand arguments, and a node can have more children.
    for (const name of node.children.toReversed()) pending.push(joinPath(path, name));
  }
}

function entryLine(entry: ReturnType<typeof readEntry>, file: string): Readonly<Record<string, unknown>> {
  const { zxid, timeMs, sessionId, xid, operation, witness } = entry;
  return {
    kind: "entry",
    file: file.slice(file.lastIndexOf("/") + 1),
    zxid: formatZxid(zxid),
    time: new Date(timeMs).toISOString(),
    session: hexadecimal(sessionId),
    xid,
    operation: operation.type,
    request: shown(operation.request),
    ...(witness && { after: formatZxid(witness.zxid), digest: formatDigest(witness.digest) }),
  };
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
