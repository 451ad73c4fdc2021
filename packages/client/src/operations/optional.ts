/**
 * Operations that not every server has. A server that does not know one says so and then closes the connection, and with
 * it goes whatever else was under way. So what is known to be missing is not asked for, and while the servers are being
 * asked what they are, it waits for their answer.
 */
import { type ClientOperation, ErrorCode, type RequestOf, type ResponseOf } from "@corral/protocol";
import type { ClientCore } from "../client-core.ts";
import type { Context } from "../context.ts";
import { errorFromWire, isCoordinationError } from "../errors.ts";
import type { Feature } from "../features.ts";
import { onAbort } from "../on-abort.ts";
import type { CallOptions } from "../options.ts";
import type { About } from "../requests.ts";

/** An operation that may be missing. */
export type OptionalOperation = ClientOperation & Feature;

/**
 * What it is worth waiting for before `operation` is sent, if anything is. Requests leave in the order in which they were
 * made, so where there is nothing, nobody should wait.
 * @throws the signal's reason
 */
export function untilKnown(
  { features, asking }: ClientCore,
  operation: OptionalOperation,
  { signal }: CallOptions,
): Promise<void> | undefined {
  if (features.has(operation) !== undefined || asking === undefined) return undefined;
  return new Promise((resolve, reject) => {
    const ignore = onAbort(signal, () => reject(signal?.reason));
    void asking.then(() => {
      ignore();
      resolve();
    });
  });
}

/** Sends the request, if it is not known to be in vain. @throws UnimplementedError: the servers do not have it. */
export async function sendIfThere<O extends OptionalOperation>(
  { core, requests }: Context,
  operation: O,
  request: RequestOf<O>,
  about: About,
  options: CallOptions,
): Promise<ResponseOf<O>> {
  const wait = untilKnown(core, operation, options);
  if (wait !== undefined) await wait;
  if (core.features.has(operation) === false) throw errorFromWire(ErrorCode.Unimplemented, about);
  try {
    return await requests.send(operation, request, about, options);
  } catch (error) {
    if (isCoordinationError(error, "Unimplemented")) core.features.found(operation, false);
    throw error;
  }
}
