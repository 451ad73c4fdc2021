/** A client's session expires now, instead of after its timeout. */
import { parseConnectString } from "@corral/client";
import { type Clock, type Dialer, nodeClock, nodeDialer } from "@corral/io";
import { endSession } from "./session-ending.ts";

/** Whoever has a session: a `Client`, or what is known of another process's. */
export interface SessionHolder {
  /** 0 while there is none. */
  readonly sessionId: bigint;
  readonly sessionPassword: Uint8Array;
  /** Where its servers are. */
  readonly connectString?: string | undefined;
}

/** Of `expireSession`. */
export interface ExpireSessionOptions {
  /** Where a server is; necessary if the holder's own way there is stalled or refused. Default: the holder's. A chroot is ignored. */
  readonly connectString?: string;
  /** How long to try, ms. Default 10 000. */
  readonly timeoutMs?: number;
  /** Ports; Node's by default. */
  readonly clock?: Clock;
  readonly dialer?: Dialer;
}

/**
 * Makes the server end a client's session for good, on any server that speaks ZooKeeper's protocol: its ephemerals are
 * gone, others' watches fire, and the client learns of it when it next talks to a server (at once, if it is connected).
 * Resolves when the server has done it, which is mostly before the client knows. Fine if the session is over already.
 *
 * ```ts
 * const lost = new Promise((resolve) => client.on("state", ({ state }) => state === "lost" && resolve(state)));
 * await expireSession(client);
 * await lost;
 * ```
 *
 * @throws Error when the client has no session, or no server could be made to do it in time; BadArgumentsError for a
 * connect string that is none.
 */
export async function expireSession(holder: SessionHolder, options: ExpireSessionOptions = {}): Promise<void> {
  const { connectString = holder.connectString, timeoutMs = 10_000, clock = nodeClock, dialer = nodeDialer } = options;
  if (connectString === undefined) {
    throw new Error(
      "Where the server is has to be told: expireSession(client, { connectString: server.connectString }).",
    );
  }
  const { hosts } = parseConnectString(connectString);
  const { sessionId, sessionPassword: password } = holder;
  if (sessionId === 0n) throw new Error("The client has no session that could expire. Wait until it is connected.");
  await endSession({ hosts, sessionId, password, timeoutMs, clock, dialer });
}
