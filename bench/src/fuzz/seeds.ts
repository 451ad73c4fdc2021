/** Requests as proper clients send them, for mutations to start from. */
import {
  type ClientOperation,
  CreateMode,
  connectRequestCodec,
  OpCode,
  openAcl,
  operations,
  type RequestOf,
  Writer,
} from "@corral/protocol";

/** A request without its header. */
export interface Seed {
  readonly type: number;
  readonly body: Buffer;
}

function seed<O extends ClientOperation>(operation: O, request: RequestOf<O>): Seed {
  const writer = new Writer();
  (operations[operation].request.write as (writer: Writer, value: RequestOf<O>) => void)(writer, request);
  return { type: OpCode[operation], body: writer.take() };
}

const data = Buffer.from("some bytes");
const node = { data, acl: openAcl };
const path = "/a";

/** At least one of each kind. None ends a session. */
export const seeds: readonly Seed[] = [
  seed("create", { ...node, path: "/a", flags: CreateMode.persistent }),
  seed("create", { ...node, path: "/a/s-", flags: CreateMode.ephemeralSequential }),
  seed("create2", { ...node, path: "/b", flags: CreateMode.ephemeral }),
  seed("createContainer", { ...node, path: "/c", flags: CreateMode.container }),
  seed("createTTL", { ...node, path: "/t", flags: CreateMode.persistentWithTtl, ttl: 1_000 }),
  seed("delete", { path, version: -1 }),
  seed("setData", { path, data, version: -1 }),
  seed("getData", { path, watch: true }),
  seed("exists", { path, watch: true }),
  seed("getChildren", { path: "/", watch: true }),
  seed("getChildren2", { path: "/", watch: false }),
  seed("getACL", { path }),
  seed("setACL", { path, acl: openAcl, version: -1 }),
  seed("sync", { path }),
  seed("ping", {}),
  seed("getEphemerals", { prefixPath: "/" }),
  seed("getAllChildrenNumber", { path: "/" }),
  seed("whoAmI", {}),
  seed("addWatch", { path, mode: 1 }),
  seed("checkWatches", { path, type: 3 }),
  seed("removeWatches", { path, type: 3 }),
  seed("setWatches", { relativeZxid: 0, dataWatches: [path], existWatches: ["/b"], childWatches: ["/"] }),
  seed("setWatches2", {
    relativeZxid: 0,
    dataWatches: [path],
    existWatches: [],
    childWatches: [],
    persistentWatches: ["/"],
    persistentRecursiveWatches: ["/"],
  }),
  seed("auth", { type: 0, scheme: "digest", auth: Buffer.from("user:password") }),
  seed("multi", [
    { type: OpCode.create, ...node, path: "/m", flags: CreateMode.ephemeral },
    { type: OpCode.setData, path, data, version: -1 },
    { type: OpCode.check, path, version: -1 },
    { type: OpCode.delete, path: "/m", version: -1 },
  ]),
  seed("multiRead", [
    { type: OpCode.getData, path, watch: false },
    { type: OpCode.getChildren, path: "/", watch: false },
  ]),
];

/** A handshake's frame without its length. */
export function handshake(): Buffer {
  const writer = new Writer();
  const passwd = new Uint8Array(16);
  connectRequestCodec.write(writer, {
    protocolVersion: 0,
    lastZxidSeen: 0,
    timeOut: 5_000,
    sessionId: 0n,
    passwd,
    readOnly: false,
  });
  return writer.take();
}

/** With the length before it. */
export function framed(payload: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(payload.length);
  return Buffer.concat([length, payload]);
}
