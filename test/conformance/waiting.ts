/** Lines of the list that are not tried here, and what they wait for. The run prints them. */

/** Lines with one reason. */
export interface Waiting {
  /** `E.6`, `F.5–8`, `L` for a whole section. */
  readonly lines: string;
  readonly why: string;
}

/** All of them. */
export const waiting: readonly Waiting[] = [
  { lines: "E.6, F.5–8, L, M.2–4, N", why: "they need an ensemble" },
  {
    lines: "E.13–14",
    why: "a server that can only be read, and a session that moves to another server: they need an ensemble",
  },
  { lines: "A.4", why: "it takes 2^31 creates; see packages/server/src/state/state-machine.test.ts" },
  { lines: "H.5", why: "no client sees a snapshot; see packages/server/src/replica.test.ts" },
  { lines: "H.6", why: "no disk is full here; see test/integration/disk-full.test.ts" },
  { lines: "S.9", why: "the reason of a silent close is in the log; see test/integration/hostile-connections.test.ts" },
  { lines: "S.10", why: "it is about the admin server; see packages/server/src/admin/admin-port.test.ts" },
  { lines: "S.11", why: "it is advice for tests; C.1 and D.12 keep to it" },
];
