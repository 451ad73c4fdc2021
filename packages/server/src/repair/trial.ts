/**
 * Which state the files of a directory can still give: of every sound snapshot, and of the empty tree, with the log that goes
 * on from it without a gap, the one that comes furthest. Each is applied as a start would, for a log can be whole and
 * contradict itself nevertheless: then it is followed as far as nothing contradicts it (`Recovering.followableZxid`).
 */
import type { Disk } from "@corral/io";
import { Recovering } from "../recover.ts";
import type { StateMachine } from "../state/state-machine.ts";
import { snapshotFileName } from "../storage/file-names.ts";
import { replayFiles } from "../storage/replay.ts";
import { isStorageError, type StorageError } from "../storage/storage-error.ts";
import type { SnapshotMendFound, Survey, SurveyedSegment } from "./survey.ts";

/** A state that can be had. */
export interface Attainable {
  /** 0: none. */
  readonly snapshotZxid: number;
  /** What is taken of that snapshot, if it is wrong as it is. */
  readonly mend: SnapshotMendFound | undefined;
  /** Segments that follow each other without a gap, up to the one that holds `zxid`; none if the snapshot stands alone. */
  readonly segments: readonly SurveyedSegment[];
  /** The last entry that counts. */
  readonly zxid: number;
  readonly state: StateMachine;
  /** Whether there are digests of another version, which could not be compared. */
  readonly hasOtherDigests: boolean;
  /** Why the log is not followed to its end, though it can be read. */
  readonly contradiction: StorageError | undefined;
}

/** Where the files are, and what is known of them. */
export interface TrialPlace {
  readonly disk: Disk;
  readonly directory: string;
  readonly survey: Survey;
  readonly chunkBytesMax: number;
}

interface Candidate {
  readonly snapshotZxid: number;
  readonly mend: SnapshotMendFound | undefined;
  readonly run: readonly SurveyedSegment[];
  readonly upTo: number;
}

/**
 * The best of all. @throws StorageError when nothing can be had, or less than what is whole but means nothing to this
 * version: whoever wrote that can read it.
 */
export async function furthestState(place: TrialPlace): Promise<Attainable> {
  let best: Attainable | undefined;
  let failure: { readonly upTo: number; readonly error: StorageError } | undefined;
  for (const candidate of candidatesOf(place.survey)) {
    if (best !== undefined && candidate.upTo <= best.zxid) break;
    const tried = await tryOut(place, candidate);
    if (isStorageError(tried)) failure ??= { upTo: candidate.upTo, error: tried };
    else if (best === undefined || tried.zxid > best.zxid) best = tried;
  }
  const isUnknown = failure?.error.content === "unknown";
  if (!isUnknown && (best === undefined || best.zxid === 0)) best = (await inexactState(place)) ?? best;
  if (failure !== undefined && (best === undefined || best.zxid === 0 || (isUnknown && best.zxid < failure.upTo))) {
    throw failure.error;
  }
  // The empty tree can always be had.
  if (best === undefined) throw new Error("no state was tried");
  return best;
}

/** For want of anything better: what can be taken of the newest snapshot that is wrong, though it is not what the server had. */
async function inexactState(place: TrialPlace): Promise<Attainable | undefined> {
  const wrong = place.survey.snapshots.filter(({ mend }) => mend?.isExact === false);
  for (const { zxid, mend } of wrong.reverse()) {
    const { run, upTo } = candidateOf(place.survey, zxid);
    const alone = { snapshotZxid: zxid, mend, run: [], upTo: zxid };
    for (const candidate of [{ ...alone, run, upTo }, alone]) {
      const tried = await tryOut(place, candidate);
      if (!isStorageError(tried)) return tried;
    }
  }
  return undefined;
}

