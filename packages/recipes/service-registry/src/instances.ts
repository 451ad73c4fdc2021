/** From nodes to instances: what discovery shows of a service. */
import type { ObservedNode } from "@corral/client";
import { decodeEntry } from "./entry-json.ts";
import { isInvalidPayloadError, isMalformedEntryError } from "./errors.ts";
import type { ServiceInstance } from "./instance.ts";
import { type StandardSchema, validate } from "./standard-schema.ts";

/** A node among a service's entries that is none: written by another program, or by another version. */
export interface MalformedEntry {
  readonly path: string;
  readonly problem: string;
}

/** What a node turned out to be. */
export type ReadEntry<P> =
  | { readonly kind: "instance"; readonly instance: ServiceInstance<P> }
  | { readonly kind: "malformed"; readonly entry: MalformedEntry };

/** Makes an instance of a node. What is malformed is a value, so that one bad entry does not hide the others. */
export async function readEntry<In, P>(
  node: ObservedNode,
  schema: StandardSchema<In, P> | undefined,
): Promise<ReadEntry<P>> {
  const { path, data, stat } = node;
  try {
    const { fields, payload } = decodeEntry(data);
    const checked = await validate(schema, payload, path);
    const instance = { ...fields, payload: checked, path, czxid: stat.czxid, sessionId: stat.ephemeralOwner };
    return { kind: "instance", instance };
  } catch (error) {
    if (!isMalformedEntryError(error) && !isInvalidPayloadError(error)) throw error;
    return { kind: "malformed", entry: { path, problem: error.message } };
  }
}
