/** For our tests and yours: disks that fail, time that stands still, chance that replays. */
export { diskError } from "./disk-error.ts";
export { sectorBytes } from "./inode.ts";
export { type DiskOperation, MemoryDisk } from "./memory-disk.ts";
export { type SeededRandom, seededRandom } from "./seeded-random.ts";
export { VirtualClock } from "./virtual-clock.ts";
