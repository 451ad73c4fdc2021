/** Records that others are made of. */
import type { Codec } from "../codec.ts";

/** Who: `world:anyone`, `digest:user:hash`, `ip:10.0.0.0/8`, … */
export interface Id {
  readonly scheme: string;
  readonly id: string;
}

/** class Id { ustring scheme; ustring id; } */
export const idCodec: Codec<Id> = {
  write(w, v) {
    w.string(v.scheme);
    w.string(v.id);
  },
  read: (r) => ({ scheme: r.string(), id: r.string() }),
};

/** What somebody may do: `perms` is a sum of `Permission` bits. */
export interface Acl {
  readonly perms: number;
  readonly id: Id;
}

/** class ACL { int perms; Id id; } */
export const aclCodec: Codec<Acl> = {
  write(w, v) {
    w.int(v.perms);
    idCodec.write(w, v.id);
  },
  read: (r) => ({ perms: r.int(), id: idCodec.read(r) }),
};

/** A node's metadata as it travels. zxids and times are exact numbers, the owner is a session id of 64 bits. */
export interface WireStat {
  /** zxid of the create. */
  readonly czxid: number;
  /** zxid of the last setData. */
  readonly mzxid: number;
  /** Wall-clock time of the create, ms since 1970. */
  readonly ctime: number;
  /** Wall-clock time of the last setData, ms since 1970. */
  readonly mtime: number;
  /** Number of setData since the create. */
  readonly version: number;
  /** Number of creates and deletes of direct children. */
  readonly cversion: number;
  /** Number of setACL. */
  readonly aversion: number;
  /** Session that owns the node, 0 unless it is ephemeral. */
  readonly ephemeralOwner: bigint;
  /** Bytes of data. */
  readonly dataLength: number;
  readonly numChildren: number;
  /** zxid of the last create or delete of a direct child. */
  readonly pzxid: number;
}

/** class Stat { long czxid; long mzxid; long ctime; long mtime; int version; int cversion; int aversion; long ephemeralOwner; int dataLength; int numChildren; long pzxid; } */
export const statCodec: Codec<WireStat> = {
  write(w, v) {
    w.long(v.czxid);
    w.long(v.mzxid);
    w.long(v.ctime);
    w.long(v.mtime);
    w.int(v.version);
    w.int(v.cversion);
    w.int(v.aversion);
    w.bigLong(v.ephemeralOwner);
    w.int(v.dataLength);
    w.int(v.numChildren);
    w.long(v.pzxid);
  },
  read: (r) => ({
    czxid: r.long(),
    mzxid: r.long(),
    ctime: r.long(),
    mtime: r.long(),
    version: r.int(),
    cversion: r.int(),
    aversion: r.int(),
    ephemeralOwner: r.bigLong(),
    dataLength: r.int(),
    numChildren: r.int(),
    pzxid: r.long(),
  }),
};

/** class StatPersisted { long czxid; long mzxid; long ctime; long mtime; int version; int cversion; int aversion; long ephemeralOwner; long pzxid; } */
export const statPersistedCodec: Codec<Omit<WireStat, "dataLength" | "numChildren">> = {
  write(w, v) {
    w.long(v.czxid);
    w.long(v.mzxid);
    w.long(v.ctime);
    w.long(v.mtime);
    w.int(v.version);
    w.int(v.cversion);
    w.int(v.aversion);
    w.bigLong(v.ephemeralOwner);
    w.long(v.pzxid);
  },
  read: (r) => ({
    czxid: r.long(),
    mzxid: r.long(),
    ctime: r.long(),
    mtime: r.long(),
    version: r.int(),
    cversion: r.int(),
    aversion: r.int(),
    ephemeralOwner: r.bigLong(),
    pzxid: r.long(),
  }),
};

/** One identity of a connection. */
export interface ClientInfo {
  readonly authScheme: string;
  readonly user: string;
}

/** class ClientInfo { ustring authScheme; ustring user; } */
export const clientInfoCodec: Codec<ClientInfo> = {
  write(w, v) {
    w.string(v.authScheme);
    w.string(v.user);
  },
  read: (r) => ({ authScheme: r.string(), user: r.string() }),
};
