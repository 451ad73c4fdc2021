/** Deleting: a node, everything below one, and until it is done. */
import { joinPath } from "@corral/protocol";
import { anyVersion, checkPath, checkVersion } from "../arguments.ts";
import type { Context } from "../context.ts";
import { ClientClosedError, isCoordinationError, SessionExpiredError } from "../errors.ts";
import { insist, isInterruption } from "../insist.ts";
import { limits } from "../limits.ts";
import { onAbort } from "../on-abort.ts";
import type { CallOptions, DeleteOptions } from "../options.ts";
import { Slots } from "../slots.ts";
import { children as childrenOf, exists } from "./read.ts";
import { aboutVersion, tellingVersions } from "./write.ts";

/** Deletes as `options` say. */
export async function deleteNode(context: Context, path: string, options: DeleteOptions): Promise<void> {
  const { version = anyVersion, children = false, guaranteed = false } = options;
  checkPath("delete", path);
  checkVersion("delete", path, version);
  const attempt = (signal: AbortSignal | undefined): Promise<void> => {
    const call = signal === undefined ? {} : { signal };
    if (!children) return deleteOne(context, path, version, call);
    return deleteTree({ context, options: call, slots: new Slots(limits.deletesAtOnce) }, path, version);
  };
  if (guaranteed) await untilDone(context, path, options.signal, attempt);
  else await attempt(options.signal);
}

async function deleteOne(context: Context, path: string, version: number, options: CallOptions): Promise<void> {
  const request = { path: context.chroot.toServer(path), version };
  const about = aboutVersion("delete", path, version);
  const send = () => context.requests.send("delete", request, about, options);
  await tellingVersions(context, about, send, async () => {
    return (await exists(context, path, { signal: options.signal }))?.version;
  });
}

/** A deletion of a whole tree. All its requests, at whatever depth, share the slots. */
interface Felling {
  readonly context: Context;
  readonly options: CallOptions;
  readonly slots: Slots;
}

/** From the leaves up. Below `path` all versions go, and what is gone already is fine. */
async function deleteTree(felling: Felling, path: string, version: number): Promise<void> {
  const { context, options, slots } = felling;
  for (let round = 1; ; round++) {
    try {
      return await slots.run(() => deleteOne(context, path, version, options));
    } catch (error) {
      if (!isCoordinationError(error, "NotEmpty") || round === limits.deleteRounds) throw error;
    }
    await deleteChildren(felling, path);
  }
}

async function deleteChildren(felling: Felling, path: string): Promise<void> {
  const { context, options, slots } = felling;
  const names = await orGone(slots.run(() => childrenOf(context, path, options)));
  const left = (names ?? []).values();
  const worker = async (): Promise<void> => {
    for (const name of left) await orGone(deleteTree(felling, joinPath(path, name), anyVersion));
  };
  await Promise.all(Array.from({ length: limits.deletesAtOnce }, worker));
}

async function orGone<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw error;
  }
}

/** Repeats `attempt` until it gets through. The signal ends only the caller's wait for that. */
async function untilDone(
  { core }: Context,
  path: string,
  signal: AbortSignal | undefined,
  attempt: (signal: undefined) => Promise<void>,
): Promise<void> {
  signal?.throwIfAborted();
  const { session, logger } = core;
  const { generation } = session;
  let interrupted = false;
  const done = insist(core, undefined, async () => {
    if (session.generation !== generation) {
      // Not recoverable in the eyes of `insist`'s caller, and so the end: wrapped, to be told apart from an interruption.
      throw new SessionOver();
    }
    try {
      await attempt(undefined);
    } catch (error) {
      interrupted ||= isInterruption(error);
      // Gone by an attempt of our own, of which the reply was lost, or by another's hand: gone.
      if (!isCoordinationError(error, "NoNode") || !interrupted) throw error;
    }
  }).catch((error: unknown) => {
    const about = { operation: "delete", path, detail: "before it was known whether the node is gone" };
    if (error instanceof SessionOver) throw new SessionExpiredError(about);
    if (interrupted && isCoordinationError(error, "ClientClosed")) throw new ClientClosedError(about);
    throw error;
  });
  if (signal === undefined) return await done;
  await new Promise<void>((resolve, reject) => {
    const ignore = onAbort(signal, () => {
      done.catch((err: unknown) => logger.warn({ err, path }, "a node that was to be deleted may still be there"));
      reject(signal.reason);
    });
    done.then(resolve, reject).finally(ignore);
  });
}

class SessionOver extends Error {}
