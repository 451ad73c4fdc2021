/** The checksum of everything that Corral keeps on disk. Here, because it is a Node builtin. */
import { crc32 as zlibCrc32 } from "node:zlib";

/**
 * CRC-32 (IEEE, as in gzip) of the bytes in [from, to), an unsigned 32-bit number. `start` is the value to go on from: the
 * checksum of what stands before, or any other 32-bit number that the checksum shall depend on.
 */
export function crc32(bytes: Uint8Array, start = 0, from = 0, to = bytes.length): number {
  if (to - from <= shortBytes) return crc32Short(bytes, start, from, to);
  return zlibCrc32(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to), start);
}

/** The other way about: the `start` with which the bytes in [from, to) come to that checksum. There is exactly one. */
export function crc32StartOf(checksum: number, bytes: Uint8Array, from = 0, to = bytes.length): number {
  let value = ~checksum;
  for (let at = to - 1; at >= from; at--) {
    // No two entries of the table begin with the same byte: so it tells which one the last step took.
    const index = indexByFirstByte[value >>> 24]!;
    value = ((value ^ table0[index]!) << 8) | (index ^ bytes[at]!);
  }
  return ~value >>> 0;
}

/** Up to here the call into Node takes longer than the bytes do. */
const shortBytes = 256;

// What eight bytes do to the checksum is the sum of what each does with as many zeros behind it: a table for each place.
const [table0, table1, table2, table3, table4, table5, table6, table7] = makeTables();

const indexByFirstByte = new Uint8Array(256);
table0.forEach((value, index) => {
  indexByFirstByte[value >>> 24] = index;
});

type Tables = [Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array];

function makeTables(): Tables {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256)) as Tables;
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
    tables[0][byte] = value;
  }
  for (let byte = 0; byte < 256; byte++) {
    let value = tables[0][byte] as number;
    for (let place = 1; place < 8; place++) {
      value = (value >>> 8) ^ (tables[0][value & 0xff] as number);
      (tables[place] as Int32Array)[byte] = value;
    }
  }
  return tables;
}

function crc32Short(bytes: Uint8Array, start: number, from: number, to: number): number {
  let value = ~start;
  let at = from;
  for (; at + 8 <= to; at += 8) {
    const first = value ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    value =
      table7[first & 0xff]! ^
      table6[(first >>> 8) & 0xff]! ^
      table5[(first >>> 16) & 0xff]! ^
      table4[first >>> 24]! ^
      table3[bytes[at + 4]!]! ^
      table2[bytes[at + 5]!]! ^
      table1[bytes[at + 6]!]! ^
      table0[bytes[at + 7]!]!;
  }
  for (; at < to; at++) value = table0[(value ^ bytes[at]!) & 0xff]! ^ (value >>> 8);
  return ~value >>> 0;
}
