/** How many requests a frame counts for when the work of a turn is bounded. */
import { OpCode } from "@corral/protocol";

/** What the shortest part of a list takes, bytes. */
const leastPartBytes = 15;

/** A list counts for as many as it can have parts, each of which has to be looked at: how many it has is known too late. */
export function requestWeight(frame: Buffer): number {
  if (frame.length < 8) return 1;
  const type = frame.readInt32BE(4);
  return type === OpCode.multi || type === OpCode.multiRead ? Math.ceil(frame.length / leastPartBytes) : 1;
}
