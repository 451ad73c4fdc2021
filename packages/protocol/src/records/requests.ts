/**
 * Bodies of requests. A path that is null cannot be read where the reference can do nothing without one; where it takes null
 * for a path that names nothing, null reads as the empty string.
 */
import type { Codec } from "../codec.ts";
import { DecodeError } from "../decode-error.ts";
import { openAcl } from "../permissions.ts";
import type { Reader } from "../reader.ts";
import { readRequiredString, writeString } from "../strings.ts";
import { Writer } from "../writer.ts";
import type { Acl } from "./shared.ts";
import { aclCodec } from "./shared.ts";

const openAclBytes = writeAcls(openAcl);

function writeAcls(acls: readonly Acl[]): Buffer {
  const writer = new Writer();
  writer.vector(acls, aclCodec.write);
  return writer.take();
}

/** Nearly every list is the open one: to see that is quicker than to read it, and then all are the same list. */
function readAcls(reader: Reader): readonly Acl[] | null {
  return reader.skip(openAclBytes) ? openAcl : reader.nullableVector(aclCodec.read);
}

/** Paths of watches: a list, and in it paths, that must be there. */
function readPaths(reader: Reader): readonly string[] {
  const paths = reader.nullableVector(readRequiredString);
  if (paths === null) throw new DecodeError("null in the place of a list of paths", reader.offset - 4);
  return paths;
}

/** Of create, create2 and createContainer. */
export interface CreateRequest {
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[] | null;
  readonly flags: number;
}

/** class CreateRequest { ustring path; buffer data; vector<ACL> acl; int flags; } */
export const createRequestCodec: Codec<CreateRequest> = {
  write(w, v) {
    w.string(v.path);
    w.buffer(v.data);
    w.vector(v.acl, aclCodec.write);
    w.int(v.flags);
  },
  read: (r) => ({ path: r.requiredString(), data: r.buffer(), acl: readAcls(r), flags: r.int() }),
};

/** Of createTTL; `ttl` in ms. */
export interface CreateTtlRequest {
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[] | null;
  readonly flags: number;
  readonly ttl: number;
}

/** class CreateTtlRequest { ustring path; buffer data; vector<ACL> acl; int flags; long ttl; } */
export const createTtlRequestCodec: Codec<CreateTtlRequest> = {
  write(w, v) {
    w.string(v.path);
    w.buffer(v.data);
    w.vector(v.acl, aclCodec.write);
    w.int(v.flags);
    w.long(v.ttl);
  },
  read: (r) => ({
    path: r.requiredString(),
    data: r.buffer(),
    acl: readAcls(r),
    flags: r.int(),
    ttl: r.nearestLong(),
  }),
};

/** Version −1 means any, here and below. */
export interface DeleteRequest {
  readonly path: string;
  readonly version: number;
}

/** class DeleteRequest { ustring path; int version; } */
export const deleteRequestCodec: Codec<DeleteRequest> = {
  write(w, v) {
    w.string(v.path);
    w.int(v.version);
  },
  read: (r) => ({ path: r.requiredString(), version: r.int() }),
};

/** `watch` arms a data watch, whether the node exists or not. */
export interface ExistsRequest {
  readonly path: string;
  readonly watch: boolean;
}

/** class ExistsRequest { ustring path; boolean watch; } */
export const existsRequestCodec: Codec<ExistsRequest> = {
  write(w, v) {
    w.string(v.path);
    w.bool(v.watch);
  },
  read: (r) => ({ path: r.requiredString(), watch: r.bool() }),
};

/** `watch` arms a data watch if the node exists. */
export interface GetDataRequest {
  readonly path: string;
  readonly watch: boolean;
}

/** class GetDataRequest { ustring path; boolean watch; } */
export const getDataRequestCodec: Codec<GetDataRequest> = {
  write(w, v) {
    w.string(v.path);
    w.bool(v.watch);
  },
  read: (r) => ({ path: r.requiredString(), watch: r.bool() }),
};

/** Replaces the data, if the node has that version. */
export interface SetDataRequest {
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly version: number;
}

