/**
 * What no server has in its state, though a snapshot can have it: numbers that are none or that nothing can be counted on from, texts
 * that no client can have sent, a tree of another shape. Taken in, it would show when somebody reads it, or at the next start.
 * What any version of this server has written is none of that. A million nodes come by here at a start.
 */
import { formatZxid, maxTtlMs, pathProblem } from "@corral/protocol";
import { isAclScheme } from "./access.ts";
import { type DataTree, systemPaths } from "./data-tree.ts";
import type { Lifetime } from "./lifetime.ts";
import type { SessionRecord } from "./session-table.ts";
import type { NodeRecord } from "./znode.ts";

/** Up to here more creates are left, until the count is no whole number any more, than there will ever be time for. */
const mostCreatesRestored = 2 ** 52;

const slash = 0x2f;
const dot = 0x2e;

const zxids = ["czxid", "mzxid", "pzxid"] as const;
const times = ["ctimeMs", "mtimeMs"] as const;
const versions = ["version", "aversion"] as const;

/** What is wrong with a node, as a clause that begins with what it is about; its access list is looked at by itself. */
export function nodeFault(path: string, record: NodeRecord): string | undefined {
  const { czxid, mzxid, pzxid, ctimeMs, mtimeMs, version, aversion, childCreates, lifetime } = record;
  if (
    isCount(czxid) &&
    isCount(mzxid) &&
    isCount(pzxid) &&
    Number.isSafeInteger(ctimeMs) &&
    Number.isSafeInteger(mtimeMs) &&
    isInt(version) &&
    isInt(aversion) &&
    isCount(childCreates) &&
    (lifetime.kind === "persistent" || isLifetime(lifetime)) &&
    (hasPlainName(path) || pathProblem(path) === undefined)
  ) {
    return undefined;
  }
  return `node ${JSON.stringify(path)} ${fieldFault(path, record)}`;
}

/** Whether the path is sound if its parent's is, at the first look: another node's, which is looked at by itself. */
function hasPlainName(path: string): boolean {
  const end = path.length - 1;
  let at = end;
  for (; at >= 0; at--) {
    const code = path.charCodeAt(at);
    if (code === slash) break;
    if (code <= 0x1f || code >= 0x7f) return false;
  }
  return at >= 0 && at < end && path.charCodeAt(at + 1) !== dot && (at === 0 || path.charCodeAt(at - 1) !== slash);
}

/** The same for one of which it is known that something is wrong. */
function fieldFault(path: string, record: NodeRecord): string {
  const problem = pathProblem(path);
  if (problem !== undefined) return `has a path that no node can have: ${problem}`;
  const { lifetime } = record;
  const field =
    zxids.find((name) => !isCount(record[name])) ??
    times.find((name) => !Number.isSafeInteger(record[name])) ??
    versions.find((name) => !isInt(record[name])) ??
    (isLifetime(lifetime) ? "childCreates" : undefined);
  if (field !== undefined) return `has ${record[field]} as its ${field}`;
  if (lifetime.kind === "ephemeral") return `has ${lifetime.owner} as its owner, which is no session's id`;
  return `has ${lifetime.kind === "ttl" ? lifetime.ttlMs : lifetime.kind} as its time to live`;
}

/**
 * What is wrong with a node, as such a clause, for a server that goes on from a snapshot at `lastZxid` without the log of the server that
 * wrote it. Of a start's own snapshots it is not asked: earlier versions could write a node that changed meanwhile, and what a
 * restore was given has grown since.
 */
export function restoreFault(path: string, record: NodeRecord, lastZxid: number): string | undefined {
  const { czxid, mzxid, pzxid, childCreates } = record;
  // It would be given out again.
  if (czxid > lastZxid || mzxid > lastZxid || pzxid > lastZxid) {
    return `node ${JSON.stringify(path)} has a zxid beyond its own, ${formatZxid(lastZxid)}`;
  }
  if (childCreates <= mostCreatesRestored) return undefined;
  return `node ${JSON.stringify(path)} has ${childCreates} as its childCreates, from where there is no counting on`;
}

/** What is wrong with the access list that comes with `path`, the first that has it, as such a clause. */
export function aclFault(path: string, acl: NodeRecord["acl"]): string | undefined {
  const whose = () => `node ${JSON.stringify(path)} has an access list`;
  // To an empty one, nothing is forbidden.
  if (acl.length === 0) return `${whose()} without an entry`;
  for (const { perms, id } of acl) {
    if (!isInt(perms)) return `${whose()} with ${perms} as permissions`;
    if (!isAclScheme(id.scheme)) return `${whose()} with ${JSON.stringify(id.scheme)} as a scheme`;
  }
  return undefined;
}

/** What is wrong with a session, as such a clause. */
export function sessionFault({ id, timeoutMs }: Omit<SessionRecord, "password">): string | undefined {
  if (!isSessionId(id)) return `session ${id} has an id that no session has`;
  return isInt(timeoutMs) ? undefined : `session ${id} has ${timeoutMs} as its timeout`;
}

/** What is wrong with the shape of a tree that has come together, as a clause. */
export function shapeFault(tree: DataTree): string | undefined {
  for (const path of systemPaths) {
    const node = tree.get(path);
    if (node === undefined) return `${path}, which nobody can delete, is not there`;
    if (node.lifetime.kind !== "persistent") return `${path}, which nobody can delete, is not persistent`;
  }
  for (const [, paths] of tree.ephemerals()) {
    for (const path of paths) if (tree.get(path)?.childCount) return `${path} is ephemeral and has children`;
  }
  return undefined;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isInt(value: number): boolean {
  return (value | 0) === value;
}

function isLifetime(lifetime: Lifetime): boolean {
  switch (lifetime.kind) {
    case "ephemeral":
      return isSessionId(lifetime.owner);
    case "ttl":
      return isCount(lifetime.ttlMs) && lifetime.ttlMs >= 1 && lifetime.ttlMs <= maxTtlMs;
    default:
      return true;
  }
}

/** 64 bits, signed; 0 is nobody's. */
function isSessionId(id: bigint): boolean {
  return id !== 0n && BigInt.asIntN(64, id) === id;
}
