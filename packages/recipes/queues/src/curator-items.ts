/**
 * Items as Curator's queues store them: a version, then each item behind a 1 and its length, then a 2; big-endian. One
 * node may hold several, which are then delivered, acknowledged and delivered again together.
 */
import type { Codec } from "@corral/client";

const version = 0x0001_0001;
const itemMark = 1;
const endMark = 2;

/** The codec of a queue that Curator's processes share: its values are the items of a node, by `codec` each. */
export function curatorItems<T>(codec: Codec<T>): Codec<readonly T[]> {
  return {
    async encode(items) {
      const parts: Uint8Array[] = [uint32(version)];
      for (const item of items) {
        const bytes = (await codec.encode(item)) ?? new Uint8Array();
        parts.push(Uint8Array.of(itemMark), uint32(bytes.length), bytes);
      }
      parts.push(Uint8Array.of(endMark));
      return Buffer.concat(parts);
    },
    async decode(data) {
      return await Promise.all(split(data).map((bytes) => codec.decode(bytes)));
    },
  };
}

/** The bytes of each item. @throws Error if they are of another form */
function split(data: Uint8Array | null): Uint8Array[] {
  const bytes = Buffer.from(data ?? []);
  if (bytes.length < 4 || bytes.readUInt32BE(0) !== version)
    throw new Error("these are no items as Curator stores them");
  const items: Uint8Array[] = [];
  for (let at = 4; ; ) {
    const mark = bytes.at(at);
    if (mark === endMark) return items;
    const from = at + 5;
    const length = mark === itemMark && from <= bytes.length ? bytes.readUInt32BE(at + 1) : Number.NaN;
    // Also if the length is none, or more than there is.
    if (!(from + length <= bytes.length)) throw new Error(`the items end in the middle, at byte ${at}`);
    items.push(bytes.subarray(from, from + length));
    at = from + length;
  }
}

function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
