/** Watch events, the states they carry, and the kinds of watch. */

/** What happened to a watched path. The server sends 1 … 4; the others are made by clients. */
export const WatchEventType = {
  none: -1,
  nodeCreated: 1,
  nodeDeleted: 2,
  nodeDataChanged: 3,
  nodeChildrenChanged: 4,
  dataWatchRemoved: 5,
  childWatchRemoved: 6,
  persistentWatchRemoved: 7,
} as const;
/** The name of a kind of event. */
export type WatchEventTypeName = keyof typeof WatchEventType;
/** One of the kinds of event. */
export type WatchEventType = (typeof WatchEventType)[WatchEventTypeName];

/** The connection's state in an event. A server always says `syncConnected`; the others are made by clients. */
export const WatchEventState = {
  unknown: -1,
  disconnected: 0,
  noSyncConnected: 1,
  syncConnected: 3,
  authFailed: 4,
  connectedReadOnly: 5,
  saslAuthenticated: 6,
  closed: 7,
  expired: -112,
} as const;
/** One of the states. */
export type WatchEventState = (typeof WatchEventState)[keyof typeof WatchEventState];

/** Which watches checkWatches and removeWatches mean. The last two: servers from 3.9. */
export const WatcherType = {
  children: 1,
  data: 2,
  any: 3,
  persistent: 4,
  persistentRecursive: 5,
} as const;
/** One of the kinds of watcher. */
export type WatcherType = (typeof WatcherType)[keyof typeof WatcherType];

/** The modes of addWatch. */
export const AddWatchMode = {
  persistent: 0,
  persistentRecursive: 1,
} as const;
/** One of the modes. */
export type AddWatchMode = (typeof AddWatchMode)[keyof typeof AddWatchMode];
