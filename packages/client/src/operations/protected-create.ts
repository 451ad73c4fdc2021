/**
 * A create that leaves nothing unknown. The node's name gets a marker that nobody else has, `_c_<guid>-<name>` as Curator
 * writes it, so that after a lost reply the node can be looked for instead of being made a second time.
 *
 * The look comes after a `sync` on the re-attached session, because a bare read may miss a write that is still on its
 * way. What is not there then was not made and will not be: a server takes a session up only after it has cut the
 * connection over which the write came.
 */
import { CreateMode, isEphemeral, isSequential, joinPath, nodeName, parentPath } from "@corral/protocol";
import type { Context } from "../context.ts";
import { BadArgumentsError, ConnectionLossError, isCoordinationError, SessionExpiredError } from "../errors.ts";
import { newGuid } from "../guid.ts";
import { insist } from "../insist.ts";
import type { CreateOptions } from "../options.ts";
import { publicStat } from "../stat.ts";
import type { CreatedNode } from "./create.ts";

interface Marked {
  readonly parent: string;
  readonly marker: string;
  readonly path: string;
  readonly ephemeral: boolean;
}

/**
 * Makes a node through `create`, which is given the marked path.
 * @throws SessionExpiredError: no node, or one that goes with the session that made it. ConnectionLossError (of a node
 * that would outlive its session): the session ended before it could be found out.
 */
export async function createProtected(
  context: Context,
  path: string,
  options: CreateOptions,
  create: (markedPath: string) => Promise<CreatedNode>,
): Promise<CreatedNode> {
  const { signal } = options;
  const marked = mark(context, path, options);
  const { session } = context.core;
  const generation = session.generation;
  try {
    for (;;) {
      try {
        const made = await create(marked.path);
        return ofThisSession(context, marked, made);
      } catch (error) {
        if (!isUnknown(error)) throw error;
        const finding = insist(context.core, signal, () => find(context, marked, options));
        const found = await finding.catch((reason: unknown) => {
          if (marked.ephemeral || !isCoordinationError(reason, "ClientClosed")) throw reason;
          throw unresolved(marked, "the client was closed", error);
        });
        if (found !== undefined) return ofThisSession(context, marked, found);
        if (session.generation !== generation) throw sessionOver(marked, error);
      }
    }
  } catch (error) {
    // The request may be on its way all the same.
    if (signal?.aborted) void sweep(context, marked, generation);
    throw error;
  }
}

function mark(context: Context, path: string, { mode = "persistent" }: CreateOptions): Marked {
  if (path === "/" && !isSequential(CreateMode[mode])) {
    throw new BadArgumentsError({ operation: "create", path, detail: "the root is there already" });
  }
  const marker = `_c_${newGuid(context.core.random)}-`;
  const parent = parentPath(path) || "/";
  return {
    parent,
    marker,
    path: joinPath(parent, marker + nodeName(path)),
    ephemeral: isEphemeral(CreateMode[mode]),
  };
}

/** Whether nobody knows if the write happened. */
function isUnknown(error: unknown): boolean {
  return (
    isCoordinationError(error, "ConnectionLoss") ||
    isCoordinationError(error, "SessionMoved") ||
    isCoordinationError(error, "RequestTimeout") ||
    isCoordinationError(error, "OperationTimeout")
  );
}

/** A node of a session that has ended meanwhile is about to vanish: worse than none. */
function ofThisSession(context: Context, marked: Marked, made: CreatedNode): CreatedNode {
  if (!marked.ephemeral || made.stat.ephemeralOwner === context.core.session.sessionId) return made;
  throw new SessionExpiredError({ operation: "create", path: made.path, detail: "the node goes with it" });
}

function sessionOver(marked: Marked, cause: unknown): Error {
  if (!marked.ephemeral) return unresolved(marked, "the session ended", cause);
  const detail = "if the node was made, it goes with it";
  return new SessionExpiredError({ operation: "create", path: marked.path, detail, cause });
}

function unresolved(marked: Marked, what: string, cause: unknown): Error {
  return new ConnectionLossError({
    operation: "create",
    path: marked.path,
    cause,
    detail: `${what} before it was known whether the node was made`,
    remedy: `Look for a node whose name begins with ${marked.marker}.`,
  });
}

async function find(
  context: Context,
  { parent, marker }: Marked,
  { signal }: Pick<CreateOptions, "signal">,
): Promise<CreatedNode | undefined> {
  const { requests, chroot } = context;
  const options = signal === undefined ? {} : { signal };
  const about = { operation: "create", path: parent };
  const path = chroot.toServer(parent);
  const [, children] = await Promise.all([
    requests.send("sync", { path }, about, options),
    childrenOf(context, parent, options),
  ]);
  const name = children.find((child) => child.startsWith(marker));
  if (name === undefined) return undefined;
  const found = joinPath(parent, name);
  try {
    const { stat } = await requests.send("exists", { path: chroot.toServer(found), watch: false }, about, options);
    return { path: found, stat: publicStat(stat) };
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw error;
  }
}

async function childrenOf(
  { requests, chroot }: Context,
  parent: string,
  options: Pick<CreateOptions, "signal">,
): Promise<readonly string[]> {
  try {
    const request = { path: chroot.toServer(parent), watch: false };
    return (await requests.send("getChildren", request, { operation: "create", path: parent }, options)).children;
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return [];
    throw error;
  }
}

/**
 * Deletes the node of a create that was given up, however long it takes to get through; done when there is none, or when
 * it goes with its session anyway. Never rejects.
 */
async function sweep(context: Context, marked: Marked, generation: number): Promise<void> {
  const { session, logger } = context.core;
  const about = { operation: "delete", path: marked.path };
  try {
    await insist(context.core, undefined, async () => {
      if (marked.ephemeral && session.generation !== generation) return;
      const found = await find(context, marked, {});
      if (found === undefined) return;
      try {
        await context.requests.send("delete", { path: context.chroot.toServer(found.path), version: -1 }, about, {});
      } catch (error) {
        if (!isCoordinationError(error, "NoNode")) throw error;
      }
    });
  } catch (err) {
    if (isCoordinationError(err, "ClientClosed") && marked.ephemeral) return;
    logger.warn({ err, path: marked.path }, "the node of a create that was given up could not be deleted");
  }
}
