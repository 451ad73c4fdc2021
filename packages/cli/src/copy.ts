/** Whole trees, from one ensemble to another, or from a dump: what is done in which order, and what came of it. */
import type { Client } from "@corral/client";
import { CopyError } from "./copy-error.ts";
import type { OpenDump } from "./dump/dump.ts";
import { prefetched } from "./prefetched.ts";
import { type CounterPolicy, Counters, raiseCounter } from "./tree/counters.ts";
import { TreeSum } from "./tree/digest.ts";
import { excludedPaths, type LeftOut, nothingLeftOut, type ReadTreeOptions, readTree } from "./tree/read-tree.ts";
import type { TreeNode } from "./tree/tree-node.ts";
import { type ConflictPolicy, TreeWriter, type WriteReport } from "./tree/write-tree.ts";
import { requireLargerTokens, shownZxid, type TokenOptions } from "./zxid-order.ts";

/** How far a copy is. */
export interface CopyProgress {
  readonly phase: "nodes" | "counters";
  readonly nodes: number;
  readonly bytes: number;
}

/** How to write a tree. */
export interface LoadOptions extends TokenOptions {
  /** What to do about nodes that are there already. Default: refuse unless the target is empty. */
  readonly conflict?: ConflictPolicy | undefined;
  /** Default `sequential`. */
  readonly counters?: CounterPolicy | undefined;
  /** Reads all of it, looks whether it could be written, and writes nothing. */
  readonly dryRun?: boolean | undefined;
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How to copy a tree. */
export interface CopyOptions extends LoadOptions, ReadTreeOptions {}

/** What was copied. */
export interface CopyReport extends Readonly<WriteReport> {
  /** Nodes that the source has. */
  readonly nodes: number;
  /** Of their data. */
  readonly bytes: number;
  /** Of what the source has; see tree/digest.ts. */
  readonly digest: string;
  /** Nodes whose counters were moved on. */
  readonly counters: number;
  /** The newest that the source had shown when the copy began. */
  readonly sourceZxid: bigint;
  /** The newest that the target had shown when all was written. */
  readonly targetZxid: bigint;
}

/**
 * Copies the tree that `from` sees to where `to` sees its own: data, access lists, counters of sequential nodes. Ephemeral
 * nodes, versions, times and zxids are not copied, for a client cannot. Every node is read back and compared.
 * @throws CopyError, CoordinationError
 */
export async function copyTree(from: Client, to: Client, options: CopyOptions = {}): Promise<CopyReport & LeftOut> {
  const leftOut = nothingLeftOut();
  const nodes = readTree(from, options, leftOut);
  const report = await write(nodes, () => shownZxid(from), to, options);
  return { ...report, ...leftOut };
}

/** The same from a dump; see `openDump`. @throws CopyError, CoordinationError */
export async function loadTree(dump: OpenDump, to: Client, options: LoadOptions = {}): Promise<CopyReport> {
  return await write(dump.nodes, () => Promise.resolve(dump.header.zxid), to, options);
}

async function write(
  batches: AsyncIterable<readonly TreeNode[]>,
  sourceZxid: () => Promise<bigint>,
  to: Client,
  options: LoadOptions,
): Promise<CopyReport> {
  const { conflict = "refuse", counters: policy = "sequential", dryRun = false, onProgress, signal } = options;
  const before = await sourceZxid();
  if (conflict === "refuse") await requireEmpty(to);
  // What is going to be raised need not be large enough yet.
  if (!dryRun || options.raise === undefined) await requireLargerTokens(to, before, options);
  if (!dryRun) await to.ensurePath("/");
  const writer = new TreeWriter(to, { conflict, signal });
  const counters = new Counters(policy);
  const sum = new TreeSum();
  const tell = (phase: CopyProgress["phase"]) => onProgress?.({ phase, nodes: sum.nodes, bytes: sum.bytes });
  for await (const nodes of prefetched(batches)) {
    signal?.throwIfAborted();
    for (const node of nodes) {
      sum.add(node);
      counters.add(node);
    }
    if (!dryRun) await writer.write(nodes);
    tell("nodes");
  }
  let raised = 0;
  if (!dryRun) {
    for (const [path, wanted] of counters) {
      if ((await raiseCounter(to, path, wanted, signal)) > 0) raised++;
      tell("counters");
    }
    await writer.finish();
    // The source may have gone on.
    await requireLargerTokens(to, await sourceZxid(), options);
  }
  const { nodes, bytes, digest } = sum;
  const targetZxid = await shownZxid(to);
  const { report } = writer;
  if (report.different.length > 0) {
    const some = report.different.join(", ");
    throw new CopyError(
      "different",
      `The target is not as the source was; somebody else writes there. Nodes: ${some}.`,
    );
  }
  return { ...report, nodes, bytes, digest, counters: raised, sourceZxid: before, targetZxid };
}

async function requireEmpty(to: Client): Promise<void> {
  if ((await to.exists("/")) === undefined) return;
  const system = excludedPaths(to);
  const there = (await to.children("/")).filter((name) => !system.includes(`/${name}`));
  if (there.length === 0) return;
  throw new CopyError(
    "not-empty",
    `The target has nodes already (${there.slice(0, 3).join(", ")}${there.length > 3 ? ", …" : ""}). Choose an empty one, a ` +
      "chroot of its own behind the address (host:2181/new), or say what shall become of them: --on-conflict overwrite or skip.",
  );
}
