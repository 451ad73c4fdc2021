/** For our tests and yours: servers, networks and disks that fail on demand, time that stands still, chance that replays. */
export { diskError } from "./disk-error.ts";
export { type ExpireSessionOptions, expireSession, type SessionHolder } from "./expire-session.ts";
export type { Drop, DropOptions, Dropped, FramePredicate } from "./fault-proxy/drop.ts";
export {
  type ConnectionCounts,
  FaultProxy,
  type FaultProxyOptions,
  type FrameListener,
} from "./fault-proxy/fault-proxy.ts";
export type { EventFrame, ProxiedFrame, ReplyFrame, RequestFrame, RequestInfo } from "./fault-proxy/frames.ts";
export type { Direction, Faults, Latency, ProxiedConnection } from "./fault-proxy/proxied-connection.ts";
export { sectorBytes } from "./inode.ts";
export { type DiskOperation, MemoryDisk } from "./memory-disk.ts";
export { type SeededRandom, seededRandom } from "./seeded-random.ts";
export { type RestartOptions, TestServer, type TestServerOptions } from "./test-server/test-server.ts";
export { VirtualClock } from "./virtual-clock.ts";
