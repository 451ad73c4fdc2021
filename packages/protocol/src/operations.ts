/**
 * The table of operations: which record each request and each response carries. A client and a server that both go
 * by it cannot disagree. The two handshake records and watch events stand outside; they belong to no operation.
 */
import { type Codec, type Decoded, emptyCodec } from "./codec.ts";
import { multiReadRequestCodec, multiRequestCodec, multiResponseCodec } from "./multi.ts";
import type { OpName } from "./opcodes.ts";
import { authPacketCodec } from "./records/headers.ts";
import * as requests from "./records/requests.ts";
import * as responses from "./records/responses.ts";

/** The operations that a client may send. */
export const operations = {
  create: { request: requests.createRequestCodec, response: responses.createResponseCodec },
  delete: { request: requests.deleteRequestCodec, response: emptyCodec },
  exists: { request: requests.existsRequestCodec, response: responses.existsResponseCodec },
  getData: { request: requests.getDataRequestCodec, response: responses.getDataResponseCodec },
  setData: { request: requests.setDataRequestCodec, response: responses.setDataResponseCodec },
  getACL: { request: requests.getAclRequestCodec, response: responses.getAclResponseCodec },
  setACL: { request: requests.setAclRequestCodec, response: responses.setAclResponseCodec },
  getChildren: { request: requests.getChildrenRequestCodec, response: responses.getChildrenResponseCodec },
  sync: { request: requests.syncRequestCodec, response: responses.syncResponseCodec },
  ping: { request: emptyCodec, response: emptyCodec },
  getChildren2: { request: requests.getChildrenRequestCodec, response: responses.getChildren2ResponseCodec },
  check: { request: requests.checkVersionRequestCodec, response: emptyCodec },
  multi: { request: multiRequestCodec, response: multiResponseCodec },
  create2: { request: requests.createRequestCodec, response: responses.create2ResponseCodec },
  reconfig: { request: requests.reconfigRequestCodec, response: responses.getDataResponseCodec },
  checkWatches: { request: requests.checkWatchesRequestCodec, response: emptyCodec },
  removeWatches: { request: requests.removeWatchesRequestCodec, response: emptyCodec },
  createContainer: { request: requests.createRequestCodec, response: responses.create2ResponseCodec },
  createTTL: { request: requests.createTtlRequestCodec, response: responses.create2ResponseCodec },
  multiRead: { request: multiReadRequestCodec, response: multiResponseCodec },
  auth: { request: authPacketCodec, response: emptyCodec },
  setWatches: { request: requests.setWatchesCodec, response: emptyCodec },
  sasl: { request: requests.getSaslRequestCodec, response: responses.setSaslResponseCodec },
  getEphemerals: { request: requests.getEphemeralsRequestCodec, response: responses.getEphemeralsResponseCodec },
  getAllChildrenNumber: {
    request: requests.getAllChildrenNumberRequestCodec,
    response: responses.getAllChildrenNumberResponseCodec,
  },
  setWatches2: { request: requests.setWatches2Codec, response: emptyCodec },
  addWatch: { request: requests.addWatchRequestCodec, response: responses.errorResponseCodec },
  whoAmI: { request: emptyCodec, response: responses.whoAmIResponseCodec },
  closeSession: { request: emptyCodec, response: emptyCodec },
} as const satisfies Partial<Record<OpName, { request: Codec<unknown>; response: Codec<unknown> }>>;

/** The name of an operation that a client may send. */
export type ClientOperation = keyof typeof operations;
/** What a request of the operation carries. */
export type RequestOf<O extends ClientOperation> = Decoded<(typeof operations)[O]["request"]>;
/** What a successful response of the operation carries. */
export type ResponseOf<O extends ClientOperation> = Decoded<(typeof operations)[O]["response"]>;
