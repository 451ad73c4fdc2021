/**
 * Writes nodes through a client, reads each back and compares it. Many creates travel in one transaction. Everything is
 * done so that it can be done again: a broken connection only makes it slower.
 */
import { type Client, type CreateOptions, insist, isCoordinationError, isTransactionError } from "@corral/client";
import { CopyError } from "../copy-error.ts";
import { aclText } from "./digest.ts";
import { hasHiddenIds, type NodeKind, type TreeNode } from "./tree-node.ts";

/** What to do about a node that is there already. */
export type ConflictPolicy = "refuse" | "overwrite" | "skip";

/** What has been done. */
export interface WriteReport {
  created: number;
  overwritten: number;
  /** Were there with the same data and access list. */
  unchanged: number;
  /** Were there, and were left as they are. */
  skipped: number;
  /** Read back, and found to be as they should. */
  verified: number;
  /** Paths of nodes that are not as they should be: the first twenty. */
  readonly different: string[];
}

/** How to write. */
export interface WriteTreeOptions {
  readonly conflict: ConflictPolicy;
  readonly signal?: AbortSignal | undefined;
}

const transactionOperationsMax = 200;
const transactionBytesMax = 256 << 10;
const differentMax = 20;
/** What a create takes on the wire besides path, data and ids, at most. */
const overheadBytes = 64;

/** Writes below the client's `/`; see the head of this file. */
export class TreeWriter {
  readonly #client: Client;
  readonly #options: WriteTreeOptions;
  /** With its access list the rest might not be allowed any more: it comes last. */
  #root: TreeNode | undefined;
  readonly report: WriteReport = { created: 0, overwritten: 0, unchanged: 0, skipped: 0, verified: 0, different: [] };