/** class SetDataRequest { ustring path; buffer data; int version; } */
export const setDataRequestCodec: Codec<SetDataRequest> = {
  write(w, v) {
    w.string(v.path);
    w.buffer(v.data);
    w.int(v.version);
  },
  read: (r) => ({ path: r.string(), data: r.buffer(), version: r.int() }),
};

/** Asks who may do what. */
export interface GetAclRequest {
  readonly path: string;
}

/** class GetAclRequest { ustring path; } */
export const getAclRequestCodec: Codec<GetAclRequest> = {
  write(w, v) {
    w.string(v.path);
  },
  read: (r) => ({ path: r.requiredString() }),
};

/** `version` is compared with aversion. */
export interface SetAclRequest {
  readonly path: string;
  readonly acl: readonly Acl[] | null;
  readonly version: number;
}

/** class SetAclRequest { ustring path; vector<ACL> acl; int version; } */
export const setAclRequestCodec: Codec<SetAclRequest> = {
  write(w, v) {
    w.string(v.path);
    w.vector(v.acl, aclCodec.write);
    w.int(v.version);
  },
  read: (r) => ({ path: r.string(), acl: readAcls(r), version: r.int() }),
};

/** Of getChildren and getChildren2. */
export interface GetChildrenRequest {
  readonly path: string;
  readonly watch: boolean;
}

/** class GetChildrenRequest { ustring path; boolean watch; } */
export const getChildrenRequestCodec: Codec<GetChildrenRequest> = {
  write(w, v) {
    w.string(v.path);
    w.bool(v.watch);
  },
  read: (r) => ({ path: r.requiredString(), watch: r.bool() }),
};

/** Asks to be answered once all earlier writes are applied here. The path need not exist, nor be one. */
export interface SyncRequest {
  readonly path: string | null;
}

/** class SyncRequest { ustring path; } */
export const syncRequestCodec: Codec<SyncRequest> = {
  write(w, v) {
    w.string(v.path);
  },
  read: (r) => ({ path: r.nullableString() }),
};

/** Within a multi: fails it unless the node exists and has that version. */
export interface CheckVersionRequest {
  readonly path: string;
  readonly version: number;
}

/** class CheckVersionRequest { ustring path; int version; } */
export const checkVersionRequestCodec: Codec<CheckVersionRequest> = {
  write(w, v) {
    w.string(v.path);
    w.int(v.version);
  },
  read: (r) => ({ path: r.requiredString(), version: r.int() }),
};

/** Servers separated by commas or newlines; null when unused; `curConfigId` −1 means any. */
export interface ReconfigRequest {
  readonly joiningServers: string | null;
  readonly leavingServers: string | null;
  readonly newMembers: string | null;
  readonly curConfigId: number;
}

/** class ReconfigRequest { ustring joiningServers; ustring leavingServers; ustring newMembers; long curConfigId; } */
export const reconfigRequestCodec: Codec<ReconfigRequest> = {
  write(w, v) {
    w.string(v.joiningServers);
    w.string(v.leavingServers);
    w.string(v.newMembers);
    w.long(v.curConfigId);
  },
  read: (r) => ({
    joiningServers: r.nullableString(),
    leavingServers: r.nullableString(),
    newMembers: r.nullableString(),
    curConfigId: r.long(),
  }),
};

/** `type` is a `WatcherType`, here and below. */
export interface CheckWatchesRequest {
  readonly path: string;
  readonly type: number;
}

/** class CheckWatchesRequest { ustring path; int type; } */
export const checkWatchesRequestCodec: Codec<CheckWatchesRequest> = {
  write(w, v) {
    w.string(v.path);
    w.int(v.type);
  },
  read: (r) => ({ path: r.requiredString(), type: r.int() }),
};

/** Takes back watches of this connection. */
export interface RemoveWatchesRequest {
  readonly path: string;
  readonly type: number;
}

/** class RemoveWatchesRequest { ustring path; int type; } */
export const removeWatchesRequestCodec: Codec<RemoveWatchesRequest> = {
  write(w, v) {
    w.string(v.path);
    w.int(v.type);
  },
  read: (r) => ({ path: r.string(), type: r.int() }),
};

