/**
 * The file `epoch`: in which epoch this server is, how far its log had come when that was written, and which log file is
 * the newest. Text, for people:
 *
 *     corral-epoch 1
 *     epoch 3
 *     last-zxid 0x200000005
 *     newest-log log.200000006
 *     crc32 1b2c3d4e
 *
 * The last line is the CRC-32 of the lines above, in any version. The zxid is a lower bound: a log that ends before it has lost records.
 * The newest log is named when its creation is durable, and before anything in it is acknowledged: it must be there, and
 * its header whole. A newer one that is not named here has nothing in it that anybody was promised. Before the first log
 * is made, the line is `newest-log none`.
 */
import { crc32 } from "@corral/io";
import { formatZxid } from "@corral/protocol";
import { segmentFileName } from "./file-names.ts";

/** What the file says. */
export interface EpochFile {
  readonly epoch: number;
  /** The last zxid of the log when the epoch was written. */
  readonly lastZxid: number;
  /** First zxid of the newest log segment, which is its name; 0 if there is none. */
  readonly newestLogZxid: number;
}

/** The largest file that is looked at. */
export const epochFileBytesMax = 1_024;

/** The file's bytes. */
export function encodeEpochFile({ epoch, lastZxid, newestLogZxid }: EpochFile): Buffer {
  const newestLog = newestLogZxid === 0 ? "none" : segmentFileName(newestLogZxid);
  const lines = `corral-epoch 1\nepoch ${epoch}\nlast-zxid ${formatZxid(lastZxid)}\nnewest-log ${newestLog}\n`;
  const checksum = crc32(Buffer.from(lines)).toString(16).padStart(8, "0");
  return Buffer.from(`${lines}crc32 ${checksum}\n`);
}

/** What the bytes say; undefined unless they are exactly what `encodeEpochFile` writes. */
export function decodeEpochFile(bytes: Buffer): EpochFile | undefined {
  const lines = /^corral-epoch 1\nepoch (\d+)\nlast-zxid 0x([0-9a-f]+)\nnewest-log (?:none|log\.([0-9a-f]+))\n/;
  const [match, epoch, lastZxid = "", newestLogZxid = "0"] = lines.exec(bytes.toString("latin1")) ?? [];
  if (match === undefined) return undefined;
  const decoded: EpochFile = {
    epoch: Number(epoch),
    lastZxid: Number.parseInt(lastZxid, 16),
    newestLogZxid: Number.parseInt(newestLogZxid, 16),
  };
  if (!Object.values(decoded).every(Number.isSafeInteger)) return undefined;
  return bytes.equals(encodeEpochFile(decoded)) ? decoded : undefined;
}

/** The version of a file that is whole, but of another version than this one; undefined for all others. */
export function otherEpochVersion(bytes: Buffer): number | undefined {
  const [, lines = "", version, checksum] =
    /^(corral-epoch (\d{1,9})\n(?:.*\n)*)crc32 ([0-9a-f]{8})\n$/.exec(bytes.toString("latin1")) ?? [];
  if (version === undefined || Number(version) === 1) return undefined;
  return crc32(Buffer.from(lines, "latin1")).toString(16).padStart(8, "0") === checksum ? Number(version) : undefined;
}
