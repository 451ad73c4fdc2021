/**
 * What is to be done to a damaged data directory so that a server starts there, and what is lost by it. The state that is
 * left is a prefix of the history that the files hold: the longest that can still be had (`trial.ts`). What lies behind is moved
 * aside, for a log with a hole in it would lead to a tree that there never was. Only looks.
 */
import type { Disk } from "@corral/io";
import { formatZxid, zxidEpoch } from "@corral/protocol";
import { formatDigest } from "../state/tree-digest.ts";
import type { EpochFile } from "../storage/epoch-file.ts";
import { epochsLeft, lastEpoch } from "../storage/epochs.ts";
import { epochFileName, segmentFileName } from "../storage/file-names.ts";
import { defaultStorageLimits } from "../storage/limits.ts";
import { type SegmentHeader, scanRecords, segmentHeaderBytes } from "../storage/segment.ts";
import { StorageError } from "../storage/storage-error.ts";
import { withFile } from "../storage/whole-file.ts";
import { type Loss, lossesOf } from "./losses.ts";
import { type SnapshotMendFound, type Survey, type SurveyedSegment, survey } from "./survey.ts";
import { type Attainable, furthestState } from "./trial.ts";

/** One change. Before any of them, a copy of each file that changes or goes is put aside. */
export type RepairStep =
  /** The file goes. */
  | { readonly kind: "move"; readonly name: string; readonly why: string }
  /** The segment gets this header, and zeros from `end` to the kept bytes, which is its end then. */
  | {
      readonly kind: "mend";
      readonly name: string;
      readonly header: SegmentHeader;
      readonly end: number;
      readonly why: string;
    }
  /** The snapshot is written anew, without what is left out. */
  | {
      readonly kind: "rewrite";
      readonly name: string;
      readonly zxid: number;
      readonly mend: SnapshotMendFound;
      readonly why: string;
    }
  /** The epoch file says this. */
  | { readonly kind: "epoch"; readonly name: string; readonly content: EpochFile; readonly why: string };

/** See the head of this file. */
export interface RepairPlan {
  /** In this order; none: nothing is to be repaired. */
  readonly steps: readonly RepairStep[];
  readonly losses: readonly Loss[];
  /** The last entry that is left, and what the state is then. */
  readonly kept: {
    readonly zxid: number;
    readonly nodes: number;
    readonly sessions: number;
    readonly digest: string;
    /** The last epoch that was begun. */
    readonly epoch: number;
    /** Whether there are digests of another version, which could not be compared. */
    readonly hasOtherDigests: boolean;
  };
  /** The last entry of which anything is known, if that is a later one. */
  readonly lostUpToZxid: number | undefined;
}

/** Epochs that are skipped when nobody knows any more in which the last entries, and their tokens, were: those of a log may be lost unnoticed. */
const skippedEpochs = 1_000;
const chunkBytesMax = defaultStorageLimits.itemBytes;

/** @throws StorageError when it cannot be repaired, with the reason. */
export async function planRepair(disk: Disk, directory: string): Promise<RepairPlan> {
  const found = await survey(disk, directory, chunkBytesMax);
  const attained = await furthestState({ disk, directory, survey: found, chunkBytesMax });
  const { losses, lostUpToZxid } = lossesOf(found, attained);
  const steps = [
    ...found.unfinished.map((name) => ({ kind: "move", name, why: "it was never finished" }) as const),
    ...moves(found, attained),
    ...(await mends(disk, attained)),
    // Behind the log's: what was given up of that would contradict it, were this cut short.
    ...rewrite(found, attained),
    ...epochStep(found, attained, losses.length > 0, lostUpToZxid),
  ];
  if (attained.zxid === 0 && losses.length > 0) {
    throw new StorageError(
      `Nothing in ${directory} can be saved: ${losses.map(({ what }) => what).join("; ")}; and there is no whole snapshot. ` +
        "Restore the directory from a backup; to begin anew, choose an empty one, and where resources remember fencing tokens raise its " +
        "epoch above those of this one (raise_epoch on the admin port).",
      { file: directory },
    );
  }
  const { hasOtherDigests, state } = attained;
  const { tree, sessions } = state;
  const digest = formatDigest(tree.digest);
  const written = steps.findLast((step) => step.kind === "epoch")?.content ?? found.epoch;
  const epoch = Math.max(written?.epoch ?? 0, zxidEpoch(attained.zxid));
  const kept = { zxid: attained.zxid, nodes: tree.nodeCount, sessions: sessions.size, digest, epoch, hasOtherDigests };
  return { steps, losses, kept, lostUpToZxid };
}

/** The newest first, so that at no time a log with a hole looks like one without. */
function moves({ snapshots, segments }: Survey, { snapshotZxid, segments: kept, zxid, contradiction }: Attainable) {
  const steps: RepairStep[] = [];
  const firstKept = kept[0]?.firstZxid;
  for (const segment of [...segments].reverse()) {
    if (kept.includes(segment)) continue;
    const isOlder = firstKept !== undefined && segment.firstZxid < firstKept;
    if (isOlder && isSound(segment)) continue;
    steps.push({ kind: "move", name: segment.name, why: whyNotKept(segment, isOlder, zxid) });
  }
  for (const snapshot of [...snapshots].reverse()) {
    const { name, fault, isUnknown } = snapshot;
    if (snapshot.zxid === snapshotZxid) continue;
    if (fault !== undefined) steps.push({ kind: "move", name, why: `it ${fault}` });
    else if (snapshot.zxid > snapshotZxid) {
      let why = contradiction === undefined ? "the log does not go on from it" : "the log says that it is another's";
      if (isUnknown) why = "this version cannot read it, and it is not needed";
      steps.push({ kind: "move", name, why });
    }
  }
  return steps;
}

