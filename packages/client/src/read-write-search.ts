/**
 * While the session is with a server that takes no writes: looking for one that does. The others are asked `isro`, one
 * after the other, slower and slower.
 */
import type { Address, Random } from "@corral/io";
import { askFourLetterWord, type Ports } from "./four-letter-word.ts";
import { limits } from "./limits.ts";
import { sleep } from "./sleep.ts";

/** Asks the hosts until one takes writes, or `signal` aborts; then there is none. */
export async function findReadWriteServer(
  ports: Ports & { readonly random: Random },
  hosts: () => readonly Address[],
  signal: AbortSignal,
): Promise<Address | undefined> {
  for (let round = 0; !signal.aborted; round++) {
    const fullMs = Math.min(limits.readWriteSearchMsMax, limits.readWriteSearchMs * 2 ** Math.min(round, 20));
    await sleep(ports.clock, fullMs * (0.5 + ports.random.fraction() / 2), signal);
    for (const host of hosts()) {
      const answer = signal.aborted ? undefined : await askFourLetterWord(ports, host, "isro", signal);
      if (answer?.trim() === "rw" && !signal.aborted) return host;
    }
  }
  return undefined;
}
