/** What this process knows of its own: the sessions in which a client has joined, and the claims that it holds. */
import type { Client } from "@corral/client";

/** Of one client. */
export interface OwnRecord {
  /** Sessions in which it has tried to join something. All but the present one are over. */
  readonly sessions: Set<bigint>;
  /** Paths of the claims of memberships that are held now. */
  readonly claims: Set<string>;
}

const records = new WeakMap<object, OwnRecord>();

/** The record of the client. Every view of one client's tree has its own: views have paths of their own. */
export function ownRecord(client: Client): OwnRecord {
  let record = records.get(client);
  if (record === undefined) {
    record = { sessions: new Set(), claims: new Set() };
    records.set(client, record);
  }
  return record;
}