function rewrite({ snapshots }: Survey, { snapshotZxid, mend }: Attainable): RepairStep[] {
  const snapshot = snapshots.find(({ zxid }) => zxid === snapshotZxid);
  if (snapshot === undefined || mend === undefined) return [];
  const { name, zxid, fault } = snapshot;
  const remedies = mend.remarks.map(({ fault, remedy }) => `${fault}: ${remedy}`);
  const result = mend.isExact ? "with that its digest is the one in its header" : "its digest is what that gives";
  return [
    {
      kind: "rewrite",
      name,
      zxid,
      mend,
      why: [...(remedies.length > 0 ? remedies : [`it ${fault}`]), result].join("; "),
    },
  ];
}

function isSound({ fault, headerFault, missingBytes, recordCount }: SurveyedSegment): boolean {
  return fault === undefined && headerFault === undefined && missingBytes === 0 && recordCount > 0;
}

function whyNotKept({ recordCount, fault }: SurveyedSegment, isOlder: boolean, zxid: number): string {
  if (isOlder) return "it is damaged, and not needed";
  if (recordCount === 0) return fault ?? "it holds no entry";
  return `it does not follow ${formatZxid(zxid)}`;
}

async function mends(disk: Disk, { segments, zxid }: Attainable): Promise<RepairStep[]> {
  const steps: RepairStep[] = [];
  for (const segment of segments) {
    const { name, header, lastZxid, missingBytes, headerFault, fault } = segment;
    const isCut = lastZxid > zxid;
    if (!isCut && fault === undefined && headerFault === undefined && missingBytes === 0) continue;
    const end = isCut ? await endOf(disk, segment, zxid) : segment.end;
    const why = isCut
      ? `to be cut at byte ${end}, behind ${formatZxid(zxid)}`
      : (headerFault ??
        (fault === undefined ? `it has been ${missingBytes} bytes longer` : `at byte ${end}: ${fault}`));
    const keptBytes = Math.max(header.keptBytes, end);
    steps.push({ kind: "mend", name, header: { ...header, keptBytes }, end, why });
  }
  return steps.reverse();
}

/** Where that record of the segment ends. */
async function endOf(disk: Disk, { path, end, header }: SurveyedSegment, zxid: number): Promise<number> {
  let offset = segmentHeaderBytes;
  await withFile(disk, path, (file) =>
    scanRecords({ file, size: end, header }, (record, _, recordEnd) => {
      if (record.zxid <= zxid) offset = recordEnd;
    }),
  );
  return offset;
}

function epochStep(
  { hasEpoch, epoch }: Survey,
  { segments, zxid }: Attainable,
  isLossy: boolean,
  lostUpToZxid = zxid,
): RepairStep[] {
  const newestLogZxid = segments.at(-1)?.firstZxid ?? 0;
  const writtenEpoch = zxidEpoch(Math.max(zxid, lostUpToZxid));
  // Nothing is known to have been written in the last one, nor lost: so no token was given out there.
  const isUseless = epoch !== undefined && !isLossy && epochsLeft(epoch.epoch) === 0 && epochsLeft(writtenEpoch) > 0;
  let why: string | undefined;
  if (hasEpoch && epoch === undefined) why = "it is damaged";
  else if (epoch !== undefined && epoch.epoch < zxidEpoch(lostUpToZxid)) why = `it says epoch ${epoch.epoch}`;
  else if (epoch !== undefined && epoch.lastZxid > zxid)
    why = `it says that the log ends at ${formatZxid(epoch.lastZxid)}`;
  else if (epoch !== undefined && epoch.newestLogZxid > newestLogZxid) {
    why = `it names ${segmentFileName(epoch.newestLogZxid)} as the newest log`;
  } else if (epoch !== undefined && newestLogZxid === 0 && epoch.newestLogZxid > 0) why = "there is no log any more";
  else if (isLossy && !hasEpoch) why = "it is missing";
  else if (isUseless) why = `it says epoch ${epoch.epoch}, but nothing was written in any after ${writtenEpoch}`;
  else if (epoch !== undefined && epoch.epoch > lastEpoch)
    why = `it says epoch ${epoch.epoch}, but the last is ${lastEpoch}`;
  if (why === undefined) return [];
  const seen = Math.max(isUseless ? 0 : (epoch?.epoch ?? 0), writtenEpoch);
  // One is left for a start, which would refuse the file otherwise.
  const skipped = epoch === undefined ? Math.min(skippedEpochs, Math.max(0, epochsLeft(seen) - 1)) : 0;
  const next = Math.min(seen + skipped, lastEpoch);
  return [{ kind: "epoch", name: epochFileName, content: { epoch: next, lastZxid: zxid, newestLogZxid }, why }];
}
