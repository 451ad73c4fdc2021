/** What is measured: an operation, or a mix of them, at so many connections with so many requests in flight on each. */

/** What one request of the load does. `createDelete` creates a node and deletes it again, in turn. */
export type LoadOperation = "get" | "set" | "children" | "createDelete";

/** One line of the table. */
export interface Figure {
  readonly name: string;
  /** Operations with their share of the requests, in percent. */
  readonly mix: Readonly<Partial<Record<LoadOperation, number>>>;
  readonly connections: number;
  /** Requests in flight on each connection. */
  readonly depth: number;
}

/** What the tree holds while it is measured. */
export const tree = {
  /** Nodes that are read and set; which one is chosen at random. */
  keys: 1000,
  /** Bytes of data in each. */
  dataBytes: 100,
  /** Children of the node that is listed. */
  children: 100,
} as const;

const shapes = [
  { connections: 1, depth: 1 },
  { connections: 50, depth: 1 },
  { connections: 50, depth: 16 },
] as const;

function at(what: string, mix: Figure["mix"], { connections, depth }: { connections: number; depth: number }): Figure {
  return { name: `${what} ${connections}x${depth}`, mix, connections, depth };
}

const spread = shapes[1];

/** Everything that `npm run bench` measures, in order. */
export const figures: readonly Figure[] = [
  ...shapes.map((shape) => at("get", { get: 100 }, shape)),
  ...shapes.map((shape) => at("set", { set: 100 }, shape)),
  at("children", { children: 100 }, spread),
  at("create/delete", { createDelete: 100 }, spread),
  at("get/set 90/10", { get: 90, set: 10 }, spread),
];
