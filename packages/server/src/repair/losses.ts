/** What does not come back when a directory is repaired, file by file, in words for whoever has to agree. */
import { formatZxid, zxidEpoch } from "@corral/protocol";
import { epochFileName, segmentFileName } from "../storage/file-names.ts";
import { segmentHeaderBytes } from "../storage/segment.ts";
import type { Survey, SurveyedSegment } from "./survey.ts";
import type { Attainable } from "./trial.ts";

/** What is lost of one file. */
export interface Loss {
  readonly file: string;
  /** A sentence without its full stop; begins with the file's name. */
  readonly what: string;
  /** Entries of the file that can still be read, and go nevertheless. */
  readonly entries: number;
}

/** All losses, and the last entry of which anything is known, if it is one of those. */
export function lossesOf(
  found: Survey,
  attained: Attainable,
): { readonly losses: readonly Loss[]; readonly lostUpToZxid: number | undefined } {
  const { zxid } = attained;
  const losses = found.segments.flatMap((segment) => lossOf(segment, found, attained) ?? []);
  const { epoch } = found;
  const newestLogZxid = epoch?.newestLogZxid ?? 0;
  const isMissing = newestLogZxid > 0 && !found.segments.some(({ firstZxid }) => firstZxid === newestLogZxid);
  if (isMissing && mayReachBeyond(zxid, newestLogZxid, found)) {
    const file = segmentFileName(newestLogZxid);
    const entries =
      newestLogZxid > zxid ? `all entries from ${formatZxid(newestLogZxid)} on` : mayHaveStoodBehind(zxid);
    losses.push({ file, entries: 0, what: `${file} is missing, and with it ${entries}` });
  }
  const known = found.segments.flatMap((one) => [
    one.lastZxid,
    one.beyond?.lastZxid ?? 0,
    losses.some(({ file }) => file === one.name) ? one.firstZxid : 0,
  ]);
  for (const { name, zxid: at, fault } of found.snapshots) {
    if (fault === undefined || at <= zxid) continue;
    losses.push({ file: name, entries: 0, what: `${name} ${fault}; and the log does not reach so far` });
    known.push(at);
  }
  const base = found.snapshots.find((one) => one.zxid === attained.snapshotZxid);
  if (base !== undefined && attained.mend?.isExact === false) {
    const what = `${base.name} ${base.fault}; how it should have been is not known, and no other file has it`;
    losses.unshift({ file: base.name, entries: 0, what });
  }
  const last = Math.max(epoch?.lastZxid ?? 0, ...known);
  const what = whatOfEpoch(found, attained);
  if (what !== undefined && losses.length === 0) losses.push({ file: epochFileName, entries: 0, what });
  return { losses, lostUpToZxid: losses.length > 0 && last > zxid ? last : undefined };
}

/** What the file `epoch` tells of losses where no other file does; undefined: nothing. */
function whatOfEpoch({ segments, hasEpoch, epoch }: Survey, { snapshotZxid, zxid }: Attainable): string | undefined {
  if (epoch !== undefined) {
    return epoch.lastZxid > zxid ? `epoch says that the log had come to ${formatZxid(epoch.lastZxid)}` : undefined;
  }
  // It might have named a log that is not there, and no other is there that goes on behind the snapshot.
  const mayBeMissing = hasEpoch && zxid === snapshotZxid && !segments.some(({ firstZxid }) => firstZxid > zxid);
  return mayBeMissing
    ? `epoch is damaged, and which log was the newest is not known: ${mayHaveStoodBehind(zxid)}`
    : undefined;
}

/** How many entries were written after one, up to another: each has the next zxid, as long as the epoch is the same. */
export function entriesBetween(afterZxid: number, upToZxid: number): number | undefined {
  return zxidEpoch(afterZxid) === zxidEpoch(upToZxid) ? upToZxid - afterZxid : undefined;
}

