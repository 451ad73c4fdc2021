/** Bodies of responses. */
import type { Codec } from "../codec.ts";
import { readString, writeString } from "../strings.ts";
import type { Acl, ClientInfo, WireStat } from "./shared.ts";
import { aclCodec, clientInfoCodec, statCodec } from "./shared.ts";

/** The final path, sequence number included. */
export interface CreateResponse {
  readonly path: string;
}

/** class CreateResponse { ustring path; } */
export const createResponseCodec: Codec<CreateResponse> = {
  write(w, v) {
    w.string(v.path);
  },
  read: (r) => ({ path: r.string() }),
};

/** Of create2, createContainer and createTTL. */
export interface Create2Response {
  readonly path: string;
  readonly stat: WireStat;
}

/** class Create2Response { ustring path; Stat stat; } */
export const create2ResponseCodec: Codec<Create2Response> = {
  write(w, v) {
    w.string(v.path);
    statCodec.write(w, v.stat);
  },
  read: (r) => ({ path: r.string(), stat: statCodec.read(r) }),
};

/** Of exists; a missing node is an error reply instead. */
export interface ExistsResponse {
  readonly stat: WireStat;
}

/** class ExistsResponse { Stat stat; } */
export const existsResponseCodec: Codec<ExistsResponse> = {
  write(w, v) {
    statCodec.write(w, v.stat);
  },
  read: (r) => ({ stat: statCodec.read(r) }),
};

/** Of getData and reconfig. */
export interface GetDataResponse {
  readonly data: Uint8Array | null;
  readonly stat: WireStat;
}

/** class GetDataResponse { buffer data; Stat stat; } */
export const getDataResponseCodec: Codec<GetDataResponse> = {
  write(w, v) {
    w.buffer(v.data);
    statCodec.write(w, v.stat);
  },
  read: (r) => ({ data: r.buffer(), stat: statCodec.read(r) }),
};

/** The metadata after the write. */
export interface SetDataResponse {
  readonly stat: WireStat;
}

/** class SetDataResponse { Stat stat; } */
export const setDataResponseCodec: Codec<SetDataResponse> = {
  write(w, v) {
    statCodec.write(w, v.stat);
  },
  read: (r) => ({ stat: statCodec.read(r) }),
};

/** Who may do what; `stat.aversion` is the version of that. */
export interface GetAclResponse {
  readonly acl: readonly Acl[];
  readonly stat: WireStat;
}

/** class GetAclResponse { vector<ACL> acl; Stat stat; } */
export const getAclResponseCodec: Codec<GetAclResponse> = {
  write(w, v) {
    w.vector(v.acl, aclCodec.write);
    statCodec.write(w, v.stat);
  },
  read: (r) => ({ acl: r.vector(aclCodec.read), stat: statCodec.read(r) }),
};

/** The metadata after the change. */
export interface SetAclResponse {
  readonly stat: WireStat;
}

/** class SetAclResponse { Stat stat; } */
export const setAclResponseCodec: Codec<SetAclResponse> = {
  write(w, v) {
    statCodec.write(w, v.stat);
  },
  read: (r) => ({ stat: statCodec.read(r) }),
};

/** Names, not paths, in no order. */
export interface GetChildrenResponse {
  readonly children: readonly string[];
}

/** class GetChildrenResponse { vector<ustring> children; } */
export const getChildrenResponseCodec: Codec<GetChildrenResponse> = {
  write(w, v) {
    w.vector(v.children, writeString);
  },
  read: (r) => ({ children: r.vector(readString) }),
};

/** Names, not paths, in no order, and the metadata of their parent. */
export interface GetChildren2Response {
  readonly children: readonly string[];
  readonly stat: WireStat;
}

/** class GetChildren2Response { vector<ustring> children; Stat stat; } */
export const getChildren2ResponseCodec: Codec<GetChildren2Response> = {
  write(w, v) {
    w.vector(v.children, writeString);
    statCodec.write(w, v.stat);
  },
  read: (r) => ({ children: r.vector(readString), stat: statCodec.read(r) }),
};

/** The path of the request. */
export interface SyncResponse {
  readonly path: string | null;
}

/** class SyncResponse { ustring path; } */
export const syncResponseCodec: Codec<SyncResponse> = {
  write(w, v) {
    w.string(v.path);
  },
  read: (r) => ({ path: r.nullableString() }),
};

/** Whole paths. */
export interface GetEphemeralsResponse {
  readonly ephemerals: readonly string[];
}

/** class GetEphemeralsResponse { vector<ustring> ephemerals; } */
export const getEphemeralsResponseCodec: Codec<GetEphemeralsResponse> = {
  write(w, v) {
    w.vector(v.ephemerals, writeString);
  },
  read: (r) => ({ ephemerals: r.vector(readString) }),
};

/** Descendants, not children only. */
export interface GetAllChildrenNumberResponse {
  readonly totalNumber: number;
}

/** class GetAllChildrenNumberResponse { int totalNumber; } */
export const getAllChildrenNumberResponseCodec: Codec<GetAllChildrenNumberResponse> = {
  write(w, v) {
    w.int(v.totalNumber);
  },
  read: (r) => ({ totalNumber: r.int() }),
};

/** The identities of the connection; the first is its address. */
export interface WhoAmIResponse {
  readonly clientInfo: readonly ClientInfo[];
}

/** class WhoAmIResponse { vector<ClientInfo> clientInfo; } */
export const whoAmIResponseCodec: Codec<WhoAmIResponse> = {
  write(w, v) {
    w.vector(v.clientInfo, clientInfoCodec.write);
  },
  read: (r) => ({ clientInfo: r.vector(clientInfoCodec.read) }),
};

/** The server's next step of a SASL exchange; null when there is none. */
export interface SetSaslResponse {
  readonly token: Uint8Array | null;
}

/** class SetSaslResponse { buffer token; } */
export const setSaslResponseCodec: Codec<SetSaslResponse> = {
  write(w, v) {
    w.buffer(v.token);
  },
  read: (r) => ({ token: r.buffer() }),
};

/** Of addWatch, and of an operation that failed within a multi. */
export interface ErrorResponse {
  readonly err: number;
}

/** class ErrorResponse { int err; } */
export const errorResponseCodec: Codec<ErrorResponse> = {
  write(w, v) {
    w.int(v.err);
  },
  read: (r) => ({ err: r.int() }),
};
