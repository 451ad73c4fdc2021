/**
 * Reads a tree through a client, some nodes at a time, parents before their children. It is no snapshot: what changes
 * meanwhile may be seen or not. Ephemeral nodes are left out, for they belong to somebody's session.
 */
import { type Client, insist, isCoordinationError, type Stat } from "@corral/client";
import { CopyError } from "../copy-error.ts";
import { type KindHints, kindsOf } from "./kinds.ts";
import { quotaRoot, quotasOf } from "./quotas.ts";
import { childCreatesOf, hasHiddenIds, isAtOrBelow, type TreeNode } from "./tree-node.ts";

/** What to read. */
export interface ReadTreeOptions extends KindHints {
  /** Paths that are left out, with all below them. The server's own, `/zookeeper`, always is. */
  readonly exclude?: readonly string[] | undefined;
  /** What to do about nodes that may not be read. Default: refuse. */
  readonly unreadable?: "refuse" | "skip" | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was left out, and what was asked for in vain. */
export interface LeftOut {
  ephemerals: number;
  unreadable: number;
  /** Paths that have a quota. Where a client with a chroot reads, none are seen. */
  quotas: string[];
  /** Some may not be read, and are not named. They would not be copied either: it is no reason to end. */
  unreadableQuotas: boolean;
  /** Those of `exclude` at which there was no node: slips, perhaps. */
  unmatched: string[];
  /** Those paths of `containers` and `ttlMs` at which there was none. */
  unmatchedKinds: string[];
}

/** Nothing yet. */
export function nothingLeftOut(): LeftOut {
  return { ephemerals: 0, unreadable: 0, quotas: [], unreadableQuotas: false, unmatched: [], unmatchedKinds: [] };
}

/** What no copy has; behind a chroot it cannot be seen. */
const serversOwn = "/zookeeper";
const nodesAtOnceMax = 512;
/** What the data of the nodes read at once should come to, bytes. */
const bytesAtOnce = 16 << 20;

/** What is left out of the tree that a client sees: the server's own nodes, and `exclude`. */
export function excludedPaths(client: Client, exclude: readonly string[] = []): readonly string[] {
  return client.chroot === "" ? [serversOwn, ...exclude] : exclude;
}

/** Gives the nodes at and below the client's `/`. @throws CopyError `unreadable`, CoordinationError */
export async function* readTree(
  client: Client,
  options: ReadTreeOptions,
  leftOut: LeftOut,
): AsyncGenerator<readonly TreeNode[]> {
  const { signal } = options;
  const exclude = excludedPaths(client, options.exclude);
  const unmatchedKinds = new Set([...(options.containers ?? []), ...(options.ttlMs?.keys() ?? [])]);
  const kindOf = kindsOf(options, (hint) => unmatchedKinds.delete(hint));
  await lookForQuotas(client, options, leftOut);
  const pending: string[] = ["/"];
  const unmatched = new Set(options.exclude);
  let nodesAtOnce = nodesAtOnceMax;
  while (pending.length > 0) {
    const paths = pending.splice(-nodesAtOnce);
    const found = await Promise.all(
      paths.map((path) =>
        insist(client, signal, () => readNode(client, path)).catch((error) => unreadable(path, error)),
      ),
    );
    const nodes: TreeNode[] = [];
    let bytes = 0;
    for (const [at, one] of found.entries()) {
      const path = paths[at] ?? "/";
      if (one === undefined) continue;
      if (one instanceof CopyError) {
        if (options.unreadable !== "skip") throw one;
        leftOut.unreadable++;
      } else if (one.stat.ephemeralOwner !== 0n) {
        leftOut.ephemerals++;
      } else {
        const { data, acl, stat } = one;
        nodes.push({ path, data, acl, kind: kindOf(path), childCreates: childCreatesOf(stat) });
        bytes += data?.length ?? 0;
        for (const name of one.children) {
          const child = path === "/" ? `/${name}` : `${path}/${name}`;
          const reasons = exclude.filter((above) => isAtOrBelow(child, above));
          if (reasons.length === 0) pending.push(child);
          for (const one of reasons) unmatched.delete(one);
        }
      }
    }
    nodesAtOnce = Math.max(1, Math.min(nodesAtOnceMax, Math.floor((bytesAtOnce * nodes.length) / (bytes + 1))));
    yield nodes;
  }
  // What is below something else that is excluded was not looked for.
  const isCovered = (path: string) =>
    path === serversOwn || exclude.some((above) => above !== path && isAtOrBelow(path, above));
  leftOut.unmatched = [...unmatched].filter((path) => !isCovered(path));
  leftOut.unmatchedKinds = [...unmatchedKinds];
}

async function lookForQuotas(
  client: Client,
  { exclude = [], signal }: ReadTreeOptions,
  leftOut: LeftOut,
): Promise<void> {
  const isExcluded = (path: string) => exclude.some((above) => isAtOrBelow(path, above));
  if (client.chroot !== "" || isExcluded(quotaRoot)) return;
  const { quotas, isUnreadable } = await quotasOf(client, signal);
  leftOut.quotas = quotas.filter((path) => !isExcluded(path));
  leftOut.unreadableQuotas = isUnreadable;
}

interface Found {
  readonly data: Uint8Array | null;
  readonly acl: TreeNode["acl"];
  readonly stat: Stat;
  readonly children: readonly string[];
}

/** Undefined if it has gone meanwhile. */
async function readNode(client: Client, path: string): Promise<Found | undefined> {
  try {
    const [{ data, stat }, { acl }] = await Promise.all([client.get(path), client.getAcl(path)]);
    const children = stat.numChildren === 0 ? [] : await client.children(path);
    requireWhole(path, acl);
    return { data, acl, stat, children };
  } catch (error) {
    if (isCoordinationError(error, "NoNode") && path !== "/") return undefined;
    throw error;
  }
}

function requireWhole(path: string, acl: TreeNode["acl"]): void {
  if (!hasHiddenIds(acl)) return;
  throw new CopyError(
    "unreadable",
    `The access list of ${path} has no digests of passwords, only user:x. Mostly the server hides them: show it credentials that ` +
      "have the ADMIN permission there, best those of its superuser. If it is shown them, somebody has set the list so, and " +
      "nobody has that password: give the node another list, or leave it out.",
  );
}

function unreadable(path: string, error: unknown): CopyError {
  if (error instanceof CopyError) return error;
  if (!isCoordinationError(error, "NoAuth")) throw error;
  return new CopyError(
    "unreadable",
    `${path} may not be read: show the server credentials that may, best those of its superuser, or leave the node out.`,
    { cause: error },
  );
}
