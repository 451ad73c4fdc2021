/** Access control: which identities may do what, and which access lists may be stored. Pure. */
import { type Acl, type Id, openAcl, Permission } from "@corral/protocol";
import { isInRange, parseAddress, parseRange } from "./ip-address.ts";
import { digestOfText, isLongText } from "./long-text.ts";

/** The identity that may do everything. Never storable. */
export const superIdentity: Id = { scheme: "super", id: "" };

/** Lists with more entries than this are not looked through again for who has been looked up once. */
const shortList = 8;

/** What is remembered of lists: what they grant to whom, as bits. Neither a list nor a connection's identities are ever changed, only replaced. */
let known = new WeakMap<readonly Acl[], WeakMap<readonly Id[], number>>();

/** How many pairs of a list and identities that is, or was. There can be very many of both: when they take some 70 MB, all are forgotten. */
let knownPairs = 0;
const knownPairsMax = 400_000;

/** Whether one of `identities` has `permission` by `acl`. An empty list allows everything, as the reference has it. */
export function allows(acl: readonly Acl[], permission: number, identities: readonly Id[]): boolean {
  if (acl === openAcl || acl.length === 0) return true;
  if (acl.length <= shortList && areFew(identities)) return granted(acl, permission, identities) !== 0;
  let bits = known.get(acl)?.get(identities);
  if (bits === undefined) {
    bits = granted(acl, Permission.all, identities);
    remember(acl, identities, bits);
  }
  return (bits & permission) !== 0;
}

function remember(acl: readonly Acl[], identities: readonly Id[], bits: number): void {
  if (knownPairs === knownPairsMax) {
    known = new WeakMap();
    knownPairs = 0;
  }
  let byIdentities = known.get(acl);
  if (byIdentities === undefined) {
    byIdentities = new WeakMap();
    known.set(acl, byIdentities);
  }
  byIdentities.set(identities, bits);
  knownPairs++;
}

/** Those of the bits of `wanted` that one of `identities` has. */
function granted(acl: readonly Acl[], wanted: number, identities: readonly Id[]): number {
  const sorted = areFew(identities) ? undefined : sortedIds(identities);
  let missing = wanted;
  for (const { perms, id } of acl) {
    if ((perms & missing) === 0) continue;
    const isWorld = id.scheme === "world" && id.id === "anyone";
    if (isWorld || (sorted === undefined ? isAmong(id, identities) : isAmongSorted(id, sorted))) missing &= ~perms;
    if (missing === 0) return wanted;
  }
  return identities.some(({ scheme }) => scheme === "super") ? wanted : wanted & ~missing;
}

function isAmong(pattern: Id, identities: readonly Id[]): boolean {
  for (const identity of identities) {
    if (pattern.scheme !== identity.scheme) continue;
    if (pattern.scheme === "ip" ? isWithin(pattern, identity) : pattern.id === identity.id) return true;
  }
  return false;
}

/** Up to so many, of up to so many characters, are compared with each entry one by one, which is faster than to sort them. More would take too long. */
const fewIdentities = 8;
const shortId = 256;

function areFew(identities: readonly Id[]): boolean {
  if (identities.length > fewIdentities) return false;
  for (const { id } of identities) if (id.length > shortId) return false;
  return true;
}

/** Identities by scheme and id, of those who have many, or long ones. */
type SortedIds = ReadonlyMap<string, ReadonlyMap<string, Id>>;

const sortedIdsOf = new WeakMap<readonly Id[], SortedIds>();

function sortedIds(identities: readonly Id[]): SortedIds {
  const before = sortedIdsOf.get(identities);
  if (before !== undefined) return before;
  const sorted = new Map<string, Map<string, Id>>();
  for (const identity of identities) {
    const { scheme, id } = identity;
    sorted.set(scheme, (sorted.get(scheme) ?? new Map<string, Id>()).set(id, identity));
  }
  sortedIdsOf.set(identities, sorted);
  return sorted;
}

function isAmongSorted(pattern: Id, sorted: SortedIds): boolean {
  const ids = sorted.get(pattern.scheme);
  if (ids === undefined || pattern.scheme !== "ip") return ids?.has(pattern.id) === true;
  // A connection has one address.
  for (const identity of ids.values()) if (isWithin(pattern, identity)) return true;
  return false;
}

