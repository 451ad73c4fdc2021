/** The operations about watches: addWatch, checkWatches, removeWatches, setWatches and setWatches2. */
import {
  AddWatchMode,
  ErrorCode,
  OpCode,
  operations,
  Permission,
  type Reader,
  type SetWatches2,
  WatchEventType,
  WatcherType,
  type Writer,
} from "@corral/protocol";
import { allows } from "../state/access.ts";
import { childTable, dataTable, WatchKind } from "../watch/watch-table.ts";
import type { Connection } from "./connection.ts";
import { canBeWatched } from "./path-limit.ts";
import type { ReadContext } from "./reads.ts";

/** Sends a watch event to the connection of the request. */
export type SendEvent = (connection: Connection, type: WatchEventType, path: string) => void;

/** Whether `type` is answered here. */
export function isWatchRequest(type: number): boolean {
  return (
    type === OpCode.addWatch ||
    type === OpCode.checkWatches ||
    type === OpCode.removeWatches ||
    type === OpCode.setWatches ||
    type === OpCode.setWatches2
  );
}

/** Answers one of them, as `answerRead` does. @throws DecodeError when the request's body is malformed. */
export function answerWatchRequest(
  context: ReadContext,
  connection: Connection,
  type: number,
  reader: Reader,
  out: Writer,
  sendEvent: SendEvent,
): ErrorCode {
  switch (type) {
    case OpCode.addWatch:
      return addWatch(context, connection, reader, out);
    case OpCode.checkWatches:
      return matchWatches(context, connection, operations.checkWatches.request.read(reader), false);
    case OpCode.removeWatches:
      return matchWatches(context, connection, operations.removeWatches.request.read(reader), true);
    case OpCode.setWatches: {
      const request = operations.setWatches.request.read(reader);
      return setWatches(
        context,
        connection,
        { ...request, persistentWatches: [], persistentRecursiveWatches: [] },
        sendEvent,
      );
    }
    case OpCode.setWatches2:
      return setWatches(context, connection, operations.setWatches2.request.read(reader), sendEvent);
    default:
      return ErrorCode.Unimplemented;
  }
}

function addWatch(context: ReadContext, connection: Connection, reader: Reader, out: Writer): ErrorCode {
  const { path, mode } = operations.addWatch.request.read(reader);
  if (mode !== AddWatchMode.persistent && mode !== AddWatchMode.persistentRecursive) return ErrorCode.MarshallingError;
  if (!canBeWatched(path, context.limits)) return ErrorCode.BadArguments;
  const kind = mode === AddWatchMode.persistent ? WatchKind.persistent : WatchKind.recursive;
  context.watches.add(path, connection, kind);
  operations.addWatch.response.write(out, { err: 0 });
  return ErrorCode.Ok;
}

const kindsOfType = new Map<number, number>([
  [WatcherType.children, WatchKind.child],
  [WatcherType.data, WatchKind.data],
  [WatcherType.any, WatchKind.child | WatchKind.data | WatchKind.persistent | WatchKind.recursive],
  [WatcherType.persistent, WatchKind.persistent],
  [WatcherType.persistentRecursive, WatchKind.recursive],
]);

/** Where a path has one mode in each table, a type names a table, whatever the mode in it. */
const tablesOfType = new Map<number, number>([
  [WatcherType.children, childTable],
  [WatcherType.data, dataTable],
  [WatcherType.any, childTable | dataTable],
]);

function matchWatches(
  context: ReadContext,
  connection: Connection,
  request: { readonly path: string; readonly type: number },
  remove: boolean,
): ErrorCode {
  const { watches, behaviour } = context;
  const kinds = (behaviour.watchModesCoexist ? kindsOfType : tablesOfType).get(request.type);
  if (kinds === undefined) return ErrorCode.MarshallingError;
  if ((watches.kindsOf(request.path, connection) & kinds) === 0) return ErrorCode.NoWatcher;
  if (remove) watches.remove(request.path, connection, kinds);
  return ErrorCode.Ok;
}

/** Re-arms after a reconnect. What the client has missed since its last zxid is sent at once instead. */
function setWatches(
  context: ReadContext,
  connection: Connection,
  request: SetWatches2,
  sendEvent: SendEvent,
): ErrorCode {
  const { state, watches, behaviour } = context;
  const { dataWatches, existWatches, childWatches, persistentWatches, persistentRecursiveWatches } = request;
  const lists = [dataWatches, existWatches, childWatches, persistentWatches, persistentRecursiveWatches];
  if (!lists.every((paths) => paths.every((path) => canBeWatched(path, context.limits)))) return ErrorCode.BadArguments;
  const since = request.relativeZxid;
  const event = (type: WatchEventType, path: string): void => {
    const acl = state.tree.get(path)?.acl;
    const mayKnow =
      !behaviour.missedEventsNeedRead || acl === undefined || allows(acl, Permission.read, connection.identities);
    if (mayKnow) sendEvent(connection, type, path);
  };
  for (const path of dataWatches) {
    const node = state.tree.get(path);
    if (node === undefined) event(WatchEventType.nodeDeleted, path);
    else if (node.mzxid > since) event(WatchEventType.nodeDataChanged, path);
    else watches.add(path, connection, WatchKind.data);
  }
  for (const path of existWatches) {
    if (state.tree.get(path) === undefined) watches.add(path, connection, WatchKind.data);
    else event(WatchEventType.nodeCreated, path);
  }
  for (const path of childWatches) {
    const node = state.tree.get(path);
    if (node === undefined) event(WatchEventType.nodeDeleted, path);
    else if (node.pzxid > since) event(WatchEventType.nodeChildrenChanged, path);
    else watches.add(path, connection, WatchKind.child);
  }
  for (const path of persistentWatches) watches.add(path, connection, WatchKind.persistent);
  for (const path of persistentRecursiveWatches) watches.add(path, connection, WatchKind.recursive);
  return ErrorCode.Ok;
}
