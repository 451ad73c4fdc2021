/**
 * Addresses and address ranges (`10.0.0.0/8`, `fe80::/10`) as the `ip` scheme of access lists has them. Pure.
 * Logs are replayed by what matches here: it must not change. All of it goes over a text once, for a list can have thousands of them.
 */

/** The 32-bit words of an address: one of IPv4, four of IPv6. An IPv4 address mapped into IPv6 counts as IPv4. */
export type Address = readonly number[];

/** The addresses that have their first `bits` bits from `words`. */
export interface AddressRange {
  readonly words: Address;
  readonly bits: number;
}

/** Characters of IPv6 with an IPv4 address at its end. */
const longestAddress = 45;

/** The address of a literal IPv4 or IPv6 address, or `undefined`. */
export function parseAddress(text: string): Address | undefined {
  const zone = text.indexOf("%");
  const zoneless = zone < 0 ? text : text.slice(0, zone);
  // Access lists hold what clients have written, however long.
  if (zoneless.length > longestAddress) return undefined;
  if (zoneless.includes(":")) return parseV6(zoneless);
  const word = parseV4(zoneless);
  return word === undefined ? undefined : [word];
}

function parseV4(text: string): number | undefined {
  let word = 0;
  let at = 0;
  for (let part = 0; part < 4; part++) {
    const end = part < 3 ? text.indexOf(".", at) : text.length;
    const byte = numberIn(text, at, end, 10, 3);
    if (byte === undefined || byte > 255) return undefined;
    word = (word << 8) | byte;
    at = end + 1;
  }
  return word;
}

function parseV6(text: string): Address | undefined {
  const groups: number[] = [];
  /** How many groups are in front of `::`. */
  let gapAt = text.startsWith("::") ? 0 : undefined;
  let at = gapAt === 0 ? 2 : 0;
  while (at < text.length) {
    const colon = text.indexOf(":", at);
    const end = colon < 0 ? text.length : colon;
    const isGap = text.startsWith("::", end);
    const group = numberIn(text, at, end, 16, 4);
    if (group !== undefined) {
      groups.push(group);
    } else {
      // The last two groups, and the last two in front of a gap, can be written as IPv4.
      const v4 = isGap || colon < 0 ? parseV4(text.slice(at, end)) : undefined;
      if (v4 === undefined) return undefined;
      groups.push(v4 >>> 16, v4 & 0xffff);
    }
    if (isGap && gapAt !== undefined) return undefined;
    if (isGap) gapAt = groups.length;
    at = end + (isGap ? 2 : 1);
    // Behind a single colon there must be something.
    if (at === text.length && !isGap) return undefined;
  }
  if (gapAt === undefined ? groups.length !== 8 : groups.length > 7) return undefined;
  const words = [0, 0, 0, 0];
  const zeros = 8 - groups.length;
  for (const [i, group] of groups.entries()) {
    const place = gapAt !== undefined && i >= gapAt ? i + zeros : i;
    words[place >> 1] = (words[place >> 1] ?? 0) | (place % 2 === 0 ? group << 16 : group);
  }
  const isMapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return isMapped ? words.slice(3) : words;
}

/** The number of up to `digitsMax` digits that is the text from `from` to `to`, or `undefined`. */
function numberIn(text: string, from: number, to: number, radix: 10 | 16, digitsMax: number): number | undefined {
  if (to <= from || to - from > digitsMax) return undefined;
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = digitOf(text.charCodeAt(i));
    if (digit >= radix) return undefined;
    value = value * radix + digit;
  }
  return value;
}

/** What a character stands for as a digit; 16 if it is none. */
function digitOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : 16;
}

/** What `pattern`, an address or a range, stands for, or `undefined` when it is neither. */
export function parseRange(pattern: string): AddressRange | undefined {
  const slash = pattern.indexOf("/");
  const address = slash < 0 ? pattern : pattern.slice(0, slash);
  const words = parseAddress(address);
  if (words === undefined) return undefined;
  const size = words.length * 32;
  if (slash < 0) return { words, bits: size };
  const number = numberIn(pattern, slash + 1, pattern.length, 10, 3);
  if (number === undefined) return undefined;
  // A mapped address counts its bits from the beginning of all 128. With fewer than 96 it would mean more than IPv4.
  const bits = number - (size === 32 && address.includes(":") ? 96 : 0);
  return bits >= 0 && bits <= size ? { words, bits } : undefined;
}

/** Whether `address` lies in `range`. */
export function isInRange({ words, bits }: AddressRange, address: Address): boolean {
  if (words.length !== address.length) return false;
  for (let i = 0; i * 32 < bits; i++) {
    const differing = (words[i] ?? 0) ^ (address[i] ?? 0);
    if (differing >>> Math.max(0, 32 - (bits - i * 32)) !== 0) return false;
  }
  return true;
}
