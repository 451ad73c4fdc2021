/** The plan: which shard is to be whose. One node holds it, and one member at a time writes it. */
import { type Client, isCoordinationError, msgpack, type WatchOptions } from "@corral/client";
import { insist } from "@corral/recipe-kit";
import type { Owners } from "./partition.ts";

/** The plan as it was read. */
export interface PlanNode {
  readonly owners: Owners;
  /** `undefined`: there is no plan yet. */
  readonly version: number | undefined;
}

/** Shards by member: names are long, and each stands there once. */
export async function encodePlan(owners: Owners): Promise<Uint8Array | null> {
  const shardsOf = new Map<string, string[]>();
  for (const [shard, owner] of owners) shardsOf.set(owner, [...(shardsOf.get(owner) ?? []), shard]);
  return await msgpack.encode({ version: 1, members: [...shardsOf] });
}

/** What cannot be read is no plan: the next planner writes a new one. */
export async function decodePlan(data: Uint8Array | null): Promise<Owners> {
  const owners = new Map<string, string>();
  let decoded: unknown;
  try {
    decoded = await msgpack.decode(data);
  } catch {
    return owners;
  }
  const members: unknown =
    typeof decoded === "object" && decoded !== null ? Reflect.get(decoded, "members") : undefined;
  for (const entry of Array.isArray(members) ? members : []) {
    const [member, shards]: unknown[] = Array.isArray(entry) ? entry : [];
    if (typeof member !== "string" || !Array.isArray(shards)) continue;
    for (const shard of shards) if (typeof shard === "string") owners.set(shard, member);
  }
  return owners;
}

/** Reads the plan. */
export async function readPlan(client: Client, path: string, options: WatchOptions = {}): Promise<PlanNode> {
  try {
    const { data, stat } = await insist(client, () => client.get(path, options), options.signal);
    return { owners: await decodePlan(data), version: stat.version };
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return { owners: new Map(), version: undefined };
    throw error;
  }
}

/**
 * Writes the plan, if it is still the one that was read and the planner is still a member. Whatever comes of it is seen
 * at the next look.
 */
export async function writePlan(
  client: Client,
  path: string,
  { owners, read, ticketPath }: { readonly owners: Owners; readonly read: PlanNode; readonly ticketPath: string },
  signal: AbortSignal,
): Promise<void> {
  const data = await encodePlan(owners);
  try {
    // Safe to repeat: once it has happened, the node is there, or has another version.
    await insist(
      client,
      async () => {
        const transaction = client.transaction().check(ticketPath);
        if (read.version === undefined) transaction.create(path, data);
        else transaction.set(path, data, { version: read.version });
        await transaction.commit({ signal });
      },
      signal,
    );
  } catch (error) {
    const changedMeanwhile = (["NoNode", "NodeExists", "BadVersion"] as const).some((code) =>
      isCoordinationError(error, code),
    );
    if (!changedMeanwhile) throw error;
  }
}
