/** What is measured: an operation, or a mix of them, at so many connections with so many requests in flight on each. */

/**
 * What one request of the load does. `setKib` sets 1 KiB; `createDelete` creates a node and deletes it again, in turn.
 * `create` and `delete` are of nodes of each connection's own, so many that they stand alone in a mix.
 */
export type LoadOperation =
  | "get"
  | "set"
  | "setKib"
  | "children"
  | "create"
  | "createEphemeralSequential"
  | "delete"
  | "createDelete";

/** One line of the table. */
export interface Figure {
  readonly name: string;
  /** Operations with their share of the requests, in percent. */
  readonly mix: Readonly<Partial<Record<LoadOperation, number>>>;
  readonly connections: number;
  /** Requests in flight on each connection. */
  readonly depth: number;
  /** Gets and sets are of these many nodes of a tree that was filled, and not of the tree's keys. */
  readonly filledNodes?: number;
}

/** What the tree holds while it is measured. */
export const tree = {
  /** Nodes that are read and set; which one is chosen at random. */
  keys: 1000,
  /** Bytes of data in each. */
  dataBytes: 100,
  /** Bytes that `setKib` sets, on as many nodes of its own. */
  largeBytes: 1_024,
  /** Children of the node that is listed. */
  children: 100,
  /** Parents of what connections create, one for each connection as far as they go. */
  parents: 50,
} as const;

const shapes = [
  { connections: 1, depth: 1 },
  { connections: 50, depth: 1 },
  { connections: 50, depth: 16 },
] as const;

function at(what: string, mix: Figure["mix"], { connections, depth }: { connections: number; depth: number }): Figure {
  return { name: `${what} ${connections}x${depth}`, mix, connections, depth };
}

const [, spread, deep] = shapes;
const crowd = { connections: 500, depth: 16 } as const;

/** Everything that `npm run bench` measures, in order. */
export const figures: readonly Figure[] = [
  ...shapes.map((shape) => at("get", { get: 100 }, shape)),
  ...shapes.map((shape) => at("set", { set: 100 }, shape)),
  at("get", { get: 100 }, crowd),
  at("set 1 KiB", { setKib: 100 }, deep),
  at("children", { children: 100 }, spread),
  at("children", { children: 100 }, deep),
  at("create", { create: 100 }, deep),
  at("create ephemeral-sequential", { createEphemeralSequential: 100 }, deep),
  at("delete", { delete: 100 }, deep),
  at("create/delete", { createDelete: 100 }, spread),
  at("create/delete", { createDelete: 100 }, deep),
  at("get/set 90/10", { get: 90, set: 10 }, spread),
  at("get/set 90/10", { get: 90, set: 10 }, deep),
];
