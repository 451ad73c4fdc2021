/** Reads that may go through very many nodes and send nothing: what they take shows only when they are done. */
import { OpCode } from "@corral/protocol";

/** Whether the request is such a read. Others have their turn before what comes behind it, and few wait in one connection. */
export function isLongRead(frame: Buffer): boolean {
  if (frame.length < 8) return false;
  const type = frame.readInt32BE(4);
  return type === OpCode.getEphemerals || type === OpCode.multiRead;
}
