/** Reads that may go through very many nodes and send nothing: what they take shows only when they are done. */
import { OpCode } from "@corral/protocol";

/** What one connection may have waiting of them, all together: when that is exceeded, it is not read. */
export const mostLongReads = 16;

/**
 * What the request counts as such a read; 0: it is none. Others have their turn before what comes behind one. Those that go through all
 * ephemeral nodes of a session, whatever they ask for, do not wait in numbers: they are answered in one go.
 */
export function longReadWeight(frame: Buffer): number {
  if (frame.length < 8) return 0;
  const type = frame.readInt32BE(4);
  return type === OpCode.getEphemerals ? mostLongReads : type === OpCode.multiRead ? 1 : 0;
}
