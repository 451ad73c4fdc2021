/** One node of the tree: data, access list, children and the numbers that Stat shows. */
import type { Acl, WireStat } from "@corral/protocol";

/** What ends a node's life besides a delete. */
export type Lifetime =
  | { readonly kind: "persistent" }
  | { readonly kind: "ephemeral"; readonly owner: bigint }
  | { readonly kind: "container" }
  | { readonly kind: "ttl"; readonly ttlMs: number };

/** The lifetime of a node that only a delete ends. */
export const persistentLifetime: Lifetime = { kind: "persistent" };
/** The lifetime of a container: it goes some time after its last child. */
export const containerLifetime: Lifetime = { kind: "container" };

/** A node; its path is known to the tree only. */
export class Znode {
  data: Buffer | null;
  acl: readonly Acl[];
  readonly lifetime: Lifetime;
  readonly czxid: number;
  readonly ctimeMs: number;
  mzxid: number;
  mtimeMs: number;
  pzxid: number;
  version = 0;
  aversion = 0;
  /** Creates ever done below this node; the source of sequence numbers. `cversion` of Stat also counts deletes. */
  childCreates = 0;
  /** Names of the children; absent while there are none, for most nodes are leaves. */
  children: Set<string> | undefined;
  /** The last snapshot that has this node; see `DataTree.snapshot`. */
  snapshotMark = 0;

  constructor(init: {
    readonly data: Buffer | null;
    readonly acl: readonly Acl[];
    readonly lifetime: Lifetime;
    readonly zxid: number;
    readonly timeMs: number;
  }) {
    this.data = init.data;
    this.acl = init.acl;
    this.lifetime = init.lifetime;
    this.czxid = init.zxid;
    this.mzxid = init.zxid;
    this.pzxid = init.zxid;
    this.ctimeMs = init.timeMs;
    this.mtimeMs = init.timeMs;
  }

  get childCount(): number {
    return this.children === undefined ? 0 : this.children.size;
  }

  /** Session that owns the node; 0 unless it is ephemeral. */
  get ephemeralOwner(): bigint {
    return this.lifetime.kind === "ephemeral" ? this.lifetime.owner : 0n;
  }

  /** A node with the same numbers and bytes, for a snapshot that must not see what comes next. */
  copy(): Znode {
    const copy = new Znode({
      data: this.data,
      acl: this.acl,
      lifetime: this.lifetime,
      zxid: this.czxid,
      timeMs: this.ctimeMs,
    });
    copy.mzxid = this.mzxid;
    copy.mtimeMs = this.mtimeMs;
    copy.pzxid = this.pzxid;
    copy.version = this.version;
    copy.aversion = this.aversion;
    copy.childCreates = this.childCreates;
    return copy;
  }

  /** The metadata as clients see it. */
  stat(): WireStat {
    const numChildren = this.childCount;
    return {
      czxid: this.czxid,
      mzxid: this.mzxid,
      ctime: this.ctimeMs,
      mtime: this.mtimeMs,
      version: this.version,
      // Visible cversion counts creates and deletes: creates + (creates − children still there). 32 bits, as versions are.
      cversion: (2 * this.childCreates - numChildren) | 0,
      aversion: this.aversion,
      ephemeralOwner: this.ephemeralOwner,
      dataLength: this.data === null ? 0 : this.data.length,
      numChildren,
      pzxid: this.pzxid,
    };
  }
}
