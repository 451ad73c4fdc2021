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

/** The same for the same lifetimes, and only for those. */
export function lifetimeKey(lifetime: Lifetime): string | number | bigint {
  switch (lifetime.kind) {
    case "ephemeral":
      return lifetime.owner;
    case "ttl":
      return lifetime.ttlMs;
    case "persistent":
    case "container":
      return lifetime.kind;
  }
}
