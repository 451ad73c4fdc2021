/** delete, and the two ways in which the server itself deletes: a session's end, and the reaper. */
import { type DeleteRequest, ErrorCode, Permission, parentPath, WatchEventType } from "@corral/protocol";
import { allows } from "../access.ts";
import { type Stamp, systemPaths } from "../data-tree.ts";
import type { Outcome, ReapNode } from "../operation.ts";
import type { Znode } from "../znode.ts";
import { fire, type OperationContext } from "./context.ts";

const undeletable = new Set<string>(systemPaths);

/** Deletes a node without children, if it has the version asked for. */
export function applyDelete(context: OperationContext, request: DeleteRequest): Outcome {
  const { path } = request;
  if (!path.includes("/") || path.includes("\0") || undeletable.has(path)) {
    return { type: "error", code: ErrorCode.BadArguments };
  }
  const parent = context.tree.get(parentPath(path));
  if (parent === undefined) return { type: "error", code: ErrorCode.NoNode };
  if (!allows(parent.acl, Permission.delete, context.identities)) return { type: "error", code: ErrorCode.NoAuth };
  const node = context.tree.get(path);
  if (node === undefined) return { type: "error", code: ErrorCode.NoNode };
  if (request.version !== -1 && request.version !== node.version) {
    return { type: "error", code: ErrorCode.BadVersion };
  }
  if (node.childCount > 0) return { type: "error", code: ErrorCode.NotEmpty };
  remove(context, node, parent);
  return { type: "deleted" };
}

/** Deletes a container or TTL node that the leader found due, unless it is not (any more). */
export function applyReap(context: OperationContext, request: ReapNode): Outcome {
  const node = context.tree.get(request.path);
  if (node === undefined || node.czxid !== request.czxid || node.childCount > 0) return { type: "checked" };
  // Its data may have been set by an entry that had a place before this one, and was not applied yet when it was found due.
  if (!context.oldRules && isAlive(node, context.stamp)) return { type: "checked" };
  removeNode(context, node);
  return { type: "deleted" };
}

/** Whether it has a time to live that is not over. */
function isAlive({ lifetime, mtimeMs }: Znode, { timeMs }: Stamp): boolean {
  return lifetime.kind === "ttl" && timeMs - mtimeMs <= lifetime.ttlMs;
}

/** Takes a childless node away, and tells its watches and its parent's. */
export function removeNode(context: OperationContext, node: Znode): void {
  const parent = context.tree.get(parentPath(context.tree.pathOf(node)));
  if (parent !== undefined) remove(context, node, parent);
}

function remove(context: OperationContext, node: Znode, parent: Znode): void {
  const { tree, stamp } = context;
  const { acl } = node;
  const path = tree.pathOf(node);
  tree.delete(node, parent, stamp);
  fire(
    context,
    { type: WatchEventType.nodeDeleted, path, acl },
    { type: WatchEventType.nodeChildrenChanged, path: tree.pathOf(parent), acl: parent.acl },
  );
}
