/** Everything that one process at a time can hold, by every recipe that has something of the kind. */
import type { Client } from "@corral/client";
import { Group } from "@corral/group-membership";
import { Election } from "@corral/leader-election";
import { Mutex, ReadWriteLock, Semaphore } from "@corral/locks";
import type { Grant, WaitOptions } from "@corral/recipe-kit";
import { ServiceRegistry } from "@corral/service-registry";

/** A recipe by which something is held. */
export interface Holding {
  readonly name: string;
  /** Waits until it is held. `path` must not be used for anything else. */
  take(client: Client, path: string, wait?: WaitOptions): Promise<Grant>;
}

/** All of them. */
export const holdings: readonly Holding[] = [
  { name: "a mutex", take: (client, path, wait) => new Mutex(client, path).acquire(wait) },
  { name: "a write lock", take: (client, path, wait) => new ReadWriteLock(client, path).write.acquire(wait) },
  { name: "a lease", take: (client, path, wait) => new Semaphore(client, path, { limit: 1 }).acquire(wait) },
  { name: "a leadership", take: (client, path, wait) => new Election(client, path).campaign(wait) },
  {
    name: "a leadership by preference",
    take: (client, path, wait) => new Election(client, path, { priority: 1 }).campaign(wait),
  },
  {
    name: "a membership",
    take: (client, path, wait) => new Group(client, path).join({ name: "m", whenTaken: "wait", ...wait }),
  },
  {
    name: "a name held alone",
    take: (client, path, wait) =>
      new ServiceRegistry(client, { basePath: path }).register(
        { name: "s", address: "127.0.0.1" },
        { exclusive: true, whenTaken: "wait", ...wait },
      ),
  },
];

/** A path for each holding, so that all of them can be tried at once on one server. */
export function pathOf({ name }: Holding): string {
  return `/${name.replaceAll(" ", "-")}`;
}
