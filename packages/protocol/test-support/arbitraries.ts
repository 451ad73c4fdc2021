/**
 * Random records, for property tests: one arbitrary for every codec that the package exports. The values are what the
 * codec reads back, so text is never null where null reads as "" and bytes are Buffers.
 */
import * as protocol from "@corral/protocol";
import fc from "fast-check";

const { OpCode } = protocol;

const int = fc.oneof(
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.constantFrom(0, -1, -(2 ** 31), 2 ** 31 - 1),
);
const long = fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, -1, 2 ** 32, 2 ** 32 - 1, Number.MIN_SAFE_INTEGER));
const bigLong = fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.constantFrom(0n, -1n, 1n << 56n));
const bool = fc.boolean();
const text = fc.string({ unit: "binary", maxLength: 40 });
const nullableText = fc.option(text);
const texts = fc.array(text, { maxLength: 8 });
const bytes = fc.option(fc.uint8Array({ maxLength: 100 }).map((array) => Buffer.from(array)));
/** A plain object; fast-check's own default is at times one without a prototype, which no reader makes. */
const record = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;

const id = record({ scheme: text, id: text });
const acl = record({ perms: int, id });
const acls = fc.array(acl, { maxLength: 4 });
const stat = record({
  czxid: long,
  mzxid: long,
  ctime: long,
  mtime: long,
  version: int,
  cversion: int,
  aversion: int,
  ephemeralOwner: bigLong,
  dataLength: int,
  numChildren: int,
  pzxid: long,
});
const clientInfo = record({ authScheme: text, user: text });
const path = record({ path: text });
const pathAndVersion = record({ path: text, version: int });
const pathAndWatch = record({ path: text, watch: bool });
const pathAndType = record({ path: text, type: int });
const pathAndStat = record({ path: text, stat });
const onlyStat = record({ stat });
const dataAndStat = record({ data: bytes, stat });
const children = record({ children: texts });
const token = record({ token: bytes });
const createRequest = record({ path: text, data: bytes, acl: fc.option(acls), flags: int });
const createTtlRequest = record({ path: text, data: bytes, acl: fc.option(acls), flags: int, ttl: long });
const setDataRequest = record({ path: text, data: bytes, version: int });
const watchLists = { relativeZxid: long, dataWatches: texts, existWatches: texts, childWatches: texts };
const readOnly = fc.option(bool, { nil: undefined });

function typed<T extends number, V extends object>(type: T, values: fc.Arbitrary<V>) {
  return values.map((value) => ({ type, ...value }));
}

const multiRequest = fc.array(
  fc.oneof(
    typed(OpCode.create, createRequest),
    typed(OpCode.create2, createRequest),
    typed(OpCode.createContainer, createRequest),
    typed(OpCode.createTTL, createTtlRequest),
    typed(OpCode.delete, pathAndVersion),
    typed(OpCode.setData, setDataRequest),
    typed(OpCode.check, pathAndVersion),
  ),
  { maxLength: 6 },
);
const multiReadRequest = fc.array(
  fc.oneof(typed(OpCode.getData, pathAndWatch), typed(OpCode.getChildren, pathAndWatch)),
  { maxLength: 6 },
);
const multiResponse = fc.array(
  fc.oneof(
    typed(OpCode.create, path),
    typed(OpCode.create2, pathAndStat),
    fc.constant({ type: OpCode.delete }),
    typed(OpCode.setData, onlyStat),
    fc.constant({ type: OpCode.check }),
    typed(OpCode.getData, dataAndStat),
    typed(OpCode.getChildren, children),
    typed(OpCode.error, record({ err: int })),
  ),
  { maxLength: 6 },
);

/** What the exported values called `…Codec` are called, without that ending. */
export type RecordName = keyof typeof protocol extends infer K ? (K extends `${infer N}Codec` ? N : never) : never;
/** What the codec of that name carries. */
export type RecordOf<N extends RecordName> = protocol.Decoded<(typeof protocol)[`${N}Codec`]>;

