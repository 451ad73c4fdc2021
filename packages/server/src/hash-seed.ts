/** Where paths fall in a tree's index (state/path-index.ts) must be unknown to whoever chooses the paths. */
import { nodeRandom, type Random } from "@corral/io";

/** 32 bits that nobody can guess. A snapshot's paths are clients', wherever it is read: in a server, or by a command. */
export function newHashSeed(random: Random = nodeRandom): number {
  return Buffer.from(random.bytes(4)).readInt32LE();
}
