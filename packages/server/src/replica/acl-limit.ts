/**
 * The bounds of access lists: each is looked through for everybody who asks, so a long one takes everybody's time; and it
 * stands in a snapshot beside its node's data, in a piece that has to fit into the log.
 */
import { type Acl, ErrorCode, type Id, openAcl } from "@corral/protocol";
import type { Limits } from "../limits.ts";
import type { Operation, Outcome } from "../state/operation.ts";
import { failedMulti } from "../state/operations/multi.ts";

/**
 * What comes of a write that asks for a list with more entries than `maxAclEntries`, or one that no frame could hold: `auth` stands for
 * all identities of who asks, and text that is not UTF-8 grows. It is not proposed, so a log never depends on the bounds.
 */
export function tooLongAcl(
  operation: Operation,
  limits: AclLimits,
  { identities }: { readonly identities: readonly Id[] },
): Outcome | undefined {
  const { request } = operation;
  if (!Array.isArray(request)) {
    return isTooLong(request, limits, identities) ? { type: "error", code: ErrorCode.InvalidAcl } : undefined;
  }
  const at = request.findIndex((part) => isTooLong(part, limits, identities));
  return at < 0 ? undefined : failedMulti(request.length, at, ErrorCode.InvalidAcl);
}

type AclLimits = Pick<Limits, "maxAclEntries" | "maxFrameBytes">;

function isTooLong(request: object, { maxAclEntries, maxFrameBytes }: AclLimits, identities: readonly Id[]): boolean {
  const { acl } = request as { readonly acl?: readonly Acl[] | null };
  // Nearly all are the open one, which is read as this very list.
  if (acl === undefined || acl === null || acl === openAcl) return false;
  return acl.length > maxAclEntries || takesMoreThan(maxFrameBytes, acl, identities);
}

function takesMoreThan(bytesMax: number, acl: readonly Acl[], identities: readonly Id[]): boolean {
  return (
    grown(acl, identities, (text) => 3 * text.length) > bytesMax && grown(acl, identities, Buffer.byteLength) > bytesMax
  );
}

/** Of an entry as the wire has it: permissions, and how long the two texts are. */
const entryBytes = 12;

/** Bytes of the list that is stored, at most. */
function grown(acl: readonly Acl[], identities: readonly Id[], bytesOf: (text: string) => number): number {
  let bytes = 0;
  for (const { id } of acl) {
    for (const { scheme, id: text } of id.scheme === "auth" ? identities : [id]) {
      bytes += entryBytes + bytesOf(scheme) + bytesOf(text);
    }
  }
  return bytes;
}
