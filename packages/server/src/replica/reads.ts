/** The operations that only read: answered from this server's state, at once, straight into the connection's output. */
import { ErrorCode, OpCode, operations, Permission, type Reader, type Writer } from "@corral/protocol";
import type { Behaviour } from "../compatibility.ts";
import type { Limits } from "../limits.ts";
import { allows, redactAcl } from "../state/access.ts";
import type { StateMachine } from "../state/state-machine.ts";
import type { Znode } from "../state/znode.ts";
import { WatchKind, type WatchTable } from "../watch/watch-table.ts";
import type { ChildLists } from "./child-lists.ts";
import type { Connection } from "./connection.ts";
import { canBeWatched } from "./path-limit.ts";

/** What requests are read from. */
export interface ReadContext {
  readonly state: StateMachine;
  readonly watches: WatchTable<Connection>;
  readonly behaviour: Behaviour;
  readonly limits: Pick<Limits, "maxResponseBytes" | "maxPathLength">;
  readonly childLists: ChildLists;
  /** Told of what was gone through in vain, nodes and bytes: the port, that counts what it sends, cannot know. */
  readonly spend: (nodes: number, bytes: number) => void;
}

/** What was asked for is more than one answer may hold. */
export class ResponseTooLongError extends Error {
  override readonly name = "ResponseTooLongError";
  /** `what` was to be read. */
  constructor(what: string) {
    super(
      `the answer to a read of ${what.length > 200 ? `${what.slice(0, 200)}…` : what} would be too long (limit maxResponseBytes)`,
    );
  }
}

/** Whether `type` is answered here. */
export function isRead(type: number): boolean {
  return handlers.has(type);
}

/**
 * Answers a read: writes the body into `out` and returns `Ok`, or writes nothing and returns the error.
 * @throws DecodeError when the request's body is not what the operation carries.
 */
export function answerRead(
  context: ReadContext,
  connection: Connection,
  type: number,
  reader: Reader,
  out: Writer,
): ErrorCode {
  const handler = handlers.get(type);
  return handler === undefined ? ErrorCode.Unimplemented : handler(context, connection, reader, out);
}

/** Refuses a list that would come to so many bytes, or more, if that is too long: it counts as if it had been sent. */
function checkLength(context: ReadContext, bytes: number, what: string, done = 0): void {
  if (bytes <= context.limits.maxResponseBytes) return;
  context.spend(0, done + bytes);
  throw new ResponseTooLongError(what);
}

type Handler = (context: ReadContext, connection: Connection, reader: Reader, out: Writer) => ErrorCode;

function watch(context: ReadContext, connection: Connection, path: string, kind: number): void {
  context.watches.add(path === "" ? "/" : path, connection, kind);
}

function readable(connection: Connection, node: Znode): boolean {
  return allows(node.acl, Permission.read, connection.identities);
}

const exists: Handler = (context, connection, reader, out) => {
  const { path, watch: wanted } = operations.exists.request.read(reader);
  if (path.includes("\0") || (wanted && !canBeWatched(path, context.limits))) return ErrorCode.BadArguments;
  const node = context.state.tree.get(path);
  if (context.behaviour.existsNeedsRead && node !== undefined && !readable(connection, node)) return ErrorCode.NoAuth;
  // The watch is set even when there is nothing: that is how one waits for a node to appear.
  if (wanted) watch(context, connection, path, WatchKind.data);
  if (node === undefined) return ErrorCode.NoNode;
  node.writeStat(out);
  return ErrorCode.Ok;
};

const getData: Handler = (context, connection, reader, out) => {
  const { path, watch: wanted } = operations.getData.request.read(reader);
  if (path.includes("\0") || (wanted && !canBeWatched(path, context.limits))) return ErrorCode.BadArguments;
  const node = context.state.tree.get(path);
  if (node === undefined) return ErrorCode.NoNode;
  if (!readable(connection, node)) return ErrorCode.NoAuth;
  if (wanted) watch(context, connection, path, WatchKind.data);
  node.writeData(out);
  node.writeStat(out);
  return ErrorCode.Ok;
};

const getChildren: Handler = (context, connection, reader, out) =>
  listChildren(context, connection, reader, out, false);

const getChildren2: Handler = (context, connection, reader, out) =>
  listChildren(context, connection, reader, out, true);

function listChildren(
  context: ReadContext,
  connection: Connection,
  reader: Reader,
  out: Writer,
  withStat: boolean,
): ErrorCode {
  const { path, watch: wanted } = operations.getChildren.request.read(reader);
  if (wanted && !canBeWatched(path, context.limits)) return ErrorCode.BadArguments;
  const node = context.state.tree.get(path);
  if (node === undefined) return ErrorCode.NoNode;
  if (!readable(connection, node)) return ErrorCode.NoAuth;
  context.childLists.write(context.state.tree, path, node, out, (list) => {
    checkList(context, path, node);
    list.int(node.childCount);
    const nameAt = nameIn(path);
    node.eachChild((child) => list.string(child, nameAt));
  });
  if (wanted) watch(context, connection, path, WatchKind.child);
  if (withStat) node.writeStat(out);
  return ErrorCode.Ok;
}

/**
 * Refuses a list of children that would be too long before it is begun: to write it in vain takes much longer, and memory.
 * `done`: bytes that were read for the same answer before.
 */
