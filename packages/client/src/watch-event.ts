/** What watchers are told. */
import { WatchEventType } from "@corral/protocol";

/**
 * What happened to a watched node. `lost`, `closed`: the session ended first, by expiry or by `close()`. `resync`, to
 * watchers of a whole tree only: events may have been missed while there was no connection.
 */
export type WatchEventKind =
  | "nodeCreated"
  | "nodeDeleted"
  | "nodeDataChanged"
  | "nodeChildrenChanged"
  | "resync"
  | "lost"
  | "closed";

/** One event. It says that something changed, not to what: read again. */
export interface WatchEvent {
  readonly type: WatchEventKind;
  /** As the caller knows it, without the chroot. */
  readonly path: string;
}

/** Called at most once per registration. What it throws, or rejects with, is logged. */
export type Watcher = (event: WatchEvent) => void;

/** The event's name, or `undefined` for a type that no server sends. */
export function watchEventKind(type: number): WatchEventKind | undefined {
  switch (type) {
    case WatchEventType.nodeCreated:
      return "nodeCreated";
    case WatchEventType.nodeDeleted:
      return "nodeDeleted";
    case WatchEventType.nodeDataChanged:
      return "nodeDataChanged";
    case WatchEventType.nodeChildrenChanged:
      return "nodeChildrenChanged";
    default:
      return undefined;
  }
}
