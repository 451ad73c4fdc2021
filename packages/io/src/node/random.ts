/** Node's sources of chance behind the `Random` port. */
import { randomBytes } from "node:crypto";
import type { Random } from "../ports/random.ts";

/** Bytes from the operating system's generator, fractions from the engine's. */
export const nodeRandom: Random = {
  bytes: (length) => randomBytes(length),
  fraction: () => Math.random(),
};
