/**
 * Lifetimes by number. Nodes of one session, or of the same time to live, share theirs: an object and an entry of a map for each
 * ephemeral node would be as large as the node.
 */

/** What ends a node's life besides a delete. */
export type Lifetime =
  | { readonly kind: "persistent" }
  | { readonly kind: "ephemeral"; readonly owner: bigint }
  | { readonly kind: "container" }
  | { readonly kind: "ttl"; readonly ttlMs: number };

/** The lifetime of a node that only a delete ends. */
export const persistentLifetime: Lifetime = { kind: "persistent" };
/** The lifetime of a container: it goes some time after its last child. */
export const containerLifetime: Lifetime = { kind: "container" };

/** Of a row that says nothing else. */
const persistent = 0;
const container = 1;

/** The lifetimes in use. Number 0 is that of a persistent node. */
export class LifetimeTable {
  readonly #lifetimes: (Lifetime | undefined)[] = [persistentLifetime, containerLifetime];
  readonly #uses: number[] = [0, 0];
  /** By the owner, or by the time to live in ms. */
  readonly #numbers = new Map<bigint | number, number>();
  readonly #free: number[] = [];

  /** The lifetime's number, used once more. */
  add(lifetime: Lifetime): number {
    if (lifetime.kind === "persistent") return persistent;
    if (lifetime.kind === "container") return container;
    const key = keyOf(lifetime);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#free.pop() ?? this.#lifetimes.length;
      this.#lifetimes[number] = lifetime;
      this.#uses[number] = 0;
      this.#numbers.set(key, number);
    }
    this.#uses[number]!++;
    return number;
  }

  get(number: number): Lifetime {
    return this.#lifetimes[number] ?? persistentLifetime;
  }

  /** Used once less; forgotten with its last use. */
  remove(number: number): void {
    const lifetime = this.get(number);
    if (lifetime.kind === "persistent" || lifetime.kind === "container") return;
    if (--this.#uses[number]! > 0) return;
    this.#numbers.delete(keyOf(lifetime));
    this.#lifetimes[number] = undefined;
    this.#free.push(number);
  }
}

function keyOf(lifetime: Exclude<Lifetime, { kind: "persistent" | "container" }>): bigint | number {
  return lifetime.kind === "ephemeral" ? lifetime.owner : lifetime.ttlMs;
}