function lossOf(segment: SurveyedSegment, found: Survey, attained: Attainable): Loss | undefined {
  const { name: file, recordCount, end, fault, beyond, unreadBytes, missingBytes } = segment;
  const { zxid, segments: kept, contradiction } = attained;
  const isKept = kept.includes(segment);
  const range = (count: number, from: number, to: number) =>
    `${count} ${count === 1 ? "entry" : "entries"}, ${formatZxid(from)}${from === to ? "" : ` to ${formatZxid(to)}`}`;
  const behind =
    beyond === undefined ? "" : `; behind that ${range(beyond.recordCount, beyond.firstZxid, beyond.lastZxid)}`;
  const entriesBeyond = beyond?.recordCount ?? 0;
  if (isKept && segment.lastZxid > zxid) {
    const entries = (entriesBetween(zxid, segment.lastZxid) ?? 0) + entriesBeyond;
    const why = contradiction?.message ?? "the entries before are not what they were";
    return {
      file,
      entries,
      what: `${file}: all after ${formatZxid(zxid)}, up to ${formatZxid(segment.lastZxid)}${behind}: ${why}`,
    };
  }
  const unread = `${unreadBytes} bytes from byte ${end} on: ${fault}${behind}`;
  const shorter = `it is ${missingBytes} bytes shorter than it has been`;
  if (isKept) {
    if (segment !== kept.at(-1) || !mayHoldMore(segment, found)) return undefined;
    const what =
      fault === undefined ? `${mayHaveStoodBehind(zxid)}: ${shorter}` : `all after ${formatZxid(zxid)}, ${unread}`;
    return { file, entries: entriesBeyond, what: `${file}: ${what}` };
  }
  if (segment.firstZxid <= zxid && segment.lastZxid <= zxid) {
    // The snapshot has what it begins with, and it cannot be followed from there.
    const ending = missingBytes > 0 ? shorter : `it ends with ${formatZxid(segment.lastZxid)}`;
    const why = fault === undefined ? ending : unread;
    if (beyond !== undefined && beyond.lastZxid > zxid) {
      const entries = Math.min(entriesBeyond, entriesBetween(zxid, beyond.lastZxid) ?? entriesBeyond);
      return { file, entries, what: `${file}: all after ${formatZxid(zxid)}: ${why}` };
    }
    if (!mayReachBeyond(zxid, segment.firstZxid, found)) return undefined;
    return { file, entries: 0, what: `${file}: ${mayHaveStoodBehind(zxid)}: ${why}` };
  }
  if (recordCount === 0 && !mayHoldMore(segment, found)) return undefined;
  const read = recordCount === 0 ? "" : `: ${range(recordCount, segment.firstZxid, segment.lastZxid)}`;
  const damage = fault === undefined ? "" : `; from byte ${end} on: ${fault}${behind}`;
  return { file, entries: recordCount + entriesBeyond, what: `${file}, all of it${read}${damage}` };
}

/** Whether the log that begins at `firstZxid` may have gone on behind `zxid`: the next one tells where it ended, also if only `epoch` names it. */
function mayReachBeyond(zxid: number, firstZxid: number, { segments, epoch }: Survey): boolean {
  const next = segments.find((one) => one.firstZxid > firstZxid);
  const named = epoch?.newestLogZxid ?? 0;
  if (named > firstZxid && named < (next?.firstZxid ?? Number.POSITIVE_INFINITY)) return named - 1 > zxid;
  return next === undefined || (next.isReadable ? next.header.previousZxid : next.firstZxid - 1) > zxid;
}

function mayHaveStoodBehind(zxid: number): string {
  return `what stood behind ${formatZxid(zxid)}, if anything did`;
}

/** Whether somebody may have been promised what stood behind the last record that can be read. */
function mayHoldMore(segment: SurveyedSegment, { segments, hasEpoch, epoch }: Survey): boolean {
  const { fault, isTorn, missingBytes, isReadable, unreadBytes, beyond } = segment;
  const isLast = segment === segments.at(-1);
  // Its creation may have been cut short, unless somebody has written down that it was finished, or what was written cannot be read.
  const mayBeUnfinished = isLast && (epoch === undefined ? !hasEpoch : segment.firstZxid !== epoch.newestLogZxid);
  if (!isReadable) return !(mayBeUnfinished && unreadBytes < segmentHeaderBytes) || beyond !== undefined;
  if (missingBytes > 0) return !(mayBeUnfinished && segment.recordCount === 0 && fault === undefined);
  return fault !== undefined && !(isTorn && isLast);
}
