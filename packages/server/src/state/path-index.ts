/**
 * From paths to nodes' numbers: many maps instead of one. A map that has to grow moves everything it holds at once, which
 * takes a server with a million nodes longer than anybody should wait; and no map can hold more than 2^24 entries.
 */
const shards = 64;

/** Paths and the numbers of their nodes. */
export class PathIndex {
  readonly #shards: readonly Map<string, number>[] = Array.from({ length: shards }, () => new Map());
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Whether a path was added that was in it: only then there are fewer paths than were added. */
  get hasTwice(): boolean {
    return this.#shards.reduce((sum, shard) => sum + shard.size, 0) !== this.#size;
  }

  get(path: string): number | undefined {
    return this.#shardOf(path).get(path);
  }

  /** `path` is not in it yet. */
  add(path: string, number: number): void {
    this.#shardOf(path).set(path, number);
    this.#size++;
  }

  /** `path` is in it. */
  delete(path: string): void {
    this.#shardOf(path).delete(path);
    this.#size--;
  }

  /** All paths. What is added or deleted meanwhile may come or not; everything else comes, once. */
  *[Symbol.iterator](): Generator<readonly [path: string, number: number]> {
    for (const shard of this.#shards) yield* shard;
  }

  /** By the end of the path: that is where sequence numbers differ. */
  #shardOf(path: string): Map<string, number> {
    const { length } = path;
    let hash = length;
    for (let i = Math.max(0, length - 4); i < length; i++) hash = Math.imul(hash, 31) + path.charCodeAt(i);
    return this.#shards[(hash ^ (hash >>> 6)) & (shards - 1)] as Map<string, number>;
  }
}
