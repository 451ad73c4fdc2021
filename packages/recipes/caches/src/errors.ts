/** What can come of asking a cache. Recognised by marks, so that two copies of this package agree. */

const mark = Symbol.for("corral.caches.error");

type ErrorName = "CacheOverflowError" | "CacheUnavailableError";

/** There is more than the cache may hold. It holds nothing any more: part of the truth would be taken for all of it. */
export class CacheOverflowError extends Error {
  override readonly name = "CacheOverflowError";
  readonly path: string;
  /** How many nodes there were, at least. */
  readonly nodes: number;
  /** Their bytes, as far as they had been read. */
  readonly bytes: number;

  constructor(path: string, { nodes, bytes }: { readonly nodes: number; readonly bytes: number }, bounds: Bounds) {
    super(
      `${path} holds ${nodes} nodes and ${bytes} bytes or more, and the cache may hold ${bounds.nodesMax} and ${bounds.bytesMax}. Allow more, or cache less: depth, descend.`,
    );
    this.path = path;
    this.nodes = nodes;
    this.bytes = bytes;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

/** How much a cache may hold. */
export interface Bounds {
  /** Nodes that are followed, whether kept or not. */
  readonly nodesMax: number;
  /** Bytes of their paths and data. */
  readonly bytesMax: number;
}

/** The cache cannot answer: it has not read everything yet, or it has ended. Nothing follows for what is on the server. */
export class CacheUnavailableError extends Error {
  override readonly name = "CacheUnavailableError";
  readonly path: string;
  readonly state: string;

  constructor(path: string, state: string, cause?: unknown) {
    super(`The cache of ${path} cannot answer: it is ${state}. ${remedies[state] ?? "Make another."}`, { cause });
    this.path = path;
    this.state = state;
    Object.defineProperty(this, mark, { value: this.name });
  }
}

const remedies: Readonly<Record<string, string>> = { initialising: "Await start() first." };

/** Whether `error` is a CacheOverflowError, of whatever copy of this package. */
export function isCacheOverflowError(error: unknown): error is CacheOverflowError {
  return isNamed(error, "CacheOverflowError");
}

/** Whether `error` is a CacheUnavailableError, of whatever copy of this package. */
export function isCacheUnavailableError(error: unknown): error is CacheUnavailableError {
  return isNamed(error, "CacheUnavailableError");
}

function isNamed(error: unknown, name: ErrorName): boolean {
  return typeof error === "object" && error !== null && Reflect.get(error, mark) === name;
}
