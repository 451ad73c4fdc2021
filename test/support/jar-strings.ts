/**
 * What strings stand in a Java archive: an archive is a zip of classes, and a class keeps its strings in a table of its own.
 * Enough of both formats to read what a Java compiler wrote.
 */
import { readFile } from "node:fs/promises";
import { inflateRawSync } from "node:zlib";

/** The strings that the code of a class uses, by the name of the class, `org/apache/zookeeper/Version`. */
export async function jarStrings(file: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const strings = new Map<string, readonly string[]>();
  for (const [name, bytes] of filesOfZip(await readFile(file))) {
    if (name.endsWith(".class")) strings.set(name.replace(/\.class$/, ""), stringsOfClass(bytes));
  }
  return strings;
}

const endOfDirectory = 0x06054b50;
const directoryEntry = 0x02014b50;
const stored = 0;

/** The directory is at the end, and is pointed to by what stands behind it. */
function* filesOfZip(zip: Buffer): Generator<readonly [name: string, bytes: Buffer]> {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || zip.readUInt32LE(end) !== endOfDirectory) throw new Error("this is no zip file: it has no directory");
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    if (zip.readUInt32LE(at) !== directoryEntry) throw new Error(`there is no entry of the zip's directory at ${at}`);
    const method = zip.readUInt16LE(at + 10);
    const packedBytes = zip.readUInt32LE(at + 20);
    const nameBytes = zip.readUInt16LE(at + 28);
    const name = zip.toString("utf8", at + 46, at + 46 + nameBytes);
    const header = zip.readUInt32LE(at + 42);
    const begin = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
    const packed = zip.subarray(begin, begin + packedBytes);
    yield [name, method === stored ? packed : inflateRawSync(packed)];
    at += 46 + nameBytes + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
}

/** Bytes of each kind of constant, with the byte that tells which it is; text has its length in it. */
const constantBytes: Readonly<Record<number, number>> = {
  3: 5,
  4: 5,
  5: 9,
  6: 9,
  7: 3,
  8: 3,
  9: 5,
  10: 5,
  11: 5,
  12: 5,
  15: 4,
  16: 3,
  17: 5,
  18: 5,
  19: 3,
  20: 3,
};
const text = 1;
const string = 8;

function stringsOfClass(bytes: Buffer): readonly string[] {
  const texts = new Map<number, string>();
  const used: number[] = [];
  let at = 10;
  for (let index = 1; index < bytes.readUInt16BE(8); index++) {
    const kind = bytes.readUInt8(at);
    if (kind === text) {
      const length = bytes.readUInt16BE(at + 1);
      texts.set(index, bytes.toString("utf8", at + 3, at + 3 + length));
      at += 3 + length;
      continue;
    }
    const size = constantBytes[kind];
    if (size === undefined) throw new Error(`a class has no constant of the kind ${kind}`);
    if (kind === string) used.push(bytes.readUInt16BE(at + 1));
    at += size;
    // What takes eight bytes counts as two.
    if (size === 9) index++;
  }
  return used.map((index) => texts.get(index) ?? "");
}
