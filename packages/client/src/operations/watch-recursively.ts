/** The one watch for a whole tree, where servers have it. */
import { AddWatchMode, ErrorCode, WatcherType } from "@corral/protocol";
import type { Context } from "../context.ts";
import { errorFromWire, isCoordinationError } from "../errors.ts";
import { isInterruption } from "../insist.ts";
import type { CallOptions } from "../options.ts";
import type { Watcher } from "../watch-event.ts";

/**
 * Leaves a watch on `path` and everything below it; `false` if the servers do not have that, or not so that it can be
 * relied on.
 */
export async function watchRecursively(
  context: Context,
  path: string,
  watcher: Watcher,
  options: CallOptions,
): Promise<boolean> {
  const { core, requests, chroot } = context;
  if (!(core.features.has("persistentWatches") ?? (await probe(context, path, options)))) return false;
  const request = { path: chroot.toServer(path), mode: AddWatchMode.persistentRecursive };
  try {
    await requests.send("addWatch", request, { operation: "watchTree", path }, options, { kind: "recursive", watcher });
    return true;
  } catch (error) {
    if (!isCoordinationError(error, "Unimplemented") && !isCoordinationError(error, "MarshallingError")) throw error;
    core.features.found("persistentWatches", false);
    return false;
  }
}

/**
 * Servers before 3.9 have recursive watches too, but keep one kind of watch a path, so that a plain read that leaves a
 * watch takes the recursive one away without a word. They are known by not knowing the type of watch that is asked for
 * here; the others say that there is no such watch yet.
 */
async function probe({ core, requests, chroot }: Context, path: string, options: CallOptions): Promise<boolean> {
  const about = { operation: "watchTree", path };
  const request = { path: chroot.toServer(path), type: WatcherType.persistentRecursive };
  const outcome = await requests.call("checkWatches", request, about, options);
  const there = outcome.type === "answer" && (outcome.err === ErrorCode.NoWatcher || outcome.err === ErrorCode.Ok);
  // A server that is busy, or has not got the session, says nothing of what it knows.
  const isAnswered = outcome.type === "answer" && !isInterruption(errorFromWire(outcome.err, about));
  if (!there && !isAnswered) requests.response("checkWatches", outcome, about);
  core.features.found("persistentWatches", there);
  return there;
}