/** What `parse` makes of an identity's text, made once: it takes far longer than to compare, and a list that many look at can have thousands. */
function once<T extends object>(parse: (text: string) => T | undefined): (id: Id) => T | undefined {
  const parsed = new WeakMap<Id, T | undefined>();
  return (id) => {
    let value = parsed.get(id);
    if (value === undefined && !parsed.has(id)) {
      value = parse(id.id);
      parsed.set(id, value);
    }
    return value;
  };
}

const rangeOf = once(parseRange);
const addressOf = once(parseAddress);

function isWithin(pattern: Id, identity: Id): boolean {
  const range = rangeOf(pattern);
  const address = addressOf(identity);
  return range !== undefined && address !== undefined && isInRange(range, address);
}

/** Entries up to which `auth` may make a list longer than it was asked for. */
const grownEntriesMax = 1_000;

/**
 * The access list to store for what a client asked: `auth` becomes the caller's authenticated identities, duplicates go.
 * `undefined` when it must be refused (−114): empty, an unknown scheme or malformed id, `auth` without an identity, or
 * so many of both that a short request would make a list that takes seconds to look through.
 */
export function fixUpAcl(asked: readonly Acl[] | null, identities: readonly Id[]): readonly Acl[] | undefined {
  if (asked === null || asked.length === 0) return undefined;
  if (isOpen(asked)) return openAcl;
  const entriesMax = Math.max(asked.length, grownEntriesMax);
  const fixed = new Map<string, Acl>();
  const expanded = new Set<number>();
  let own: readonly Id[] | undefined;
  const add = (acl: Acl): void => {
    const text = `${acl.perms} ${acl.id.scheme} ${acl.id.id}`;
    // A digest has no spaces: no other text is the same.
    const key = isLongText(text) ? digestOfText(text) : text;
    if (!fixed.has(key)) fixed.set(key, acl);
  };
  for (const entry of asked) {
    if (entry.id.scheme === "auth") {
      own ??= provenIdentities(identities);
      if (own.length === 0) return undefined;
      // A second time, they would all be there.
      if (!expanded.has(entry.perms)) for (const identity of own) add({ perms: entry.perms, id: identity });
      expanded.add(entry.perms);
      if (fixed.size > entriesMax) return undefined;
    } else if (isStorable(entry.id)) {
      add(entry);
    } else {
      return undefined;
    }
  }
  return [...fixed.values()];
}

/** Those of a caller's identities that `auth` in an access list stands for. */
export function provenIdentities(identities: readonly Id[]): readonly Id[] {
  return identities.filter(({ scheme }) => scheme !== "ip" && scheme !== "super");
}

/** Nearly every node has this list; all of them then share one copy of it. */
function isOpen(acl: readonly Acl[]): boolean {
  const only = acl[0];
  return acl.length === 1 && only?.perms === Permission.all && only.id.scheme === "world" && only.id.id === "anyone";
}

/** Those of which an entry can be stored. What clients ask for as `auth` is stored as what they have proven. */
const aclSchemes: ReadonlySet<string> = new Set(["world", "digest", "ip", "sasl", "x509"]);

/** Whether an access list of the state can have entries of the scheme. */
export function isAclScheme(scheme: string): boolean {
  return aclSchemes.has(scheme);
}

function isStorable(identity: Id): boolean {
  const { scheme, id } = identity;
  switch (scheme) {
    case "world":
      return id === "anyone";
    case "digest":
      // Logs are replayed by this: it must not change.
      return id.includes(":") && id.indexOf(":") === id.lastIndexOf(":");
    case "ip":
      return rangeOf(identity) !== undefined;
    case "sasl":
      return id !== "";
    case "x509":
      return /^[^=,]+=/.test(id);
    default:
      return false;
  }
}

/** What a caller without ADMIN may see of a list: passwords' digests are hidden. */
export function redactAcl(acl: readonly Acl[]): readonly Acl[] {
  return acl.map((entry) => {
    if (entry.id.scheme !== "digest") return entry;
    const user = entry.id.id.split(":", 1)[0] ?? "";
    return { perms: entry.perms, id: { scheme: "digest", id: `${user}:x` } };
  });
}
