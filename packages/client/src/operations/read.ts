/** Looking at nodes. */
import { ErrorCode } from "@corral/protocol";
import { checkPath } from "../arguments.ts";
import type { Context } from "../context.ts";
import { BadArgumentsError } from "../errors.ts";
import type { WatchOptions } from "../options.ts";
import type { WatchIntent } from "../session-types.ts";
import { publicStat, type Stat } from "../stat.ts";
import type { WatchKind } from "../watch-registry.ts";
import { fresh } from "./barrier.ts";

/** Data and stat of a node. */
export interface NodeData {
  readonly data: Buffer | null;
  readonly stat: Stat;
}

/** Names of a node's children, sorted by code unit, and the stat of the node itself. */
export interface ChildrenAndStat {
  readonly children: string[];
  readonly stat: Stat;
}

/** getData. */
export async function get(context: Context, path: string, options: WatchOptions): Promise<NodeData> {
  const { about, request, watch } = prepare(context, "get", path, "data", options);
  const response = await fresh(context, about, options, () =>
    context.requests.send("getData", request, about, options, watch),
  );
  // A copy: the answer is a view of a chunk that held other answers too.
  const data = response.data === null ? null : Buffer.from(response.data);
  return { data, stat: publicStat(response.stat) };
}

/** exists, of which "no such node" is an answer. */
export async function exists(context: Context, path: string, options: WatchOptions): Promise<Stat | undefined> {
  const { about, request, watch } = prepare(context, "exists", path, "exist", options);
  const outcome = await fresh(context, about, options, () =>
    context.requests.call("exists", request, about, options, watch),
  );
  if (outcome.type === "answer" && outcome.err === ErrorCode.NoNode) return undefined;
  return publicStat(context.requests.response("exists", outcome, about).stat);
}

/** getChildren. */
export async function children(context: Context, path: string, options: WatchOptions): Promise<string[]> {
  const { about, request, watch } = prepare(context, "children", path, "child", options);
  const response = await fresh(context, about, options, () =>
    context.requests.send("getChildren", request, about, options, watch),
  );
  return [...response.children].sort();
}

/** getChildren2. */
export async function childrenWithStat(
  context: Context,
  path: string,
  options: WatchOptions,
): Promise<ChildrenAndStat> {
  const { about, request, watch } = prepare(context, "children", path, "child", options);
  const response = await fresh(context, about, options, () =>
    context.requests.send("getChildren2", request, about, options, watch),
  );
  return { children: [...response.children].sort(), stat: publicStat(response.stat) };
}

function prepare(context: Context, operation: string, path: string, kind: WatchKind, { watch }: WatchOptions) {
  checkPath(operation, path);
  if (watch !== undefined && typeof watch !== "function") {
    throw new BadArgumentsError({ operation, path, detail: "watch is not a function" });
  }
  const intent: WatchIntent | undefined =
    watch === undefined ? undefined : { kind, watcher: context.watchers.toServer(watch) };
  return {
    about: { operation, path },
    request: { path: context.chroot.toServer(path), watch: watch !== undefined },
    watch: intent,
  };
}
