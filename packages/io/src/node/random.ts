/** Node's sources of chance behind the `Random` port. */
import { randomFillSync } from "node:crypto";
import type { Random } from "../ports/random.ts";

/** Asking the operating system costs microseconds whatever the length, and names need sixteen bytes each. */
const pool = Buffer.allocUnsafeSlow(4_096);
let used = pool.length;

/** Random bytes that were never handed out before; what was handed out is wiped from the pool. */
function bytes(length: number): Buffer {
  if (length > pool.length / 4) return randomFillSync(Buffer.allocUnsafeSlow(length));
  if (used + length > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const own = Buffer.from(pool.subarray(used, used + length));
  pool.fill(0, used, used + length);
  used += length;
  return own;
}

/** Bytes from the operating system's generator, fractions from the engine's. */
export const nodeRandom: Random = {
  bytes,
  fraction: () => Math.random(),
};
