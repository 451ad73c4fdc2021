/**
 * Reads that are not older than they may be. A server answers reads from its own memory, which may lag behind; what it
 * shows is made fresh enough by a barrier that goes before the read on the same connection.
 */
import { ErrorCode, OpCode } from "@corral/protocol";
import type { Context } from "../context.ts";
import { makeError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { CallOptions, ReadOptions } from "../options.ts";
import { sleep } from "../sleep.ts";

/** A node that nobody has: checking it fails, but only after a quorum has agreed on that. */
const nobody = "/zookeeper/corral-barrier";

/**
 * Reads through `read`, behind the barrier that `options` ask for. Barrier and read leave in one write; should the
 * connection break between them, both are of no use and the read rejects.
 */
export async function fresh<T>(
  context: Context,
  about: { readonly operation: string; readonly path: string },
  { linearizable = false, atLeast, signal }: ReadOptions,
  read: () => Promise<T>,
): Promise<T> {
  const options = signal === undefined ? {} : { signal };
  if (linearizable) {
    const [, result] = await Promise.all([barrier(context, about, options), read()]);
    return result;
  }
  const { session, clock } = context.core;
  for (let round = 0; atLeast !== undefined && BigInt(session.lastZxid) < atLeast; round++) {
    if (round === limits.catchUps) {
      const detail = `the servers have got to ${session.lastZxid}, ${atLeast} was asked for`;
      throw makeError("OperationTimeout", { ...about, detail });
    }
    if (round > 0) await sleep(clock, limits.insistMs * 2 ** round, signal);
    await context.requests.send("sync", { path: context.chroot.toServer(about.path) }, about, options);
  }
  return await read();
}

/**
 * Makes the server as new as the newest write that anybody has been told of. Our own servers' `sync` does that: the
 * leader confirms that it still leads. Apache's does not ask; there, and where it is not known who serves, a write that
 * fails goes through the quorum instead.
 */
async function barrier(
  { core, requests, chroot }: Context,
  about: { readonly operation: string; readonly path: string },
  options: CallOptions,
): Promise<void> {
  if (core.engine === "corral") {
    await requests.send("sync", { path: chroot.toServer(about.path) }, about, options);
  } else {
    const request = [{ type: OpCode.check, path: nobody, version: -1 }];
    const outcome = await requests.call("multi", request, about, options);
    // That it fails is what it is for, wherever in the answer that is said.
    if (outcome.type !== "answer" || outcome.err !== ErrorCode.NoNode) requests.response("multi", outcome, about);
  }
}
