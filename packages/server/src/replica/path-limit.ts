/**
 * The bound of paths. Watches stand in maps by path, and so does what was counted of a tree; those of texts longer than
 * `longestHashedText` (state/long-text.ts) would all be in one place of a map, and each request would take the longer the more there are.
 * (Other texts of clients that are keys: the identities of a connection, of which few are so long, as all of them together have a
 * bound; and those in access lists, see state/shared-ids.ts.)
 *
 * It is looked at before anything is proposed, so a log never depends on it: nodes with longer paths, from before there was the bound or
 * from when it was another, go on, and can be read, written and deleted.
 */
import { ErrorCode, isCreateMode, isSequential, sequenceSuffix } from "@corral/protocol";
import type { Limits } from "../limits.ts";
import type { Operation, Outcome } from "../state/operation.ts";
import { failedMulti } from "../state/operations/multi.ts";

type PathLimit = Pick<Limits, "maxPathLength">;

/** What a sequence number adds. */
const suffixLength = sequenceSuffix(0).length;

/** What comes of a write that would make a node with a longer path. */
export function tooLongPath({ request }: Operation, limit: PathLimit): Outcome | undefined {
  const code = ErrorCode.BadArguments;
  if (!Array.isArray(request)) return makesLongPath(request, limit) ? { type: "error", code } : undefined;
  const at = request.findIndex((part) => makesLongPath(part, limit));
  return at < 0 ? undefined : failedMulti(request.length, at, code);
}

/** Only creates have flags. */
function makesLongPath(part: object, { maxPathLength }: PathLimit): boolean {
  const { path, flags } = part as { readonly path?: string; readonly flags?: number };
  if (path === undefined || flags === undefined) return false;
  return path.length + (isCreateMode(flags) && isSequential(flags) ? suffixLength : 0) > maxPathLength;
}

/** Whether a watch may be set on `path`, whatever is there. */
export function canBeWatched(path: string, { maxPathLength }: PathLimit): boolean {
  return path.length <= maxPathLength;
}
