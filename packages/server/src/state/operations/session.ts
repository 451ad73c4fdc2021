/** Sessions begin, go on over another connection, and end with everything that was theirs. */
import { ErrorCode } from "@corral/protocol";
import type { AttachSession, CreateSession, Outcome } from "../operation.ts";
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
  for (const path of ephemeralsInOrder(context)) removeNode(context, path);
  return { type: "sessionClosed" };
}

/**
 * A session's ephemerals in an order that the state determines, for what comes of it depends on it where they are nodes of a
 * quota: the oldest first, and by path those that one transaction made. In which order that made them nobody knows any more
 * once the state has come from a snapshot. Entries of old took them as they stood in memory.
 */
function ephemeralsInOrder({ tree, sessionId, oldRules }: OperationContext): string[] {
  const paths = [...tree.ephemeralsOf(sessionId)];
  if (oldRules || paths.length < 2) return paths;
  const ephemerals = paths.map((path) => ({ path, czxid: tree.get(path)?.czxid ?? 0 }));
  const byPath = (one: string, other: string) => (one === other ? 0 : one < other ? -1 : 1);
  ephemerals.sort((one, other) => one.czxid - other.czxid || byPath(one.path, other.path));
  return ephemerals.map(({ path }) => path);
}
