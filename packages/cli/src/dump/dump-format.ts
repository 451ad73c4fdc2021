/**
 * A dump: one tree as text, a JSON object a line, so that people and their tools can read it.
 *
 *     {"corral":"dump","version":1,"root":"/app","zxid":"0x500000003","madeAt":"2026-11-28T23:00:00.000Z"}
 *     {"path":"/","acl":["cdrwa world:anyone"],"creates":1}
 *     {"path":"/a","data":"text","creates":12}
 *     {"path":"/a/b","base64":"/w==","kind":"container"}
 *     {"path":"/a/c","data":"","kind":{"ttlMs":60000}}
 *     {"end":true,"nodes":4,"bytes":5,"digest":"…","crc32":"1a2b3c4d"}
 *
 * Paths are below the root of the dump; a parent stands before its children. `data` is there when the bytes are valid
 * UTF-8, `base64` when they are not, neither when there is no data. Without `acl` everybody may do everything; letters
 * are those of zkCli, and bits that have none follow them, as in `rw+0x60 world:anyone`. `creates` is the next sequence
 * number. Ephemeral nodes are not in it. `zxid` is the newest that the source had shown when the dump began. `digest` is
 * that of tree/digest.ts, `crc32` that of all bytes before the last line.
 */
import { type Acl, openAcl } from "@corral/client";
import { CopyError } from "../copy-error.ts";
import { aclText } from "../tree/digest.ts";
import type { NodeKind, TreeNode } from "../tree/tree-node.ts";
import { aclEntryText, parseAclEntry } from "./acl-text.ts";

/** The version that is written, and the only one that is read. */
export const dumpVersion = 1;

/** The first line. */
export interface DumpHeader {
  /** Where the tree's root was at the source; for people. */
  readonly root: string;
  /** The newest zxid that the source had shown. */
  readonly zxid: bigint;
  /** When it was made, ms since 1970. */
  readonly madeAtMs: number;
}

/** The last line. */
export interface DumpEnd {
  readonly nodes: number;
  /** Of data. */
  readonly bytes: number;
  readonly digest: string;
  /** Of all bytes before this line, 8 hexadecimal digits. */
  readonly crc32: string;
}

/** A line with its line feed. */
export function encodeHeader({ root, zxid, madeAtMs }: DumpHeader): string {
  const madeAt = new Date(madeAtMs).toISOString();
  return line({ corral: "dump", version: dumpVersion, root, zxid: `0x${zxid.toString(16)}`, madeAt });
}

/** A line with its line feed. */
export function encodeNode({ path, data, acl, kind, childCreates }: TreeNode): string {
  const bytes = data === null ? undefined : Buffer.from(data);
  const text = bytes?.toString("utf8");
  const isText = bytes !== undefined && Buffer.from(text ?? "").equals(bytes);
  return line({
    path,
    ...(bytes === undefined ? {} : isText ? { data: text } : { base64: bytes.toString("base64") }),
    ...(aclText(acl) === aclText(openAcl) ? {} : { acl: acl.map(aclEntryText) }),
    ...(kind === "persistent" ? {} : { kind }),
    ...(childCreates === 0 ? {} : { creates: childCreates }),
  });
}

/** A line with its line feed. */
export function encodeEnd(end: DumpEnd): string {
  return line({ end: true, ...end });
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

/** What a line says. */
export type DumpLine =
  | { readonly type: "header"; readonly header: DumpHeader }
  | { readonly type: "node"; readonly node: TreeNode }
  | { readonly type: "end"; readonly end: DumpEnd };

/** @throws CopyError `bad-dump`, naming the line */
export function decodeLine(text: string, number: number): DumpLine {
  const bad = (why: string, cause?: unknown) =>
    new CopyError("bad-dump", `Line ${number} of the dump ${why}.`, { cause });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw bad("is not JSON: it is damaged, or this is no dump", error);
  }
  if (typeof value !== "object" || value === null) throw bad("is not a JSON object");
  const fields = value as Readonly<Record<string, unknown>>;
  if (fields.corral === "dump") {
    const { version, root, zxid, madeAt } = fields;
    if (version !== dumpVersion) throw bad(`says version ${String(version)}; this program knows ${dumpVersion}`);
    if (typeof root !== "string" || typeof zxid !== "string" || !/^0x[0-9a-f]{1,16}$/.test(zxid)) {
      throw bad("has no root or no zxid");
    }
    return { type: "header", header: { root, zxid: BigInt(zxid), madeAtMs: Date.parse(String(madeAt)) } };
  }
  if (fields.end === true) {
    const { nodes, bytes, digest, crc32 } = fields;
    if (typeof nodes !== "number" || typeof bytes !== "number") throw bad("has no counts");
    return { type: "end", end: { nodes, bytes, digest: String(digest), crc32: String(crc32) } };
  }
  return { type: "node", node: decodeNode(fields, bad) };
}

function decodeNode(fields: Readonly<Record<string, unknown>>, bad: (why: string) => CopyError): TreeNode {
  const { path, data, base64, acl, kind = "persistent", creates = 0 } = fields;
  if (typeof path !== "string" || !path.startsWith("/")) throw bad("has no path");
  if (typeof creates !== "number" || !Number.isSafeInteger(creates)) throw bad("has a counter that is no number");
  if (!isKind(kind)) throw bad("has a kind that is not known");
  return { path, data: dataOf(data, base64), acl: aclOf(acl, bad), kind, childCreates: creates };
}

function dataOf(data: unknown, base64: unknown): Uint8Array | null {
  if (typeof data === "string") return Buffer.from(data, "utf8");
  return typeof base64 === "string" ? Buffer.from(base64, "base64") : null;
}

function aclOf(acl: unknown, bad: (why: string) => CopyError): readonly Acl[] {
  if (acl === undefined) return openAcl;
  if (!Array.isArray(acl)) throw bad("has an access list that is no list");
  return acl.map((entry: unknown) => {
    const parsed = typeof entry === "string" ? parseAclEntry(entry) : undefined;
    if (parsed === undefined) throw bad(`has an access list with ${JSON.stringify(entry)} in it`);
    return parsed;
  });
}

function isKind(kind: unknown): kind is NodeKind {
  if (kind === "persistent" || kind === "container") return true;
  return typeof kind === "object" && kind !== null && "ttlMs" in kind && Number.isSafeInteger(kind.ttlMs);
}