  constructor(client: Client, options: WriteTreeOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Writes nodes of which each parent was written before, or stands before it. @throws CopyError */
  async write(nodes: readonly TreeNode[]): Promise<void> {
    this.#root ??= nodes.find(({ path }) => path === "/");
    const below = nodes.filter(({ path }) => path !== "/");
    const written = this.#options.conflict === "refuse" ? await this.#createAll(below) : await this.#merge(below);
    await this.#verify(written);
  }

  /** Writes the root, once everything below it is written. */
  async finish(): Promise<void> {
    if (this.#root === undefined) return;
    const { conflict } = this.#options;
    const written = await this.#settle(this.#root, conflict === "refuse" ? "overwrite" : conflict);
    if (written) await this.#verify([this.#root]);
  }

  /** Some are there already. */
  async #merge(nodes: readonly TreeNode[]): Promise<TreeNode[]> {
    const isThere = await Promise.all(nodes.map(({ path }) => this.#isThere(path)));
    const missing = nodes.filter((_, at) => isThere[at] === false);
    const written = await this.#createAll(missing);
    for (const [at, node] of nodes.entries()) {
      if (isThere[at] && (await this.#settle(node, this.#options.conflict))) written.push(node);
    }
    return written;
  }

  async #createAll(nodes: readonly TreeNode[]): Promise<TreeNode[]> {
    const written = await Promise.all(groupsOf(nodes).map((group) => this.#createTogether(group)));
    return written.flat();
  }

  /** All in one transaction; if that fails, or nobody knows whether it did, one by one. */
  async #createTogether(group: readonly TreeNode[]): Promise<TreeNode[]> {
    const [first] = group;
    // A node that just fits into a request does not fit into a transaction.
    if (group.length === 1 && first !== undefined) return (await this.#create(first)) ? [first] : [];
    const transaction = this.#client.transaction();
    for (const { path, data, acl, kind } of group) transaction.create(path, data, { acl, ...modeOf(kind) });
    try {
      await transaction.commit();
      this.report.created += group.length;
      return [...group];
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      const isUncertain = isTransactionError(error) || isInterrupted(error);
      if (!isUncertain) throw error;
    }
    const written: TreeNode[] = [];
    for (const node of group) if (await this.#create(node)) written.push(node);
    return written;
  }

  async #create(node: TreeNode): Promise<boolean> {
    const { path, data, acl, kind } = node;
    try {
      // Not by insist: a create whose reply was lost may have happened, and is then found by what follows.
      await this.#client.create(path, data, { acl, ...modeOf(kind) });
      this.report.created++;
      return true;
    } catch (error) {
      if (!isInterrupted(error) && !isCoordinationError(error, "NodeExists")) throw refused(node, error);
    }
    if (!(await this.#isThere(path))) return await this.#create(node);
    return await this.#settle(node, this.#options.conflict);
  }

  async #isThere(path: string): Promise<boolean> {
    try {
      return (await insist(this.#client, this.#options.signal, () => this.#client.exists(path))) !== undefined;
    } catch (error) {
      // A node that is not there is nobody's to hide.
      if (isCoordinationError(error, "NoAuth")) return true;
      throw error;
    }
  }

  /** The node is there. Whether it is as it should be now. */
  async #settle(node: TreeNode, conflict: ConflictPolicy): Promise<boolean> {
    const { signal } = this.#options;
    const { path, data, acl } = node;
    const difference = await this.#compare(node, "there");
    if (!difference.data && !difference.acl) {
      this.report.unchanged++;
      return true;
    }
    if (conflict === "skip") {
      this.report.skipped++;
      return false;
    }
    if (conflict === "refuse") throw new CopyError("not-empty", `There is a node at ${path} already.`);
    try {
      if (difference.data) await insist(this.#client, signal, () => this.#client.set(path, data));
      if (difference.acl) await insist(this.#client, signal, () => this.#client.setAcl(path, acl));
    } catch (error) {
      throw refused(node, error);
    }
    this.report.overwritten++;
    return true;
  }

  async #verify(nodes: readonly TreeNode[]): Promise<void> {
    const differences = await Promise.all(nodes.map((node) => this.#compare(node, "written")));
    for (const [at, { data, acl }] of differences.entries()) {
      if (!data && !acl) this.report.verified++;
      else if (this.report.different.length < differentMax) this.report.different.push(nodes[at]?.path ?? "");
    }
  }

  /** `written`: just now, by us; `there`: whoever wrote it. @throws CopyError `unreadable` */
  async #compare(
    { path, data, acl }: TreeNode,
    state: "written" | "there",
  ): Promise<{ readonly data: boolean; readonly acl: boolean }> {
    const { signal } = this.#options;
    try {
      const [there, theirs] = await insist(this.#client, signal, () =>
        Promise.all([this.#client.get(path), this.#client.getAcl(path)]),
      );
      const isOtherAcl = aclText(theirs.acl) !== aclText(acl);
      if (isOtherAcl && state === "written" && hasHiddenIds(theirs.acl)) throw hidden(path);
      return { data: !sameBytes(there.data, data), acl: isOtherAcl };
    } catch (error) {
      if (isCoordinationError(error, "NoNode")) return { data: true, acl: true };
      if (isCoordinationError(error, "NoAuth")) throw unreadable(path, state, error);
      throw refused({ path }, error);
    }
  }
}

function isInterrupted(error: unknown): boolean {
  return isCoordinationError(error, "ConnectionLoss") || isCoordinationError(error, "SessionExpired");
}

function sameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b;
  return Buffer.compare(a, b) === 0;
}

function modeOf(kind: NodeKind): Pick<CreateOptions, "mode" | "ttlMs"> {
  if (kind === "persistent") return {};
  return kind === "container" ? { mode: "container" } : { mode: "persistentWithTtl", ttlMs: kind.ttlMs };
}

function groupsOf(nodes: readonly TreeNode[]): TreeNode[][] {
  const groups: TreeNode[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const node of nodes) {
    const ids = node.acl.reduce((sum, { id }) => sum + id.scheme.length + id.id.length + 16, 0);
    const own = overheadBytes + Buffer.byteLength(node.path) + (node.data?.length ?? 0) + ids;
    const last = groups.at(-1);
    if (last === undefined || bytes + own > transactionBytesMax || last.length >= transactionOperationsMax) {
      groups.push([node]);
      bytes = own;
    } else {
      last.push(node);
      bytes += own;
    }
  }
  return groups;
}

const remedies: Readonly<Record<string, string>> = {
  NoAuth: "Show the target credentials that may write there, best those of its superuser.",
  InvalidAcl: "The target does not know a scheme of its access list, or an id of it: set that scheme up there first.",
  Unimplemented: "The target has no nodes with a time to live: switch them on there (extendedTypesEnabled).",
  QuotaExceeded: "Raise the quota at the target first.",
};

const readRemedy = "Show the target credentials that may, best those of its superuser";

function unreadable(path: string, state: "written" | "there", cause: unknown): CopyError {
  const message =
    state === "written"
      ? `${path} was written, but could not be read back to be compared: its access list does not let this user read it. ` +
        `${readRemedy}, and copy again with --on-conflict overwrite.`
      : `There is a node at ${path} already, which this user may not read, so that nobody can say whether it is the same. ` +
        `${readRemedy}.`;
  return new CopyError("unreadable", message, { cause });
}

function hidden(path: string): CopyError {
  return new CopyError(
    "unreadable",
    `${path} was written, but its access list could not be compared: the server hides it from who has no ADMIN permission ` +
      "there. Show the target credentials that have it, best those of its superuser, and copy again with --on-conflict overwrite.",
  );
}

function refused({ path, acl = [] }: Pick<TreeNode, "path"> & Partial<TreeNode>, error: unknown): unknown {
  if (!isCoordinationError(error)) return error;
  const remedy = remedies[error.code];
  if (remedy === undefined) return error;
  const schemes = new Set(acl.map(({ id }) => id.scheme));
  const code = error.code === "InvalidAcl" ? `${error.code}: ${[...schemes].join(", ")}` : error.code;
  return new CopyError("unwritable", `${path} could not be copied (${code}). ${remedy}`, { cause: error });
}
