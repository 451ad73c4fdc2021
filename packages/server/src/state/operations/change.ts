/** setData, setACL, check: what touches one node that must exist. */
import {
  type CheckVersionRequest,
  ErrorCode,
  Permission,
  pathProblem,
  type SetAclRequest,
  type SetDataRequest,
  WatchEventType,
} from "@corral/protocol";
import { allows, fixUpAcl } from "../access.ts";
import type { Outcome } from "../operation.ts";
import { fire, type OperationContext } from "./context.ts";
import { quotaError } from "./quota.ts";

/** Replaces the data of a node, if it has the version asked for. */
export function applySetData(context: OperationContext, request: SetDataRequest): Outcome {
  const { path } = request;
  if (pathProblem(path) !== undefined) return { type: "error", code: ErrorCode.BadArguments };
  const node = context.tree.get(path);
  if (node === undefined) return { type: "error", code: ErrorCode.NoNode };
  if (!allows(node.acl, Permission.write, context.identities)) return { type: "error", code: ErrorCode.NoAuth };
  const moreBytes = (request.data?.length ?? 0) - node.dataLength;
  const refusal = quotaError(context, path, 0, moreBytes);
  if (refusal !== undefined) return { type: "error", code: refusal };
  if (request.version !== -1 && request.version !== node.version) {
    return { type: "error", code: ErrorCode.BadVersion };
  }
  context.tree.setData(path, node, request.data, context.stamp);
  fire(context, { type: WatchEventType.nodeDataChanged, path, acl: node.acl });
  return { type: "changed", stat: node.stat() };
}

/** No watch fires, and only aversion moves. */
export function applySetAcl(context: OperationContext, request: SetAclRequest): Outcome {
  const { path } = request;
  if (pathProblem(path) !== undefined) return { type: "error", code: ErrorCode.BadArguments };
  const acl = fixUpAcl(request.acl, context.identities);
  if (acl === undefined) return { type: "error", code: ErrorCode.InvalidAcl };
  const node = context.tree.get(path);
  if (node === undefined) return { type: "error", code: ErrorCode.NoNode };
  if (!allows(node.acl, Permission.admin, context.identities)) return { type: "error", code: ErrorCode.NoAuth };
  if (request.version !== -1 && request.version !== node.aversion) {
    return { type: "error", code: ErrorCode.BadVersion };
  }
  context.tree.setAcl(node, acl);
  return { type: "changed", stat: node.stat() };
}

/** The condition of a multi: compares the data version only. */
export function applyCheck(context: OperationContext, request: CheckVersionRequest): Outcome {
  const node = context.tree.get(request.path);
  if (pathProblem(request.path) !== undefined) return { type: "error", code: ErrorCode.BadArguments };
  if (node === undefined) return { type: "error", code: ErrorCode.NoNode };
  if (!allows(node.acl, Permission.read, context.identities)) return { type: "error", code: ErrorCode.NoAuth };
  if (request.version !== -1 && request.version !== node.version) {
    return { type: "error", code: ErrorCode.BadVersion };
  }
  return { type: "checked" };
}
