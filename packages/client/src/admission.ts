/** Which requests may wait. */
import { limits } from "./limits.ts";
import type { RequestFailure, SessionRequest } from "./session-types.ts";

/** What admission depends on. */
export interface Occupancy {
  readonly isRunning: boolean;
  /** Sessions lost so far. */
  readonly generation: number;
  /** Requests and watchers that wait already. */
  readonly waiting: number;
  readonly watchers: number;
}

/** Why a request cannot even wait; `undefined`: it can. */
export function whyNot(
  request: SessionRequest,
  { isRunning, generation, waiting, watchers }: Occupancy,
): RequestFailure | undefined {
  if (!isRunning) return { kind: "closed" };
  if (request.generation !== generation) return { kind: "sessionExpired" };
  if (waiting >= limits.requests) return tooMany(limits.requests, "requests");
  if (request.watch && watchers >= limits.watchers) return tooMany(limits.watchers, "watchers");
  return undefined;
}

function tooMany(limit: number, of: string): RequestFailure {
  return { kind: "tooMany", what: `${limit} ${of} are waiting already` };
}
