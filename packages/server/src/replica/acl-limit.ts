/** The bound of access lists: each is looked through for everybody who asks, so a long one takes everybody's time. */
import { type Acl, ErrorCode } from "@corral/protocol";
import type { Operation, Outcome } from "../state/operation.ts";
import { failedMulti } from "../state/operations/multi.ts";

/** What comes of a write that asks for a longer list than `maxAclEntries`. It is not proposed, so a log never depends on the bound. */
export function tooLongAcl(operation: Operation, maxAclEntries: number): Outcome | undefined {
  const isTooLong = (request: object): boolean => {
    const { acl } = request as { readonly acl?: readonly Acl[] | null };
    return (acl?.length ?? 0) > maxAclEntries;
  };
  if (!Array.isArray(operation.request)) {
    return isTooLong(operation.request) ? { type: "error", code: ErrorCode.InvalidAcl } : undefined;
  }
  const at = operation.request.findIndex(isTooLong);
  return at < 0 ? undefined : failedMulti(operation.request.length, at, ErrorCode.InvalidAcl);
}
