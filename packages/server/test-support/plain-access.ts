/** Who may do what, as it always was: entry by entry, each address taken apart anew. Logs are replayed by it, so it must stay so. */
import type { Acl, Id } from "@corral/protocol";

/** What `allows` must say. */
export function plainAllows(acl: readonly Acl[], permission: number, identities: readonly Id[]): boolean {
  if (acl.length === 0 || identities.some(({ scheme }) => scheme === "super")) return true;
  return acl.some(({ perms, id }) => (perms & permission) !== 0 && isNamed(id, identities));
}

function isNamed(pattern: Id, identities: readonly Id[]): boolean {
  if (pattern.scheme === "world" && pattern.id === "anyone") return true;
  return identities.some(
    ({ scheme, id }) =>
      pattern.scheme === scheme && (scheme === "ip" ? plainMatches(pattern.id, id) : pattern.id === id),
  );
}

/** Whether an address lies in what an entry of the scheme `ip` has. */
export function plainMatches(pattern: string, address: string): boolean {
  const range = parsePattern(pattern);
  const bytes = parseAddress(address);
  if (range === undefined || bytes === undefined || range.bytes.length !== bytes.length) return false;
  const bitsOf = (of: Uint8Array) => [...of].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return bitsOf(range.bytes).slice(0, range.bits) === bitsOf(bytes).slice(0, range.bits);
}

/** Whether an entry of the scheme `ip` can have it. */
export function plainIsPattern(pattern: string): boolean {
  return parsePattern(pattern) !== undefined;
}

function parsePattern(pattern: string): { bytes: Uint8Array; bits: number } | undefined {
  const slash = pattern.indexOf("/");
  const address = slash < 0 ? pattern : pattern.slice(0, slash);
  const bytes = parseAddress(address);
  if (bytes === undefined) return undefined;
  const size = bytes.length * 8;
  if (slash < 0) return { bytes, bits: size };
  const bitsText = pattern.slice(slash + 1);
  if (!/^\d{1,3}$/.test(bitsText)) return undefined;
  const bits = Number(bitsText) - (size === 32 && address.includes(":") ? 96 : 0);
  return bits >= 0 && bits <= size ? { bytes, bits } : undefined;
}

function parseAddress(text: string): Uint8Array | undefined {
  const zone = text.indexOf("%");
  const zoneless = zone < 0 ? text : text.slice(0, zone);
  if (zoneless.length > 45) return undefined;
  if (!zoneless.includes(":")) return parseV4(zoneless);
  const bytes = parseV6(zoneless);
  if (bytes === undefined) return undefined;
  const mapped = bytes.subarray(0, 10).every((b) => b === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return mapped ? bytes.subarray(12) : bytes;
}

function parseV4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  if (!parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) return undefined;
  return Uint8Array.from(parts, Number);
}

function parseV6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "");
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "") : [];
  if (head === undefined || tail === undefined) return undefined;
  const known = head.length + tail.length;
  if (halves.length === 2 ? known > 14 : known !== 16) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head, 0);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

function parseGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [i, group] of groups.entries()) {
    if (group.includes(".") && i === groups.length - 1) {
      const v4 = parseV4(group);
      if (v4 === undefined) return undefined;
      bytes.push(...v4);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes;
}
