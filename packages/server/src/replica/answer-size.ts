/** How long the answer to a read is going to be: so much has to be kept if its connection does not take it. */
import { DecodeError, type Id, OpCode, operations, Reader } from "@corral/protocol";
import type { DataTree } from "../state/data-tree.ts";
import type { Connection } from "./connection.ts";
import type { RequestQueue } from "./request-queue.ts";

/** Of an answer without data and lists: its headers and a Stat. */
const leastAnswerBytes = 100;
/** Of a child's name, with its length, as they mostly are. */
const nameBytes = 24;
/** Of a list of which nobody knows how long it is. */
const unknownListBytes = 32 << 10;

/** Who asks: what the answer is about, if it is about him, and what of his is under way. */
type Asking = Pick<Connection, "identityText"> & { readonly queue: Pick<RequestQueue, "longestWrite"> };

/**
 * About as many bytes as the answer would have now, where data and lists are as long as the longest write that is under way on the same
 * connection: it may have made them so. Never throws: a request that cannot be read has a short answer.
 */
export function answerSize(tree: DataTree, frame: Buffer, asking: Asking): number {
  return leastAnswerBytes + contentSize(tree, frame, asking);
}

function contentSize(tree: DataTree, frame: Buffer, asking: Asking): number {
  const leastBytes = asking.queue.longestWrite;
  switch (frame.readInt32BE(4)) {
    case OpCode.getData:
      return Math.max(leastBytes, nodeOf(tree, frame)?.dataLength ?? 0);
    case OpCode.getChildren:
    case OpCode.getChildren2:
      return Math.max(leastBytes, nameBytes * (nodeOf(tree, frame)?.childCount ?? 0));
    case OpCode.getACL: {
      const acl = nodeOf(tree, frame)?.acl ?? [];
      return Math.max(
        leastBytes,
        acl.reduce((bytes, { id }) => bytes + entryBytes(id), 0),
      );
    }
    case OpCode.whoAmI:
      return 2 * asking.identityText;
    case OpCode.multiRead:
      return partsSize(tree, frame, leastBytes);
    case OpCode.getEphemerals:
      return unknownListBytes;
    default:
      return 0;
  }
}

/** The node whose path stands first in the request. */
function nodeOf(tree: DataTree, frame: Buffer) {
  if (frame.length < 12) return undefined;
  return tree.get(frame.toString("utf8", 12, 12 + frame.readInt32BE(8)));
}

/** Of an entry of an access list: its permissions, and two texts with their lengths. */
function entryBytes({ scheme, id }: Id): number {
  return 12 + scheme.length + id.length;
}

function partsSize(tree: DataTree, frame: Buffer, leastBytes: number): number {
  try {
    return operations.multiRead.request.read(new Reader(frame, 8)).reduce((bytes, { type, path }) => {
      const node = tree.get(path);
      const now = type === OpCode.getData ? node?.dataLength : nameBytes * (node?.childCount ?? 0);
      return bytes + leastAnswerBytes + Math.max(leastBytes, now ?? 0);
    }, 0);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return 0;
  }
}
