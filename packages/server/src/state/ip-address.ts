/** Addresses and address ranges (`10.0.0.0/8`, `fe80::/10`) as the `ip` scheme of access lists has them. Pure. */

/** Characters of IPv6 with an IPv4 address at its end. */
const longestAddress = 45;

/** The bytes of a literal IPv4 or IPv6 address, or `undefined`. An IPv4 address mapped into IPv6 counts as IPv4. */
export function parseAddress(text: string): Uint8Array | undefined {
  const zone = text.indexOf("%");
  const zoneless = zone < 0 ? text : text.slice(0, zone);
  // Access lists hold what clients have written, and each look at a node takes it apart.
  if (zoneless.length > longestAddress) return undefined;
  if (!zoneless.includes(":")) return parseV4(zoneless);
  const bytes = parseV6(zoneless);
  if (bytes === undefined) return undefined;
  const mapped = bytes.subarray(0, 10).every((b) => b === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return mapped ? bytes.subarray(12) : bytes;
}

function parseV4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [i, part] of parts.entries()) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    bytes[i] = Number(part);
  }
  return bytes;
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

function parsePattern(pattern: string): { bytes: Uint8Array; bits: number } | undefined {
  const slash = pattern.indexOf("/");
  const address = slash < 0 ? pattern : pattern.slice(0, slash);
  const bytes = parseAddress(address);
  if (bytes === undefined) return undefined;
  const size = bytes.length * 8;
  if (slash < 0) return { bytes, bits: size };
  const bitsText = pattern.slice(slash + 1);
  if (!/^\d{1,3}$/.test(bitsText)) return undefined;
  // A mapped address counts its bits from the beginning of all 128. With fewer than 96 it would mean more than IPv4.
  const bits = Number(bitsText) - (size === 32 && address.includes(":") ? 96 : 0);
  return bits >= 0 && bits <= size ? { bytes, bits } : undefined;
}

/** Whether `pattern` is an address or a range. */
export function isAddressPattern(pattern: string): boolean {
  return parsePattern(pattern) !== undefined;
}

/** Whether `address` lies in `pattern`. */
export function matchesAddress(pattern: string, address: string): boolean {
  const range = parsePattern(pattern);
  const bytes = parseAddress(address);
  if (range === undefined || bytes === undefined || range.bytes.length !== bytes.length) return false;
  for (let bit = 0; bit < range.bits; bit += 8) {
    const mask = range.bits - bit >= 8 ? 0xff : (0xff << (8 - (range.bits - bit))) & 0xff;
    const i = bit / 8;
    if (((range.bytes[i] ?? 0) & mask) !== ((bytes[i] ?? 0) & mask)) return false;
  }
  return true;
}
