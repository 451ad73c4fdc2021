/** A tree to a dump and back; the format stands in dump-format.ts. Both stream: a dump may be longer than memory. */
import type { Client } from "@corral/client";
import { crc32 } from "@corral/io";
import { CopyError } from "../copy-error.ts";
import { TreeSum } from "../tree/digest.ts";
import { type LeftOut, nothingLeftOut, type ReadTreeOptions, readTree } from "../tree/read-tree.ts";
import type { TreeNode } from "../tree/tree-node.ts";
import { shownZxid } from "../zxid-order.ts";
import { type DumpEnd, type DumpHeader, decodeLine, encodeEnd, encodeHeader, encodeNode } from "./dump-format.ts";

/** What was dumped. */
export interface DumpReport extends DumpEnd, LeftOut {}

/** Gives the text of a dump of the tree that `client` sees, in pieces; at the end what is in it. @throws CopyError */
export async function* dumpTree(
  client: Client,
  options: ReadTreeOptions & { readonly onProgress?: (nodes: number) => void } = {},
): AsyncGenerator<string, DumpReport> {
  const sum = new TreeSum();
  const leftOut = nothingLeftOut();
  let checksum = 0;
  const counted = (text: string): string => {
    checksum = crc32(Buffer.from(text), checksum);
    return text;
  };
  const root = client.chroot === "" ? "/" : client.chroot;
  yield counted(encodeHeader({ root, zxid: await shownZxid(client), madeAtMs: client.clock.wallMs() }));
  for await (const nodes of readTree(client, options, leftOut)) {
    for (const node of nodes) sum.add(node);
    yield counted(nodes.map(encodeNode).join(""));
    options.onProgress?.(sum.nodes);
  }
  const { nodes, bytes, digest } = sum;
  const end: DumpEnd = { nodes, bytes, digest, crc32: checksum.toString(16).padStart(8, "0") };
  yield encodeEnd(end);
  return { ...end, ...leftOut };
}

/** What a dump begins with, and its nodes. */
export interface OpenDump {
  readonly header: DumpHeader;
  /** Throws CopyError `bad-dump` at its end if the dump is not whole. */
  readonly nodes: AsyncIterable<readonly TreeNode[]>;
}

const nodesAtOnce = 512;
const bytesAtOnce = 16 << 20;
/** A node of the longest request that servers can be told to take, as base64. */
const lineLengthMax = 64 << 20;

/** Reads a dump from its bytes. @throws CopyError `bad-dump` */
export async function openDump(bytes: AsyncIterable<Uint8Array>): Promise<OpenDump> {
  const lines = linesOf(bytes);
  const first = await lines.next();
  const line = first.done === true ? undefined : decodeLine(first.value.text, 1);
  if (line?.type !== "header") throw new CopyError("bad-dump", "This is no dump: its first line does not say so.");
  return { header: line.header, nodes: nodesOf(lines) };
}

/** Reads a dump to its end, and tells whether it is whole. @throws CopyError `bad-dump` */
export async function checkDump(
  bytes: AsyncIterable<Uint8Array>,
): Promise<DumpHeader & { readonly nodeCount: number }> {
  const { header, nodes } = await openDump(bytes);
  let nodeCount = 0;
  for await (const some of nodes) nodeCount += some.length;
  return { ...header, nodeCount };
}

async function* nodesOf(lines: AsyncGenerator<Line>): AsyncGenerator<readonly TreeNode[]> {
  const sum = new TreeSum();
  let nodes: TreeNode[] = [];
  let bytes = 0;
  for await (const { text, number, checksumBefore } of lines) {
    const line = decodeLine(text, number);
    if (line.type === "header") throw new CopyError("bad-dump", `Line ${number} begins a second dump.`);
    if (line.type === "end") {
      if (nodes.length > 0) yield nodes;
      requireSame(line.end, sum, checksumBefore);
      if ((await lines.next()).done !== true)
        throw new CopyError("bad-dump", "Something follows the dump's last line.");
      return;
    }
    sum.add(line.node);
    nodes.push(line.node);
    bytes += line.node.data?.length ?? 0;
    if (nodes.length < nodesAtOnce && bytes < bytesAtOnce) continue;
    yield nodes;
    nodes = [];
    bytes = 0;
  }
  throw new CopyError("bad-dump", "The dump breaks off: its last line is missing.");
}

function requireSame(end: DumpEnd, sum: TreeSum, checksum: number): void {
  const found = { nodes: sum.nodes, bytes: sum.bytes, digest: sum.digest };
  if (Number.parseInt(end.crc32, 16) !== checksum) {
    throw new CopyError("bad-dump", "The dump's checksum is wrong: it was damaged, or somebody changed it.");
  }
  for (const key of ["nodes", "bytes", "digest"] as const) {
    if (end[key] === found[key]) continue;
    throw new CopyError("bad-dump", `The dump's last line says ${key} ${end[key]}, but it has ${found[key]}.`);
  }
}

interface Line {
  readonly text: string;
  readonly number: number;
  /** Of all bytes before the line. */
  readonly checksumBefore: number;
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  let parts: Buffer[] = [];
  let length = 0;
  let number = 0;
  let checksum = 0;
  for await (const chunk of chunks) {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      const bytes = Buffer.concat([...parts, rest.subarray(0, end + 1)]);
      parts = [];
      length = 0;
      number++;
      yield { text: bytes.toString("utf8", 0, bytes.length - 1), number, checksumBefore: checksum };
      checksum = crc32(bytes, checksum);
      rest = rest.subarray(end + 1);
    }
    length += rest.length;
    if (length > lineLengthMax)
      throw new CopyError("bad-dump", `Line ${number + 1} is longer than any line of a dump.`);
    if (rest.length > 0) parts.push(rest);
  }
  if (parts.length > 0) {
    throw new CopyError("bad-dump", `The dump breaks off in line ${number + 1}.`);
  }
}
