/**
 * One ExactNode for each node that a client changes, however many counters and values are made for it: a receipt serves
 * one change at a time, and a counter that is made for a single increment must not cost a receipt of its own.
 */
import type { Client } from "@corral/client";
import { ExactNode } from "./exact-node.ts";

const all = new WeakMap<Client, Map<string, ExactNode>>();

/** The one for `path`. Forgotten when it has been idle for a while; not to be kept between two changes. */
export function exactNode(client: Client, path: string): ExactNode {
  let ofClient = all.get(client);
  if (ofClient === undefined) {
    ofClient = new Map();
    all.set(client, ofClient);
  }
  const there = ofClient.get(path);
  if (there !== undefined) return there;
  const made: ExactNode = new ExactNode(client, path, () => void ofClient.delete(path));
  ofClient.set(path, made);
  return made;
}