function checkList(context: ReadContext, path: string, node: Znode, done = 0): void {
  const { childLists, limits, state } = context;
  if (childLists.isTooLong(state.tree, path, node)) {
    context.spend(0, done);
    throw new ResponseTooLongError(path);
  }
  const nameAt = nameIn(path);
  const lengths = 4 * (1 + node.childCount);
  let units = 0;
  node.eachChild((child) => {
    units += child.length - nameAt;
  });
  // A unit of UTF-16 takes a byte to three.
  let bytes = lengths + units;
  if (bytes <= limits.maxResponseBytes && lengths + 3 * units > limits.maxResponseBytes) {
    bytes = lengths;
    node.eachChild((child) => {
      bytes += Buffer.byteLength(child.slice(nameAt));
    });
  }
  if (bytes > limits.maxResponseBytes) childLists.refuse(state.tree, path, node);
  checkLength(context, bytes, path, done);
}

/** Where its name begins in the path of a child of `path`, which is empty or "/" if that is the root. */
function nameIn(path: string): number {
  return path.length > 1 ? path.length + 1 : 1;
}

const getAcl: Handler = (context, connection, reader, out) => {
  const { path } = operations.getACL.request.read(reader);
  const node = context.state.tree.get(path);
  if (node === undefined) return ErrorCode.NoNode;
  const { identities } = connection;
  if (!allows(node.acl, Permission.read | Permission.admin, identities)) return ErrorCode.NoAuth;
  const acl = allows(node.acl, Permission.admin, identities) ? node.acl : redactAcl(node.acl);
  operations.getACL.response.write(out, { acl, stat: node.stat() });
  return ErrorCode.Ok;
};

/** Its turn comes when everything proposed before it has been applied: see the pipeline. Then it only answers. */
const sync: Handler = (_context, _connection, reader, out) => {
  const { path } = operations.sync.request.read(reader);
  operations.sync.response.write(out, { path });
  return ErrorCode.Ok;
};

const getEphemerals: Handler = (context, connection, reader, out) => {
  const { prefixPath } = operations.getEphemerals.request.read(reader);
  const prefix = isBlank(prefixPath) ? "" : prefixPath;
  const { session } = connection;
  const own = session === undefined ? [] : context.state.tree.ephemeralsOf(session.id);
  // A plain prefix of the text, not of segments: that is how the reference has it.
  const ephemerals = own.filter((path) => path.startsWith(prefix));
  context.spend(own.length - ephemerals.length, 0);
  const what = `the ephemerals below ${prefixPath}`;
  let bytes = 0;
  for (const path of ephemerals) {
    bytes += 4 + Buffer.byteLength(path);
    checkLength(context, bytes, what);
  }
  operations.getEphemerals.response.write(out, { ephemerals });
  return ErrorCode.Ok;
};

/** Whether it is the root, or nothing, between what Java trims: the space and all before it. */
function isBlank(text: string): boolean {
  let slashes = 0;
  for (let at = 0; at < text.length && slashes < 2; at++) {
    const code = text.charCodeAt(at);
    if (code === 47) slashes++;
    else if (code > 32) return false;
  }
  return slashes < 2;
}

const getAllChildrenNumber: Handler = (context, connection, reader, out) => {
  const { path } = operations.getAllChildrenNumber.request.read(reader);
  const node = context.state.tree.get(path);
  if (node === undefined) return ErrorCode.NoNode;
  if (!readable(connection, node)) return ErrorCode.NoAuth;
  operations.getAllChildrenNumber.response.write(out, { totalNumber: context.state.tree.countDescendants(path) });
  return ErrorCode.Ok;
};

const whoAmI: Handler = (_context, connection, _reader, out) => {
  const clientInfo = connection.identities.map((identity) => ({
    authScheme: identity.scheme,
    user: identity.scheme === "digest" ? (identity.id.split(":", 1)[0] ?? "") : identity.id,
  }));
  operations.whoAmI.response.write(out, { clientInfo });
  return ErrorCode.Ok;
};

/** Every part fails or succeeds alone; watch flags are ignored. */
const multiRead: Handler = (context, connection, reader, out) => {
  const parts = operations.multiRead.request.read(reader);
  const what = `${parts.length} paths at once`;
  let bytes = 0;
  const count = (more: number): void => {
    bytes += more;
    checkLength(context, bytes, what);
  };
  const results = parts.map((part) => {
    const node = context.state.tree.get(part.path);
    if (node === undefined) return { type: OpCode.error, err: ErrorCode.NoNode };
    if (!readable(connection, node)) return { type: OpCode.error, err: ErrorCode.NoAuth };
    if (part.type === OpCode.getData) {
      count(100 + node.dataLength);
      return { type: part.type, data: node.data, stat: node.stat() };
    }
    checkList(context, part.path, node, bytes);
    const children: string[] = [];
    count(20);
    const nameAt = nameIn(part.path);
    node.eachChild((child) => {
      const name = child.slice(nameAt);
      count(4 + Buffer.byteLength(name));
      children.push(name);
    });
    return { type: part.type, children };
  });
  operations.multiRead.response.write(out, results);
  return ErrorCode.Ok;
};

const handlers = new Map<number, Handler>([
  [OpCode.exists, exists],
  [OpCode.getData, getData],
  [OpCode.getChildren, getChildren],
  [OpCode.getChildren2, getChildren2],
  [OpCode.getACL, getAcl],
  [OpCode.sync, sync],
  [OpCode.getEphemerals, getEphemerals],
  [OpCode.getAllChildrenNumber, getAllChildrenNumber],
  [OpCode.whoAmI, whoAmI],
  [OpCode.multiRead, multiRead],
]);
