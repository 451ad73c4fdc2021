/** How one record goes to bytes and back. The jute grammar stands above each codec, fields in the same order. */
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** Writes records of one kind, and reads them back. */
export interface Codec<T> {
  write(writer: Writer, value: T): void;
  read(reader: Reader): T;
}

/** What a codec carries. */
export type Decoded<C> = C extends Codec<infer T> ? T : never;

/** A body of no bytes. */
export const emptyCodec: Codec<Record<string, never>> = {
  write() {},
  read: () => ({}),
};
