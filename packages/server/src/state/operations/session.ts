/** Sessions begin, go on over another connection, and end with everything that was theirs. */
import { ErrorCode } from "@corral/protocol";
import type { AttachSession, CreateSession, Outcome } from "../operation.ts";
import type { Znode } from "../znode.ts";
import type { OperationContext } from "./context.ts";
import { removeNode } from "./delete.ts";

/** A session begins. */
export function applyCreateSession(context: OperationContext, request: CreateSession): Outcome {
  const session = {
    id: context.sessionId,
    password: Buffer.from(request.password),
    timeoutMs: request.timeoutMs,
    attachment: 1,
  };
  context.sessions.add(session);
  return { type: "sessionAttached", session };
}

/** A session goes on over another connection, perhaps with another timeout. */
export function applyAttachSession(context: OperationContext, request: AttachSession): Outcome {
  const before = context.sessions.get(context.sessionId);
  if (before === undefined) return { type: "error", code: ErrorCode.SessionExpired };
  const session = { ...before, timeoutMs: request.timeoutMs, attachment: before.attachment + 1 };
  context.sessions.add(session);
  return { type: "sessionAttached", session };
}

/** Asked for by the client, or decided by the leader when it expired: all ephemerals go at one zxid. */
export function applyCloseSession(context: OperationContext): Outcome {
  if (!context.sessions.remove(context.sessionId)) return { type: "error", code: ErrorCode.SessionExpired };
  for (const node of ephemeralsInOrder(context)) removeNode(context, node);
  return { type: "sessionClosed" };
}

/**
 * A session's ephemerals in an order that the state determines, for what comes of it depends on it where they are nodes of a
 * quota: the oldest first, and by path those that one transaction made. In which order that made them nobody knows any more
 * once the state has come from a snapshot. Entries of old took them as they stood in memory.
 */
function ephemeralsInOrder({ tree, sessionId, oldRules }: OperationContext): Znode[] {
  const nodes = [...tree.ephemeralNodesOf(sessionId)];
  if (oldRules) return nodes;
  const byPath = (one: Znode, other: Znode) => (tree.pathOf(one) < tree.pathOf(other) ? -1 : 1);
  return nodes.sort((one, other) => one.czxid - other.czxid || byPath(one, other));
}
