/**
 * A snapshot: the file `snapshot.<zxid>`, the whole state after that zxid as chunks that mean nothing here.
 *
 *     header   8 bytes "CORRALSN", u32 version 1, u32 CRC-32 of the other header bytes, u64 zxid, u64 zero
 *     chunk    u32 length, u32 CRC-32, that many bytes               … as often as needed
 *     end      u32 0xffffffff, u32 CRC-32, u64 number of chunks, u64 bytes in all chunks
 *
 * The checksum of a chunk covers its length and bytes and starts from the chunk's number, so that chunks can neither be
 * exchanged nor left out. The end must be there and must be the end of the file, so that a cut at any byte is noticed.
 */
import { crc32, type Disk, type DiskFile } from "@corral/io";
import { assert } from "@corral/protocol";
import { ReadAhead } from "./read-ahead.ts";
import { readUint64, writeUint64 } from "./record.ts";
import { withFile } from "./whole-file.ts";

const magic = Buffer.from("CORRALSN", "latin1");
const version = 1;
const headerBytes = 32;
const zxidOffset = 16;
const chunkHeadBytes = 8;
const endBytes = 24;
const endLength = 0xffff_ffff;

/** The log's syncs wait for as long as it takes to sync this much, and with them all writers. */
const syncStepBytes = 1024 * 1024;

/** A snapshot that can be used, or why it cannot. `isNewer`: nothing is wrong with it, but its version is not known here. */
export type SnapshotVerdict =
  | { readonly kind: "valid" }
  | { readonly kind: "damaged"; readonly why: string; readonly isNewer?: boolean };

/** Writes a snapshot into an empty file. Waits for the disk after each chunk before it asks for the next one. Not all is synced then. */
export async function writeSnapshotFile(
  file: Pick<DiskFile, "write" | "sync">,
  zxid: number,
  chunks: Iterable<Uint8Array>,
  chunkBytesMax: number,
): Promise<void> {
  await file.write(0, encodeHeader(zxid));
  let position = headerBytes;
  let syncedPosition = 0;
  let chunkCount = 0;
  let totalBytes = 0;
  for (const chunk of chunks) {
    assert(chunk.length <= chunkBytesMax, "a snapshot's chunk is within the limit");
    if (chunk.length === 0) continue;
    const bytes = Buffer.allocUnsafe(chunkHeadBytes + chunk.length);
    bytes.writeUInt32BE(chunk.length, 0);
    bytes.set(chunk, chunkHeadBytes);
    bytes.writeUInt32BE(chunkChecksum(bytes, chunkCount), 4);
    await file.write(position, bytes);
    position += bytes.length;
    if (position - syncedPosition >= syncStepBytes) {
      await file.sync();
      syncedPosition = position;
    }
    totalBytes += chunk.length;
    chunkCount += 1;
  }
  await file.write(position, encodeEnd(chunkCount, totalBytes));
}

/** Reads a snapshot from beginning to end without using it. Rejects only if the disk does. */
export function verifySnapshotFile(
  disk: Disk,
  path: string,
  zxid: number,
  chunkBytesMax: number,
): Promise<SnapshotVerdict> {
  return readSnapshotFile(disk, path, zxid, chunkBytesMax, () => {});
}

/** Hands on the chunks of a snapshot. To be called for a valid one only: what is damaged shows when some is handed on. */
export function readSnapshotFile(
  disk: Disk,
  path: string,
  zxid: number,
  chunkBytesMax: number,
  onChunk: (chunk: Buffer) => void,
): Promise<SnapshotVerdict> {
  return withFile(disk, path, async (file) => {
    const size = await file.size();
    const ahead = new ReadAhead(file, size);
    try {
      return await walk(
        { size, read: (position, length) => ahead.read(position, length) },
        zxid,
        chunkBytesMax,
        onChunk,
      );
    } finally {
      await ahead.end();
    }
  });
}

/** Bytes whose checksums are made before others get their turn. */
const stepBytes = 4 * 1024 * 1024;

/**
 * The same of a snapshot that somebody hands in as bytes. Its zxid is what it says itself; the chunks are views of the
 * bytes. `othersTurn` is waited for now and then, for nothing else would let anybody else do anything meanwhile.
 */