/** By name of the codec. The compiler sees that none is missing and that each makes what its codec carries. */
export const arbitraries: { readonly [N in RecordName]: fc.Arbitrary<RecordOf<N>> } = {
  acl,
  addWatchRequest: record({ path: text, mode: int }),
  authPacket: record({ type: int, scheme: text, auth: bytes }),
  checkVersionRequest: pathAndVersion,
  checkWatchesRequest: pathAndType,
  clientInfo,
  connectRequest: record({
    protocolVersion: int,
    lastZxidSeen: long,
    timeOut: int,
    sessionId: bigLong,
    passwd: bytes,
    readOnly,
  }),
  connectResponse: record({ protocolVersion: int, timeOut: int, sessionId: bigLong, passwd: bytes, readOnly }),
  create2Response: pathAndStat,
  createRequest,
  createResponse: path,
  createTtlRequest,
  deleteContainerRequest: path,
  deleteRequest: pathAndVersion,
  empty: fc.constant({}),
  errorResponse: record({ err: int }),
  existsRequest: pathAndWatch,
  existsResponse: onlyStat,
  getAclRequest: path,
  getAclResponse: record({ acl: acls, stat }),
  getAllChildrenNumberRequest: path,
  getAllChildrenNumberResponse: record({ totalNumber: int }),
  getChildren2Response: record({ children: texts, stat }),
  getChildrenRequest: pathAndWatch,
  getChildrenResponse: children,
  getDataRequest: pathAndWatch,
  getDataResponse: dataAndStat,
  getEphemeralsRequest: record({ prefixPath: text }),
  getEphemeralsResponse: record({ ephemerals: texts }),
  getSaslRequest: token,
  id,
  multiHeader: record({ type: int, done: bool, err: int }),
  multiReadRequest,
  multiRequest,
  multiResponse,
  reconfigRequest: record({
    joiningServers: nullableText,
    leavingServers: nullableText,
    newMembers: nullableText,
    curConfigId: long,
  }),
  removeWatchesRequest: pathAndType,
  replyHeader: record({ xid: int, zxid: long, err: int }),
  requestHeader: record({ xid: int, type: int }),
  setAclRequest: record({ path: text, acl: fc.option(acls), version: int }),
  setAclResponse: onlyStat,
  setDataRequest,
  setDataResponse: onlyStat,
  setSaslResponse: token,
  setWatches: record(watchLists),
  setWatches2: record({ ...watchLists, persistentWatches: texts, persistentRecursiveWatches: texts }),
  stat,
  statPersisted: stat.map(({ dataLength: _, numChildren: __, ...persisted }) => persisted),
  syncRequest: record({ path: nullableText }),
  syncResponse: record({ path: nullableText }),
  watcherEvent: record({ type: int, state: int, path: text }),
  whoAmIResponse: record({ clientInfo: fc.array(clientInfo, { maxLength: 4 }) }),
};

/** A codec with random values for it; the kind of record is forgotten, so that one property can run over all. */
export interface CodecCase {
  readonly name: string;
  readonly codec: protocol.Codec<unknown>;
  readonly values: fc.Arbitrary<unknown>;
}

/** Every codec that the package exports, found at run time; `values` is missing for one that has no arbitrary. */
export const codecCases: readonly CodecCase[] = Object.entries(protocol)
  .filter(([name]) => name.endsWith("Codec"))
  .map(([name, codec]) => ({
    name,
    codec: codec as protocol.Codec<unknown>,
    values: (arbitraries as Readonly<Record<string, fc.Arbitrary<unknown>>>)[name.slice(0, -5)]!,
  }));

/** How often properties run; FUZZ_RUNS raises it, for a long search. */
export const runs = { numRuns: Number(process.env.FUZZ_RUNS ?? 100) };

/** How long that may take: a search that was asked to be long must not end for its length. */
export const runsTimeoutMs = 5_000 + runs.numRuns * 20;
