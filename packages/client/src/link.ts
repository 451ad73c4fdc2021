/** The connection, from nothing to usable. */
import type { Address } from "@corral/io";
import type { BelievedSession } from "./believed-session.ts";
import { limits } from "./limits.ts";

/** How far the one connection that counts has got. */
export type Link =
  | { readonly phase: "idle" }
  | ({ readonly phase: "dialing"; dueMs: number } & LinkTo)
  /** `sinceMs`: when the handshake was sent. */
  | ({ readonly phase: "handshaking"; dueMs: number } & LinkTo)
  /** There is a session; who we are is being found out. */
  | ({ readonly phase: "authenticating"; dueMs: number } & LinkTo)
  | ({ readonly phase: "established" } & LinkTo);

/** What is known of a connection in every phase. */
export interface LinkTo {
  readonly connection: number;
  readonly host: Address;
  /** Other servers may be behind the host's name; known once it is dialed. */
  readonly isOneOfSeveral?: boolean | undefined;
  /** Since when it is in this phase, on the elapsed clock. */
  readonly sinceMs: number;
}

/** No connection. */
export const idle: Link = { phase: "idle" };

/** Whether this is the connection that counts. */
export function isCurrent(link: Link, connection: number): boolean {
  return link.phase !== "idle" && link.connection === connection;
}

/** Whether it is still to become usable, by `dueMs`. */
export function isAttempt(link: Link): link is Extract<Link, { phase: "dialing" | "handshaking" | "authenticating" }> {
  return link.phase !== "idle" && link.phase !== "established";
}

/** How long one host may take to accept, and again to answer the handshake, while there is no session to lose. */
export function attemptMs(sessionTimeoutMs: number, hosts: number): number {
  return Math.min(limits.attemptMs, Math.max(limits.attemptMsMin, Math.ceil(sessionTimeoutMs / hosts)));
}

/**
 * How long it may take now. What is left of a session is halved from attempt to attempt: one connection that leads
 * nowhere must not use it up.
 */
export function patienceMs(longestMs: number, session: BelievedSession | undefined, nowMs: number): number {
  if (session === undefined) return longestMs;
  return Math.max(limits.attemptMsMin, Math.min(longestMs, Math.ceil((session.deadlineMs - nowMs) / 2)));
}
