/** The ports, and Node's implementation of them. */
export type { Clock, TimerHandle } from "./ports/clock.ts";
export { type DirectoryClaim, DirectoryInUseError, type Disk, type DiskFile } from "./ports/disk.ts";
export { type LogFields, type Logger, silentLogger } from "./ports/log.ts";
export type { Address, ByteStream, Dialer, Listener, Listening, StreamHandler } from "./ports/network.ts";
export type { Random } from "./ports/random.ts";
