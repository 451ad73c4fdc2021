/** Nodes as text for people, and as plain data for `--json`. */
import type { Acl, Stat } from "@corral/client";
import { aclEntryText } from "../dump/acl-text.ts";

/** A zxid or a session id. */
export function hex(value: bigint): string {
  return `0x${BigInt.asUintN(64, value).toString(16)}`;
}

/** ISO 8601, UTC. */
export function time(ms: number): string {
  return new Date(ms).toISOString();
}

/** Data as fields of JSON: as text where it is UTF-8, otherwise as base64, or null. */
export function dataFields(data: Uint8Array | null): { data: string | null } | { base64: string } {
  if (data === null) return { data: null };
  const text = Buffer.from(data).toString("utf8");
  return Buffer.from(text).equals(data) ? { data: text } : { base64: Buffer.from(data).toString("base64") };
}

/** A stat, zxids and ids as hexadecimal text, since JSON has no integers of 64 bits. */
export function statFields(stat: Stat): Readonly<Record<string, string | number>> {
  return {
    czxid: hex(stat.czxid),
    mzxid: hex(stat.mzxid),
    pzxid: hex(stat.pzxid),
    ctime: time(stat.ctimeMs),
    mtime: time(stat.mtimeMs),
    version: stat.version,
    cversion: stat.cversion,
    aversion: stat.aversion,
    ephemeralOwner: hex(stat.ephemeralOwner),
    dataLength: stat.dataLength,
    numChildren: stat.numChildren,
  };
}

/** An access list, an entry a line. */
export function aclLines(acl: readonly Acl[]): readonly string[] {
  return acl.map(aclEntryText);
}

/** One line of JSON. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/** Data as a person sees it: the text, or how many bytes there are. */
export function dataText(data: Uint8Array | null): string {
  if (data === null) return "(no data)";
  const fields = dataFields(data);
  return "data" in fields && fields.data !== null ? fields.data : `(${data.length} bytes that are no text)`;
}
