/** Values as they are read and watched. */
import { type Client, isCoordinationError, type ReadOptions } from "@corral/client";
import { viewNode, type WaitOptions } from "@corral/recipe-kit";
import { concatMap, type Observable } from "rxjs";

/** A value and which write it is of. */
export interface Versioned<T> {
  readonly value: T;
  /** Version of the node; 0 also while there is no node, and the value is the initial one. */
  readonly version: number;
  /** zxid of the node's create: versions begin anew with another one. 0 while there is no node. */
  readonly czxid: bigint;
}

/** A value as it is watched. That it may be out of date is a value as well. */
export type ValueView<T> =
  /** As the server has it that we are connected to. */
  | { readonly state: "current"; readonly latest: Versioned<T> }
  /** Not connected, or not read again since: what was read last, if anything was. */
  | { readonly state: "suspended"; readonly latest: Versioned<T> | undefined };

/** How to wait for a read, and how fresh it must be. */
export interface ReadWait extends WaitOptions {
  /** It shows every write that was answered before it was asked for. Costs a round through the leader. Default false. */
  readonly linearizable?: boolean | undefined;
}

/** A node, or `undefined` if there is none. */
export async function readOrNone(client: Client, path: string, options: ReadOptions) {
  try {
    return await client.get(path, options);
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw error;
  }
}

/**
 * The value at `path`, now and after every change; `decode` makes it of the node's data, `undefined` if there is no node.
 * Errors with what `decode` throws.
 */
export function viewValue<T>(
  client: Client,
  path: string,
  decode: (data: Buffer | null | undefined) => T | Promise<T>,
): Observable<ValueView<T>> {
  return viewNode(client, path).pipe(
    concatMap(async ({ state, node }): Promise<ValueView<T>> => {
      if (node === "unread") return { state: "suspended", latest: undefined };
      const { version = 0, czxid = 0n } = node?.stat ?? {};
      return { state, latest: { value: await decode(node?.data), version, czxid } };
    }),
  );
}