/** `mode` is an `AddWatchMode`. */
export interface AddWatchRequest {
  readonly path: string;
  readonly mode: number;
}

/** class AddWatchRequest { ustring path; int mode; } */
export const addWatchRequestCodec: Codec<AddWatchRequest> = {
  write(w, v) {
    w.string(v.path);
    w.int(v.mode);
  },
  read: (r) => ({ path: r.string(), mode: r.int() }),
};

/** Re-arms watches after a reconnect; what happened since `relativeZxid` is sent as events. */
export interface SetWatches {
  readonly relativeZxid: number;
  readonly dataWatches: readonly string[];
  readonly existWatches: readonly string[];
  readonly childWatches: readonly string[];
}

/** class SetWatches { long relativeZxid; vector<ustring> dataWatches; vector<ustring> existWatches; vector<ustring> childWatches; } */
export const setWatchesCodec: Codec<SetWatches> = {
  write(w, v) {
    w.long(v.relativeZxid);
    w.vector(v.dataWatches, writeString);
    w.vector(v.existWatches, writeString);
    w.vector(v.childWatches, writeString);
  },
  read: (r) => ({
    relativeZxid: r.nearestLong(),
    dataWatches: readPaths(r),
    existWatches: readPaths(r),
    childWatches: readPaths(r),
  }),
};

/** The same as SetWatches, for persistent watches too; those do not replay what was missed. */
export interface SetWatches2 {
  readonly relativeZxid: number;
  readonly dataWatches: readonly string[];
  readonly existWatches: readonly string[];
  readonly childWatches: readonly string[];
  readonly persistentWatches: readonly string[];
  readonly persistentRecursiveWatches: readonly string[];
}

/** class SetWatches2 { long relativeZxid; vector<ustring> dataWatches; vector<ustring> existWatches; vector<ustring> childWatches; vector<ustring> persistentWatches; vector<ustring> persistentRecursiveWatches; } */
export const setWatches2Codec: Codec<SetWatches2> = {
  write(w, v) {
    w.long(v.relativeZxid);
    w.vector(v.dataWatches, writeString);
    w.vector(v.existWatches, writeString);
    w.vector(v.childWatches, writeString);
    w.vector(v.persistentWatches, writeString);
    w.vector(v.persistentRecursiveWatches, writeString);
  },
  read: (r) => ({
    relativeZxid: r.nearestLong(),
    dataWatches: readPaths(r),
    existWatches: readPaths(r),
    childWatches: readPaths(r),
    persistentWatches: readPaths(r),
    persistentRecursiveWatches: readPaths(r),
  }),
};

/** Asks for the session's own ephemerals whose path starts with the text. */
export interface GetEphemeralsRequest {
  readonly prefixPath: string;
}

/** class GetEphemeralsRequest { ustring prefixPath; } */
export const getEphemeralsRequestCodec: Codec<GetEphemeralsRequest> = {
  write(w, v) {
    w.string(v.prefixPath);
  },
  read: (r) => ({ prefixPath: r.string() }),
};

/** Asks how many descendants the node has. */
export interface GetAllChildrenNumberRequest {
  readonly path: string;
}

/** class GetAllChildrenNumberRequest { ustring path; } */
export const getAllChildrenNumberRequestCodec: Codec<GetAllChildrenNumberRequest> = {
  write(w, v) {
    w.string(v.path);
  },
  read: (r) => ({ path: r.requiredString() }),
};

/** One step of a SASL exchange. */
export interface GetSaslRequest {
  readonly token: Uint8Array | null;
}

/** class GetSaslRequest { buffer token; } */
export const getSaslRequestCodec: Codec<GetSaslRequest> = {
  write(w, v) {
    w.buffer(v.token);
  },
  read: (r) => ({ token: r.buffer() }),
};

/** Server-internal; a server refuses it from clients. */
export interface DeleteContainerRequest {
  readonly path: string;
}

/** class DeleteContainerRequest { ustring path; } */
export const deleteContainerRequestCodec: Codec<DeleteContainerRequest> = {
  write(w, v) {
    w.string(v.path);
  },
  read: (r) => ({ path: r.string() }),
};
