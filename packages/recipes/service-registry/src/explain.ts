/** Who is behind a service's entries, who holds its name alone, who waits to: for people. */
import { type Client, msgpack, type NodeData, optional, type Stat } from "@corral/client";
import { type Contender, childrenOrNone, contenders, insist } from "@corral/recipe-kit";
import { turnKind } from "./enter.ts";
import { isObject } from "./entry-json.ts";
import type { ServiceInstance } from "./instance.ts";
import { type MalformedEntry, readEntry } from "./instances.ts";
import { idOfClaim, type Layout } from "./layout.ts";
import { nodeOrNone, readNodes } from "./read-instances.ts";
import type { StandardSchema } from "./standard-schema.ts";

/** An instance, and what stands behind it. */
export interface ExplainedInstance<P = unknown> {
  readonly instance: ServiceInstance<P>;
  /** `claim`: a registration of this package. `session`: one of another program. `nobody`: a STATIC or PERMANENT entry. */
  readonly heldBy: "claim" | "session" | "nobody";
  /** Of who holds it; 0: nobody. */
  readonly sessionId: bigint;
  /** When it was registered and when it was written last, wall clock of the server, ms since 1970. */
  readonly sinceMs: number;
  readonly updatedMs: number;
  /** So long after the server last heard of the session it expires; `undefined` where nobody has said. */
  readonly sessionTimeoutMs: number | undefined;
}

/** Somebody who holds a name alone, or waits to. */
export interface NameContender {
  /** The id of its instance. */
  readonly id: string;
  readonly sessionId: bigint;
  /** So long after the server last heard of that session it expires, ms; `undefined` where nobody has said. */
  readonly sessionTimeoutMs: number | undefined;
  /** Since when, wall clock of the server, ms since 1970. */
  readonly sinceMs: number;
}

/** How it stands with a service. */
export interface ServiceExplanation<P = unknown> {
  readonly instances: readonly ExplainedInstance<P>[];
  readonly malformed: readonly MalformedEntry[];
  /** Who holds the name alone. */
  readonly holder: NameContender | undefined;
  /** Who waits to, in the order in which they will. */
  readonly waiters: readonly NameContender[];
}

/** A claim to an instance, as others see it. */
export interface ClaimView {
  readonly name: string;
  readonly data: Buffer | null;
  readonly stat: Stat;
}

/** The claims to a service's instances. */
export async function readClaims(
  client: Client,
  layout: Layout,
  name: string,
  signal: AbortSignal,
): Promise<ClaimView[]> {
  const names = await insist(client, () => childrenOrNone(client, layout.live(name), signal), signal);
  const read = async (claim: string): Promise<ClaimView | undefined> => {
    const node = await insist(client, () => nodeOrNone(client, layout.claim(name, claim), signal), signal);
    return node && { ...node, name: claim };
  };
  return (await Promise.all(names.map(read))).filter((claim) => claim !== undefined);
}

/** See `ServiceRegistry.explain`. Pieced together from several reads: what changes meanwhile may show in a part of it only. */
export async function explainService<In, P>(
  client: Client,
  layout: Layout,
  name: string,
  schema: StandardSchema<In, P> | undefined,
  signal: AbortSignal,
): Promise<ServiceExplanation<P>> {
  const [nodes, claims, holder, queue] = await Promise.all([
    readNodes(client, layout.service(name), signal),
    readClaims(client, layout, name, signal),
    insist(client, () => nodeOrNone(client, layout.holder(name), signal), signal),
    contenders(client, layout.queue(name), [turnKind], signal),
  ]);
  const instances: ExplainedInstance<P>[] = [];
  const malformed: MalformedEntry[] = [];
  for (const node of nodes) {
    const entry = await readEntry(node, schema);
    if (entry.kind === "malformed") {
      malformed.push(entry.entry);
      continue;
    }
    const claim = claims.find(({ stat }) => stat.czxid === node.stat.czxid);
    const sessionId = claim?.stat.ephemeralOwner ?? node.stat.ephemeralOwner;
    instances.push({
      instance: entry.instance,
      heldBy: claim !== undefined ? "claim" : sessionId !== 0n ? "session" : "nobody",
      sessionId,
      sinceMs: node.stat.ctimeMs,
      updatedMs: node.stat.mtimeMs,
      sessionTimeoutMs: claim && (await timeoutOf(claim)),
    });
  }
  return {
    instances,
    malformed,
    holder: holder && (await toHolder(holder, claims)),
    waiters: queue.filter(({ data }) => data !== null).map(toNameContender),
  };
}

async function toHolder({ data, stat }: NodeData, claims: readonly ClaimView[]): Promise<NameContender> {
  const name = data?.toString("utf8") ?? "";
  const claim = claims.find((one) => one.name === name);
  return {
    id: idOfClaim(name),
    sessionId: stat.ephemeralOwner,
    sessionTimeoutMs: claim && (await timeoutOf(claim)),
    sinceMs: stat.ctimeMs,
  };
}

async function timeoutOf({ data }: ClaimView): Promise<number | undefined> {
  const about = await optional(msgpack).decode(data);
  if (!isObject(about) || typeof about.sessionTimeoutMs !== "number") return undefined;
  return about.sessionTimeoutMs;
}

function toNameContender({ data, sessionId, sessionTimeoutMs, sinceMs }: Contender): NameContender {
  return { id: data?.toString("utf8") ?? "", sessionId, sessionTimeoutMs, sinceMs };
}
