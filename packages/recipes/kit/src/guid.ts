/** Names that nobody else has: how an attempt finds its own node again after a lost reply. */
import type { Random } from "@corral/io";

/** A random UUID (version 4), from the client's source of randomness. */
export function newGuid(random: Random): string {
  return format(random.bytes(16), 4);
}

/**
 * A UUID of version 8, 90 bits of it random: its last four bytes are the timeout of the session that uses it, ms. So
 * `explain()` can say when somebody who died would be gone, in layouts where every byte of data means something to others.
 */
export function newTicketGuid(random: Random, sessionTimeoutMs: number): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes.writeUInt32BE(Math.min(Math.trunc(sessionTimeoutMs), 0xffff_ffff), 12);
  return format(bytes, 8);
}

const ticketGuid = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{4}([0-9a-f]{8})/;

/** The timeout in the GUID that `text` begins with, ms; `undefined` if it was not known, or is another library's GUID. */
export function sessionTimeoutIn(text: string): number | undefined {
  const timeoutMs = Number.parseInt(ticketGuid.exec(text)?.[1] ?? "0", 16);
  return timeoutMs === 0 ? undefined : timeoutMs;
}

function format(random: Uint8Array, version: number): string {
  const bytes = Buffer.from(random);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | (version << 4);
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
