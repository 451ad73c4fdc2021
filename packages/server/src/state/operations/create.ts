/** create, create2, createContainer, createTTL: one operation with four spellings. */
import {
  CreateMode,
  type CreateRequest,
  ErrorCode,
  hasTtl,
  isCreateMode,
  isEphemeral,
  isSequential,
  maxTtlMs,
  OpCode,
  Permission,
  parentPath,
  pathProblem,
  sequenceSuffix,
  WatchEventType,
} from "@corral/protocol";
import { allows, fixUpAcl } from "../access.ts";
import { containerLifetime, type Lifetime, persistentLifetime } from "../lifetime.ts";
import type { Outcome } from "../operation.ts";
import { fire, type OperationContext } from "./context.ts";
import { quotaError } from "./quota.ts";

/** The spellings of create. */
export type CreateType =
  | typeof OpCode.create
  | typeof OpCode.create2
  | typeof OpCode.createContainer
  | typeof OpCode.createTTL;

/** The checks run in the reference's order: clients can tell it from the error they get. */
export function applyCreate(
  context: OperationContext,
  type: CreateType,
  request: CreateRequest & { readonly ttl?: number },
): Outcome {
  const { tree, stamp } = context;
  const mode = request.flags;
  if (!isCreateMode(mode)) return badArguments;
  const ttlMs = request.ttl ?? 0;
  if (hasTtl(mode)) {
    if (type !== OpCode.createTTL || ttlMs < 1 || ttlMs > maxTtlMs) return badArguments;
  } else if (type === OpCode.createTTL && ttlMs >= 0) {
    return badArguments;
  }
  if (!request.path.includes("/") || request.path.includes("\0")) return badArguments;
  const acl = fixUpAcl(request.acl, context.identities);
  if (acl === undefined) return { type: "error", code: ErrorCode.InvalidAcl };
  const parent = tree.get(parentPath(request.path));
  if (parent === undefined) return { type: "error", code: ErrorCode.NoNode };
  if (!allows(parent.acl, Permission.create, context.identities)) return { type: "error", code: ErrorCode.NoAuth };
  const path = isSequential(mode) ? request.path + sequenceSuffix(parent.childCreates) : request.path;
  if (pathProblem(path) !== undefined) return badArguments;
  if (tree.get(path) !== undefined) return { type: "error", code: ErrorCode.NodeExists };
  if (parent.lifetime.kind === "ephemeral") return { type: "error", code: ErrorCode.NoChildrenForEphemerals };
  const refusal = quotaError(context, path, 1, request.data?.length ?? 0);
  if (refusal !== undefined) return { type: "error", code: refusal };

  const lifetime = lifetimeOf(type, mode, ttlMs, context.sessionId);
  const node = tree.create(path, parent, { data: request.data, acl, lifetime }, stamp);
  fire(
    context,
    { type: WatchEventType.nodeCreated, path, acl },
    { type: WatchEventType.nodeChildrenChanged, path: tree.pathOf(parent), acl: parent.acl },
  );
  return type === OpCode.create ? { type: "created", path } : { type: "createdWithStat", path, stat: node.stat() };
}

const badArguments: Outcome = { type: "error", code: ErrorCode.BadArguments };

function lifetimeOf(type: CreateType, mode: CreateMode, ttlMs: number, owner: bigint): Lifetime {
  // The container operation makes a container whatever its flags say; the flag alone, on create, makes a plain node.
  if (type === OpCode.createContainer) return containerLifetime;
  if (isEphemeral(mode)) return { kind: "ephemeral", owner };
  if (hasTtl(mode)) return { kind: "ttl", ttlMs };
  return type === OpCode.createTTL && mode === CreateMode.container ? containerLifetime : persistentLifetime;
}
