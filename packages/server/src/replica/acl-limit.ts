/**
 * The bounds of access lists: each is looked through for everybody who asks, so a long one takes everybody's time; and it
 * stands in a snapshot beside its node's data, in a piece that has to fit into the log.
 */
import { type Acl, ErrorCode, type Id, openAcl } from "@corral/protocol";
import type { Limits } from "../limits.ts";
import { provenIdentities } from "../state/access.ts";
import type { Operation, Outcome } from "../state/operation.ts";
import { failedMulti } from "../state/operations/multi.ts";

/** So many bytes `auth` may always add to the lists of a request: a hundred users, twice. */
const grownBytes = 16 << 10;

/** And so many times what came; in a transaction each few bytes of it may ask for another list. */
const growth = 8;

/**
 * So much it may always add in all parts, the same list again too: that is one in memory, but each part takes it apart. It takes
 * some 0.2 s. More only to so large a request that its lists may be as much without the same one twice.
 */
const grownBytesInAll = 4 << 20;

/**
 * What comes of a write, of `requestBytes`, that asks for a list with more entries than `maxAclEntries`, or for one that no frame could
 * hold, or for much more than came: `auth` stands for all identities of who asks. It is counted as if none of them stood there
 * already. It is not proposed, so a log never depends on the bounds.
 */
export function tooLongAcl(
  operation: Operation,
  requestBytes: number,
  { maxAclEntries, maxFrameBytes }: Pick<Limits, "maxAclEntries" | "maxFrameBytes">,
  { identities }: { readonly identities: readonly Id[] },
): Outcome | undefined {
  const { request } = operation;
  // Nearly all have none, or the open one, which is read as this very list.
  if (!Array.isArray(request)) {
    const { acl } = request as { readonly acl?: readonly Acl[] | null };
    if (acl === undefined || acl === openAcl) return undefined;
  }
  const parts: readonly object[] = Array.isArray(request) ? request : [request];
  let listsLeft = Math.max(grownBytes, growth * requestBytes);
  let allLeft = Math.max(grownBytesInAll, growth * requestBytes);
  let counted: readonly Acl[] = [];
  let provenBytes: number | undefined;
  for (let at = 0; at < parts.length; at++) {
    const { acl } = parts[at] as { readonly acl?: readonly Acl[] | null };
    if (acl === undefined || acl === null || acl === openAcl) continue;
    let bytes = 0;
    const expanded = new Set<number>();
    for (const { perms, id } of acl) {
      // With the same permissions it comes to the same.
      if (id.scheme === "auth") expanded.add(perms);
      else bytes += entryBytes(id);
    }
    if (expanded.size > 0) {
      provenBytes ??= provenIdentities(identities).reduce((sum, id) => sum + entryBytes(id), 0);
      const grown = expanded.size * provenBytes;
      bytes += grown;
      allLeft -= grown;
      if (!isSame(acl, counted)) listsLeft -= grown;
      counted = acl;
    }
    if (acl.length <= maxAclEntries && bytes <= maxFrameBytes && listsLeft >= 0 && allLeft >= 0) continue;
    const code = ErrorCode.InvalidAcl;
    return Array.isArray(request) ? failedMulti(parts.length, at, code) : { type: "error", code };
  }
  return undefined;
}

function isSame(a: readonly Acl[], b: readonly Acl[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ perms, id }, i) => perms === b[i]?.perms && id.scheme === b[i].id.scheme && id.id === b[i].id.id)
  );
}

/** As the wire has it: permissions, and two texts with how long they are. Text that was not UTF-8 has grown. */
function entryBytes({ scheme, id }: Id): number {
  return 12 + Buffer.byteLength(scheme) + Buffer.byteLength(id);
}
