/**
 * Looks into every file of a data directory, those too that no start would need, and tells what is in each and what is
 * wrong with it. What a start would make of all of them together is another question: `recovery.ts`. Changes nothing.
 */
import type { Disk } from "@corral/io";
import { formatZxid } from "@corral/protocol";
import { decodeEpochFile, epochFileBytesMax, otherEpochVersion } from "./epoch-file.ts";
import { lastEpoch } from "./epochs.ts";
import { epochFileName, segmentFileName, snapshotFileName, sortFileNames } from "./file-names.ts";
import { decodeSegmentHeader, scanRecords, segmentHeaderBytes } from "./segment.ts";
import { endOfContent, judgeTail } from "./torn-tail.ts";
import { withFile } from "./whole-file.ts";

/** What was found in one file. */
export interface FileReport {
  readonly name: string;
  readonly bytes: number;
  /** What is in it, in words. */
  readonly content: string;
  /** What is wrong with it; undefined if nothing is. */
  readonly problem: string | undefined;
}

/**
 * The files in the order in which they were written; `epoch` last. `snapshotFault` tells what is wrong with a snapshot, its
 * content too, which means nothing here. Rejects only if the disk does.
 */
export async function verifyFiles(
  disk: Disk,
  directory: string,
  snapshotFault: (zxid: number) => Promise<string | undefined>,
): Promise<FileReport[]> {
  const files = sortFileNames(await disk.list(directory));
  const reports: FileReport[] = [];
  for (const zxid of files.snapshotZxids) {
    const name = snapshotFileName(zxid);
    const bytes = await withFile(disk, `${directory}/${name}`, (file) => file.size());
    reports.push({ name, bytes, content: `the state after ${formatZxid(zxid)}`, problem: await snapshotFault(zxid) });
  }
  const epoch = files.hasEpoch ? await verifyEpoch(disk, directory) : undefined;
  for (const zxid of files.segmentZxids) {
    // As a start sees it: nobody was promised anything of the newest one, unless the epoch file says that it was finished.
    const isNamed = epoch !== undefined && (epoch.newestLogZxid ?? zxid) === zxid;
    const isNewest = zxid === files.segmentZxids.at(-1) && zxid > (files.snapshotZxids.at(-1) ?? 0);
    const mayBeUnfinished = isNewest && !isNamed;
    reports.push(await verifySegment(disk, directory, zxid, mayBeUnfinished));
  }
  if (epoch) reports.push(epoch.report);
  return reports;
}

const unfinished = "it was being made when the server ended, and the next start removes it";

async function verifySegment(
  disk: Disk,
  directory: string,
  firstZxid: number,
  mayBeUnfinished: boolean,
): Promise<FileReport> {
  const name = segmentFileName(firstZxid);
  return withFile(disk, `${directory}/${name}`, async (file) => {
    const bytes = await file.size();
    const decoded = decodeSegmentHeader(await file.read(0, segmentHeaderBytes));
    if (decoded.kind === "incomplete" && mayBeUnfinished) {
      const contentEnd = await endOfContent({ file, size: bytes, offset: 0 });
      if (contentEnd < segmentHeaderBytes) {
        return { name, bytes, content: `nothing yet: ${unfinished}`, problem: undefined };
      }
    }
    if (decoded.kind !== "header") {
      const problem = decoded.kind === "bad" ? decoded.why : "its header is not complete";
      return { name, bytes, content: "nothing that can be read", problem };
    }
    const { header } = decoded;
    const scan = await scanRecords({ file, size: bytes, header }, () => {});
    const { recordCount, lastZxid, end, disorder } = scan;
    const content =
      recordCount === 0
        ? "no record"
        : `${recordCount} records, ${formatZxid(header.firstZxid)} to ${formatZxid(lastZxid)}, up to byte ${end}`;
    const verdict = await judgeTail({ file, size: bytes, offset: end, key: header.key, lastZxid });
    let problem: string | undefined;
    const isUnfinished = mayBeUnfinished && recordCount === 0 && verdict.kind === "clean" && bytes < header.keptBytes;
    if (header.firstZxid !== firstZxid) problem = "its name and its header do not agree";
    else if (disorder)
      problem = `the record ${formatZxid(disorder.zxid)} at byte ${end} does not follow the one before`;
    else if (isUnfinished) return { name, bytes, content: `no record yet: ${unfinished}`, problem };
    else if (bytes < header.keptBytes) problem = `it has been cut off: it has had ${header.keptBytes} bytes`;
    else if (verdict.kind === "damaged") problem = `at byte ${end} it is damaged: ${verdict.why}`;
    else if (verdict.kind === "torn") problem = `at byte ${end} a write was cut short: ${verdict.why}`;
    return { name, bytes, content, problem };
  });
}

/** `newestLogZxid`: 0 if there is none; undefined if it cannot be read. */
async function verifyEpoch(
  disk: Disk,
  directory: string,
): Promise<{ readonly report: FileReport; readonly newestLogZxid: number | undefined }> {
  return withFile(disk, `${directory}/${epochFileName}`, async (file) => {
    const bytes = await file.size();
    const text = await file.read(0, epochFileBytesMax);
    const epoch = decodeEpochFile(text);
    if (epoch === undefined) {
      const version = otherEpochVersion(text);
      const problem =
        version === undefined ? "it is damaged" : `its format has version ${version}, this program knows 1`;
      const report = { name: epochFileName, bytes, content: "nothing that can be read", problem };
      return { report, newestLogZxid: undefined };
    }
    const { newestLogZxid } = epoch;
    const newest = newestLogZxid === 0 ? "none" : segmentFileName(newestLogZxid);
    const problem = epoch.epoch > lastEpoch ? `the last epoch is ${lastEpoch}` : undefined;
    const report = { name: epochFileName, bytes, content: `epoch ${epoch.epoch}, newest log ${newest}`, problem };
    return { report, newestLogZxid };
  });
}
