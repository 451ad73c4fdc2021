/**
 * The file `epoch`: in which epoch this server is, and how far its log had come when that was written. Text, for people:
 *
 *     corral-epoch 1
 *     epoch 3
 *     last-zxid 0x200000005
 *     crc32 1b2c3d4e
 *
 * The last line is the CRC-32 of the lines above. The zxid is a lower bound: a log that ends before it has lost records.
 */
import { crc32 } from "@corral/io";
import { formatZxid } from "@corral/protocol";

/** What the file says. */
export interface EpochFile {
  readonly epoch: number;
  /** The last zxid of the log when the epoch was written. */
  readonly lastZxid: number;
}

/** The largest file that is looked at. */
export const epochFileBytesMax = 1_024;

/** The file's bytes. */
export function encodeEpochFile({ epoch, lastZxid }: EpochFile): Buffer {
  const lines = `corral-epoch 1\nepoch ${epoch}\nlast-zxid ${formatZxid(lastZxid)}\n`;
  const checksum = crc32(Buffer.from(lines)).toString(16).padStart(8, "0");
  return Buffer.from(`${lines}crc32 ${checksum}\n`);
}

/** What the bytes say; undefined unless they are exactly what `encodeEpochFile` writes. */
export function decodeEpochFile(bytes: Buffer): EpochFile | undefined {
  const match = /^corral-epoch 1\nepoch (\d+)\nlast-zxid 0x([0-9a-f]+)\n/.exec(bytes.toString("latin1"));
  if (!match) return undefined;
  const decoded = { epoch: Number(match[1]), lastZxid: Number.parseInt(match[2] ?? "", 16) };
  if (!Number.isSafeInteger(decoded.epoch) || !Number.isSafeInteger(decoded.lastZxid)) return undefined;
  return bytes.equals(encodeEpochFile(decoded)) ? decoded : undefined;
}