export async function readSnapshotBytes(
  bytes: Buffer,
  chunkBytesMax: number,
  onChunk: (chunk: Buffer) => void,
  othersTurn: () => Promise<void>,
): Promise<SnapshotVerdict & { readonly zxid: number }> {
  const zxid = bytes.length < headerBytes ? 0 : readUint64(bytes, zxidOffset);
  let nextTurn = stepBytes;
  const source = {
    size: bytes.length,
    read: async (position: number, length: number) => {
      if (position >= nextTurn) {
        await othersTurn();
        nextTurn = position + stepBytes;
      }
      return bytes.subarray(position, position + length);
    },
  };
  return { ...(await walk(source, zxid, chunkBytesMax, onChunk)), zxid };
}

/** Bytes that are read from front to back. */
interface Source {
  readonly size: number;
  read(position: number, length: number): Promise<Buffer>;
}

async function walk(
  source: Source,
  zxid: number,
  chunkBytesMax: number,
  onChunk: (chunk: Buffer) => void,
): Promise<SnapshotVerdict> {
  const damaged = (why: string): SnapshotVerdict => ({ kind: "damaged", why });
  const { size } = source;
  const header = await source.read(0, headerBytes);
  const wrong = headerFault(header, zxid);
  if (wrong !== undefined) return { ...damaged(wrong), ...(isOfOtherVersion(header) && { isNewer: true }) };
  let position = headerBytes;
  let totalBytes = 0;
  for (let chunkCount = 0; ; chunkCount += 1) {
    const head = await source.read(position, chunkHeadBytes);
    if (head.length < chunkHeadBytes) return damaged(`it breaks off at byte ${size}`);
    const length = head.readUInt32BE(0);
    if (length === endLength) {
      const end = await source.read(position, endBytes);
      if (!end.equals(encodeEnd(chunkCount, totalBytes))) return damaged("its end does not fit what stands before");
      return position + endBytes === size ? { kind: "valid" } : damaged("something follows its end");
    }
    if (length > size - position - chunkHeadBytes) return damaged(`it breaks off at byte ${size}`);
    const bytes = length > chunkBytesMax ? head : await source.read(position, chunkHeadBytes + length);
    if (bytes.length !== chunkHeadBytes + length || bytes.readUInt32BE(4) !== chunkChecksum(bytes, chunkCount)) {
      return damaged(`the checksum of the chunk at byte ${position} is wrong`);
    }
    onChunk(bytes.subarray(chunkHeadBytes));
    position += bytes.length;
    totalBytes += length;
  }
}

function encodeHeader(zxid: number): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  magic.copy(bytes);
  bytes.writeUInt32BE(version, 8);
  writeUint64(bytes, zxid, zxidOffset);
  bytes.writeUInt32BE(crc32(bytes.subarray(16), crc32(bytes.subarray(0, 12))), 12);
  return bytes;
}

function headerFault(bytes: Buffer, zxid: number): string | undefined {
  if (bytes.length < headerBytes) return "it breaks off in its header";
  if (!bytes.subarray(0, magic.length).equals(magic)) return "it does not start as a snapshot of Corral";
  if (!isHeaderWhole(bytes)) return "its header's checksum is wrong";
  if (isOfOtherVersion(bytes)) {
    return `its format has version ${bytes.readUInt32BE(8)}, this program knows ${version}`;
  }
  return readUint64(bytes, zxidOffset) === zxid ? undefined : "its name and its header do not agree";
}

function isHeaderWhole(bytes: Buffer): boolean {
  return bytes.readUInt32BE(12) === crc32(bytes.subarray(16), crc32(bytes.subarray(0, 12)));
}

function isOfOtherVersion(bytes: Buffer): boolean {
  if (bytes.length < headerBytes || !bytes.subarray(0, magic.length).equals(magic)) return false;
  return isHeaderWhole(bytes) && bytes.readUInt32BE(8) !== version;
}

function encodeEnd(chunkCount: number, totalBytes: number): Buffer {
  const bytes = Buffer.alloc(endBytes);
  bytes.writeUInt32BE(endLength, 0);
  writeUint64(bytes, chunkCount, 8);
  writeUint64(bytes, totalBytes, 16);
  bytes.writeUInt32BE(chunkChecksum(bytes, chunkCount), 4);
  return bytes;
}

function chunkChecksum(bytes: Buffer, number: number): number {
  return crc32(bytes.subarray(chunkHeadBytes), crc32(bytes.subarray(0, 4), number % 2 ** 32));
}
