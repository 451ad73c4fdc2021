/**
 * The bounds of access lists: each is looked through for everybody who asks, so a long one takes everybody's time; and it
 * stands in a snapshot beside its node's data, in a piece that has to fit into the log.
 */
import { type Acl, ErrorCode, type Id, openAcl } from "@corral/protocol";
import type { Limits } from "../limits.ts";
import { fixUpAcl, provenIdentities } from "../state/access.ts";
import type { Operation, Outcome } from "../state/operation.ts";
import { failedMulti } from "../state/operations/multi.ts";

/** So many frames the lists of one transaction may take together: with `auth`, each few bytes of it stand for all identities of who asks. */
const framesOfLists = 16;

/**
 * What comes of a write that asks for a list with more entries than `maxAclEntries`, or one that no frame could hold: `auth` stands for
 * all identities of who asks, and text that is not UTF-8 grows. What would be stored counts, in a transaction all of it together too.
 * It is not proposed, so a log never depends on the bounds.
 */
export function tooLongAcl(
  operation: Operation,
  limits: AclLimits,
  { identities }: { readonly identities: readonly Id[] },
): Outcome | undefined {
  const { request } = operation;
  if (!Array.isArray(request)) {
    const isTooLong = bytesToStore(request, limits, identities) === tooMany;
    return isTooLong ? { type: "error", code: ErrorCode.InvalidAcl } : undefined;
  }
  let bytesLeft = framesOfLists * limits.maxFrameBytes;
  for (let at = 0; at < request.length; at++) {
    const bytes = bytesToStore(request[at], limits, identities);
    // The transaction ends here, if not before.
    if (bytes === refusedAnyway) return undefined;
    bytesLeft -= bytes;
    if (bytesLeft < 0) return failedMulti(request.length, at, ErrorCode.InvalidAcl);
  }
  return undefined;
}

type AclLimits = Pick<Limits, "maxAclEntries" | "maxFrameBytes">;

const tooMany = Number.POSITIVE_INFINITY;
const refusedAnyway = -1;

/** Bytes of the list that comes of a request, if any, at most; `tooMany` for one that is beyond a limit by itself, `refusedAnyway` for one that is wrong. */
function bytesToStore(request: object, { maxAclEntries, maxFrameBytes }: AclLimits, identities: readonly Id[]): number {
  const { acl } = request as { readonly acl?: readonly Acl[] | null };
  // Nearly all are the open one, which is read as this very list.
  if (acl === undefined || acl === null || acl === openAcl) return 0;
  if (acl.length > maxAclEntries) return tooMany;
  const most = bytesAtMost(acl, identities);
  if (most <= maxFrameBytes) return most;
  // Entries that are there twice are stored once.
  const stored = fixUpAcl(acl, identities);
  if (stored === undefined) return refusedAnyway;
  const bytes = bytesOf(stored.map(({ id }) => id));
  return bytes > maxFrameBytes ? tooMany : bytes;
}

/** The same without looking whether an entry is there twice, but that `auth` with the same permissions comes to the same. */
function bytesAtMost(acl: readonly Acl[], identities: readonly Id[]): number {
  let bytes = 0;
  let expanded: Set<number> | undefined;
  for (const { perms, id } of acl) {
    if (id.scheme === "auth") expanded = (expanded ?? new Set()).add(perms);
    else bytes += entryBytes(id);
  }
  return expanded === undefined ? bytes : bytes + expanded.size * provenBytes(identities);
}

/** For each list of a transaction they are the same. A connection's identities are never changed, only replaced. */
const provenBytesOf = new WeakMap<readonly Id[], number>();

function provenBytes(identities: readonly Id[]): number {
  const known = provenBytesOf.get(identities);
  if (known !== undefined) return known;
  const bytes = bytesOf(provenIdentities(identities));
  provenBytesOf.set(identities, bytes);
  return bytes;
}

function bytesOf(ids: readonly Id[]): number {
  return ids.reduce((bytes, id) => bytes + entryBytes(id), 0);
}

/** As the wire has it: permissions, and two texts with how long they are. */
function entryBytes({ scheme, id }: Id): number {
  return 12 + Buffer.byteLength(scheme) + Buffer.byteLength(id);
}
