/**
 * In a transaction the flags of a create say what it makes, whichever of the operations it is: that is how the reference has
 * it. (By itself, a create is what its operation says.) It is settled before the transaction is proposed, so that the log has
 * operations that mean one thing, and one that was written before is applied as it was.
 */
import {
  CreateMode,
  type CreateRequest,
  DecodeError,
  hasTtl,
  isCreateMode,
  type MultiOperation,
  OpCode,
  operations,
  Writer,
} from "@corral/protocol";
import type { Operation } from "../state/operation.ts";

/** A transaction in other words, and the bytes that say so. */
export interface SettledTransaction {
  readonly operation: Operation;
  readonly wireBody: Uint8Array;
}

/**
 * What to propose instead of the operation, which came in so many bytes; undefined, as nearly always, if it says what its flags
 * say. @throws DecodeError when it would take more bytes than it came in, which may be more than the log takes.
 */
export function settledCreates(operation: Operation, bodyBytes: number): SettledTransaction | undefined {
  if (operation.type !== OpCode.multi || operation.request.every((part) => settled(part) === part)) return undefined;
  const request = operation.request.map(settled);
  const writer = new Writer();
  operations.multi.request.write(writer, request);
  const wireBody = writer.take();
  if (wireBody.length > bodyBytes) throw new DecodeError("text that is not UTF-8", 0);
  return { operation: { type: OpCode.multi, request }, wireBody };
}

function settled(part: MultiOperation): MultiOperation {
  switch (part.type) {
    case OpCode.create:
    case OpCode.create2:
      return part.flags === CreateMode.container ? { type: OpCode.createContainer, ...plain(part) } : part;
    case OpCode.createContainer:
      // With flags that nobody knows, or of a time to live that it has not, it is refused as it is.
      if (part.flags === CreateMode.container || !isCreateMode(part.flags) || hasTtl(part.flags)) return part;
      return { type: OpCode.create, ...plain(part) };
    case OpCode.createTTL:
      if (part.flags === CreateMode.container) return { type: OpCode.createContainer, ...plain(part) };
      return !isCreateMode(part.flags) || hasTtl(part.flags) ? part : { type: OpCode.create, ...plain(part) };
    default:
      return part;
  }
}

function plain({ path, data, acl, flags }: CreateRequest): CreateRequest {
  return { path, data, acl, flags };
}