/** Those that may come furthest first; of the same reach, those that are sound as they are, then the newest snapshot. */
function candidatesOf(found: Survey): Candidate[] {
  const usable = found.snapshots.filter(({ fault, mend }) => fault === undefined || mend?.isExact);
  return [candidateOf(found, 0), ...usable.map(({ zxid, mend }) => candidateOf(found, zxid, mend))].sort(
    (one, other) =>
      other.upTo - one.upTo ||
      Number(one.mend !== undefined) - Number(other.mend !== undefined) ||
      other.snapshotZxid - one.snapshotZxid,
  );
}

/** A snapshot with the log that goes on from it, if any does. */
function candidateOf({ segments }: Survey, snapshotZxid: number, mend?: SnapshotMendFound): Candidate {
  const run = runsOf(segments).find((one) => startsAt(one, snapshotZxid) !== undefined) ?? [];
  return { snapshotZxid, mend, run, upTo: run.at(-1)?.lastZxid ?? snapshotZxid };
}

/** Segments that follow each other without a gap. Those without a record follow nothing, and nothing is missing without them. */
function runsOf(segments: readonly SurveyedSegment[]): SurveyedSegment[][] {
  const runs: SurveyedSegment[][] = [];
  for (const segment of segments.filter(({ recordCount }) => recordCount > 0)) {
    const run = runs.at(-1);
    if (run?.at(-1)?.lastZxid === segment.header.previousZxid) run.push(segment);
    else runs.push([segment]);
  }
  return runs;
}

/** The segment from which the log goes on from that snapshot, if it does. */
function startsAt(run: readonly SurveyedSegment[], snapshotZxid: number): SurveyedSegment | undefined {
  const holder = run.findLast(({ header }) => header.previousZxid <= snapshotZxid);
  if (holder === undefined) return undefined;
  const isThere = holder.header.previousZxid === snapshotZxid || holder.snapshotZxids.has(snapshotZxid);
  return isThere ? holder : undefined;
}

async function tryOut(place: TrialPlace, candidate: Candidate): Promise<Attainable | StorageError> {
  const { snapshotZxid, mend, run, upTo } = candidate;
  const applied = await apply(place, candidate, upTo);
  const attained = (zxid: number, { state, hasOtherDigests }: Applied, contradiction?: StorageError): Attainable => {
    const segments = run.filter(({ firstZxid }) => firstZxid <= zxid);
    return { snapshotZxid, mend, segments, zxid, state, hasOtherDigests, contradiction };
  };
  if (applied.kind === "done") return attained(upTo, applied);
  const { error, followableZxid } = applied;
  if (error.content === "unknown" || followableZxid === undefined) return error;
  const again = await apply(place, candidate, followableZxid);
  return again.kind === "done" ? attained(followableZxid, again, error) : again.error;
}

interface Applied {
  readonly kind: "done";
  readonly state: StateMachine;
  readonly hasOtherDigests: boolean;
}

type AppliedLog =
  | Applied
  | { readonly kind: "failed"; readonly error: StorageError; readonly followableZxid: number | undefined };

async function apply(place: TrialPlace, { snapshotZxid, mend, run }: Candidate, upTo: number): Promise<AppliedLog> {
  const { disk, directory, chunkBytesMax } = place;
  const snapshotPath = `${directory}/${snapshotFileName(snapshotZxid)}`;
  const recovering = new Recovering({ snapshotZxid, snapshotPath, mend });
  const first = startsAt(run, snapshotZxid);
  const segments = first === undefined ? [] : run.slice(run.indexOf(first));
  try {
    await replayFiles(
      { disk, directory, chunkBytesMax },
      { snapshotZxid, segments },
      {
        onSnapshotChunk: (bytes) => recovering.onSnapshotChunk(bytes),
        onRecord: (record, file) => {
          if (record.zxid <= upTo) recovering.onRecord(record, file);
        },
      },
    );
    return { kind: "done", state: recovering.finish(), hasOtherDigests: recovering.hasOtherDigests };
  } catch (error) {
    if (!isStorageError(error)) throw error;
    return { kind: "failed", error, followableZxid: recovering.followableZxid };
  }
}
