/**
 * The lock recipe without a herd, on raw sessions: each contender makes an ephemeral sequential node, waits for the one
 * before it to go, holds for no time, deletes its own, and contends again.
 */
import { CreateMode, openAcl, WatchEventType } from "@corral/protocol";
import { LoadError } from "../load/open-session.ts";
import { closeMany, openMany, RawSession } from "./raw-session.ts";
import type { ScenarioSpec } from "./scenarios.ts";
import { ratePerSecond, type Window } from "./window.ts";

const data = Buffer.alloc(0);

/** How often a second somebody held the lock after somebody else. Rejects if two ever held at once. */
export async function measureLock(spec: ScenarioSpec): Promise<number> {
  const path = `/bench/lock-${process.pid}`;
  const keeper = await RawSession.open(spec.port);
  await keeper.demand("create", { path, data, acl: openAcl, flags: CreateMode.persistent });
  const sessions = await openMany(spec.port, spec.scenario.connections);
  const holdings = new Holdings();
  const rate = await ratePerSecond(spec, (window) =>
    Promise.all(sessions.map((session) => contend(session, path, holdings, window))),
  );
  await closeMany(sessions);
  await keeper.demand("delete", { path, version: -1 });
  await keeper.close();
  return rate;
}

/** Who holds: one at a time, in the order of their numbers. */
class Holdings {
  #holder: string | undefined;
  #last = "";

  begin(name: string): void {
    if (this.#holder !== undefined) throw new LoadError(`${name} holds the lock while ${this.#holder} does.`);
    if (name <= this.#last) throw new LoadError(`${name} holds the lock after ${this.#last}.`);
    this.#holder = name;
    this.#last = name;
  }

  end(): void {
    this.#holder = undefined;
  }
}

async function contend(session: RawSession, lock: string, holdings: Holdings, window: Window): Promise<void> {
  while (window.open) {
    const body = { path: `${lock}/n-`, data, acl: openAcl, flags: CreateMode.ephemeralSequential };
    const { path } = await session.demand("create", body);
    const name = path.slice(lock.length + 1);
    await turn(session, lock, name);
    holdings.begin(name);
    window.count();
    // One turn of the event loop: another that is wrongly let in meanwhile shows.
    await new Promise((resolve) => setImmediate(resolve));
    // It is free from when the delete is on its way.
    holdings.end();
    await session.demand("delete", { path, version: -1 });
  }
}

/** Resolves when no name comes before `name`. */
async function turn(session: RawSession, lock: string, name: string): Promise<void> {
  for (;;) {
    const { children } = await session.demand("getChildren", { path: lock, watch: false });
    if (!children.includes(name)) throw new LoadError(`${name} is gone, though nobody deleted it.`);
    const before = children.reduce((best, one) => (one < name && one > best ? one : best), "");
    if (before === "") return;
    await gone(session, `${lock}/${before}`);
  }
}

/** Resolves when the node is deleted; at once if it is already. */
async function gone(session: RawSession, path: string): Promise<void> {
  const told = new Promise<void>((resolve, reject) => {
    session.onFailure = reject;
    session.onEvent = (event) => {
      if (event.type !== WatchEventType.nodeDeleted || event.path !== path) {
        throw new LoadError(`A notification of type ${event.type} of ${event.path}, which is not due.`);
      }
      resolve();
    };
  });
  const asked = session.ask("getData", { path, watch: true });
  await Promise.race([told, asked.then((node) => (node === undefined ? undefined : told))]);
}
