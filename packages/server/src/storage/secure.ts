/**
 * Brings a directory that `recover` has accepted into the state in which it is written on: what is not finished is
 * removed, a torn tail is cut, and all that was accepted is on the disk for certain before anybody is shown it.
 */
import type { Disk, Logger } from "@corral/io";
import { formatZxid } from "@corral/protocol";
import type { EpochRegister } from "./epoch-register.ts";
import { damagedSuffix, epochFileName, type StorageFiles, snapshotFileName } from "./file-names.ts";
import { isKey } from "./record.ts";
import type { CheckedSegment, Recovery } from "./recovery.ts";
import { SegmentFile } from "./segment-file.ts";
import { withFile } from "./whole-file.ts";

const copyBytes = 1024 * 1024;

/** Durable when it resolves. Can be repeated after a crash at any point. */
export async function secure(
  disk: Disk,
  directory: string,
  files: StorageFiles,
  recovery: Recovery,
  register: EpochRegister,
  logger: Logger,
): Promise<void> {
  const { tornTail, emptySegment, epoch, newestLogZxid } = recovery;
  for (const path of reliedOn(directory, recovery)) await withFile(disk, path, (file) => file.sync());
  for (const name of files.unfinished) await disk.remove(`${directory}/${name}`);
  if (emptySegment) {
    logger.info({ file: emptySegment.path }, "removing a log file whose first record was never finished");
    // First it must not be asked for any more.
    if (epoch && epoch.newestLogZxid !== newestLogZxid) await register.update({ newestLogZxid });
    await disk.remove(emptySegment.path);
  }
  if (tornTail) {
    const { segment, why, truncatedBytes } = tornTail;
    logger.warn(
      { file: segment.path, offset: segment.end, truncatedBytes, lastZxid: formatZxid(segment.lastZxid) },
      `the log ends in a write that was cut short and, as far as the file tells, never acknowledged (${why}): cutting it off`,
    );
  }
  const last = recovery.segments.at(-1);
  if (last) await secureTail(disk, last, tornTail !== undefined);
  for (const { zxid, why } of recovery.damagedSnapshots) {
    const path = `${directory}/${snapshotFileName(zxid)}`;
    logger.warn(
      { file: path, instead: formatZxid(recovery.snapshotZxid) },
      `the snapshot is damaged (${why}); the log since the one before is complete, so nothing is lost: setting it aside`,
    );
    await disk.rename(path, `${path}${damagedSuffix}`);
  }
  await disk.syncDirectory(directory);
}

/**
 * What the state is made of, but for the last segment (below). The server has synced what it wrote; but somebody may have copied
 * the files into place, and then they are in the page cache alone for half a minute. Syncing a file that is on the disk already
 * costs nothing.
 */
function reliedOn(directory: string, { epoch, snapshotZxid, segments }: Recovery): string[] {
  return [
    ...(epoch === undefined ? [] : [`${directory}/${epochFileName}`]),
    ...(snapshotZxid === 0 ? [] : [`${directory}/${snapshotFileName(snapshotZxid)}`]),
    ...segments.slice(0, -1).map(({ path }) => path),
  ];
}

/**
 * What could be read is not always on the disk: the process may have been killed between writing and syncing, or have
 * ended because a sync failed, after which the system holds the bytes for written although they are not. So whatever is
 * not proven to be durable is written once more, byte for byte the same, and synced, up to the end of the kept bytes.
 *
 * A torn tail within the kept bytes is overwritten with zeros, for a file that is too short has been cut by somebody
 * else. If that is interrupted, some of its sectors are zeros: it is still torn, and cut off at the next start.
 *
 * The header of a segment without a key stays what it is, whatever follows its kept bytes, so that the version that wrote it can
 * still read it. How far the log has come is then in the epoch file, which is written anew when the start begins its epoch.
 */
async function secureTail(disk: Disk, { path, header, ...segment }: CheckedSegment, cut: boolean): Promise<void> {
  const file = await SegmentFile.open(disk, path, header, isKey(header.key));
  try {
    if (cut) await file.truncate(Math.max(segment.end, header.keptBytes));
    for (let at = segment.syncedOffset; at < segment.end; at += copyBytes) {
      await file.write(at, await file.read(at, Math.min(copyBytes, segment.end - at)));
    }
    await file.writeZeros(segment.end, header.keptBytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
