/** Discovery by asking once. */
import type { Client } from "@corral/client";
import { isCoordinationError, type ObservedNode } from "@corral/client";
import { childrenOrNone, insist } from "@corral/recipe-kit";
import { type InstanceFilter, isWanted } from "./filter.ts";
import type { ServiceInstance } from "./instance.ts";
import { readEntry } from "./instances.ts";
import type { Layout } from "./layout.ts";
import type { StandardSchema } from "./standard-schema.ts";

/** The names of all services. */
export async function readNames(client: Client, layout: Layout, signal: AbortSignal): Promise<string[]> {
  return await insist(client, () => childrenOrNone(client, layout.base, signal), signal);
}

/** The entries' nodes of a service that are there. */
export async function readNodes(client: Client, servicePath: string, signal: AbortSignal): Promise<ObservedNode[]> {
  const names = await insist(client, () => childrenOrNone(client, servicePath, signal), signal);
  const read = (name: string): Promise<ObservedNode | undefined> =>
    insist(client, () => nodeOrNone(client, `${servicePath}/${name}`, signal), signal);
  return (await Promise.all(names.map(read))).filter((node) => node !== undefined);
}

/** The instances of a service that are wanted. Malformed entries are left out; `explain()` shows them. */
export async function readInstances<In, P>(
  client: Client,
  servicePath: string,
  schema: StandardSchema<In, P> | undefined,
  filter: InstanceFilter<P>,
  signal: AbortSignal,
): Promise<ServiceInstance<P>[]> {
  const nodes = await readNodes(client, servicePath, signal);
  const entries = await Promise.all(nodes.map((node) => readEntry(node, schema)));
  return entries.flatMap((entry) =>
    entry.kind === "instance" && isWanted(entry.instance, filter) ? [entry.instance] : [],
  );
}

/** A node, if it is there. */
export async function nodeOrNone(client: Client, path: string, signal: AbortSignal): Promise<ObservedNode | undefined> {
  try {
    return { path, ...(await client.get(path, { signal })) };
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw error;
  }
}
