/** Text as an item of a vector. */
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

export function writeString(writer: Writer, value: string): void {
  writer.string(value);
}

export function readString(reader: Reader): string {
  return reader.string();
}
