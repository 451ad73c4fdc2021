/** A node's metadata as the public API shows it. */
import type { WireStat } from "@corral/protocol";

/** Metadata of a node. zxids and session ids are `bigint`: all 64 bits count. */
export interface Stat {
  /** zxid of the create: unique to this incarnation of the node, and it grows. A fencing token. */
  readonly czxid: bigint;
  /** zxid of the last change of the data. */
  readonly mzxid: bigint;
  /** zxid of the last create or delete of a direct child. */
  readonly pzxid: bigint;
  /** When it was created, ms since 1970 by the server's clock. */
  readonly ctimeMs: number;
  /** When its data last changed, ms since 1970 by the server's clock. */
  readonly mtimeMs: number;
  /** Number of data changes since the create; starts at 0 again when the node is recreated. */
  readonly version: number;
  /** Number of creates and deletes of direct children. */
  readonly cversion: number;
  /** Number of changes of the access control list. */
  readonly aversion: number;
  /** The session that owns an ephemeral node, 0 for all others. */
  readonly ephemeralOwner: bigint;
  /** Bytes of data. */
  readonly dataLength: number;
  readonly numChildren: number;
}

/** The public form of a stat from the wire. */
export function publicStat(stat: WireStat): Stat {
  return {
    czxid: BigInt(stat.czxid),
    mzxid: BigInt(stat.mzxid),
    pzxid: BigInt(stat.pzxid),
    ctimeMs: stat.ctime,
    mtimeMs: stat.mtime,
    version: stat.version,
    cversion: stat.cversion,
    aversion: stat.aversion,
    ephemeralOwner: stat.ephemeralOwner,
    dataLength: stat.dataLength,
    numChildren: stat.numChildren,
  };
}
