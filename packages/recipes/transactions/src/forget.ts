/** Removing transactions that have finished, but for the youngest: what was decided can be asked for that long. */
import { type Client, isCoordinationError } from "@corral/client";
import { childrenOrNone } from "@corral/recipe-kit";
import type { Layout } from "./layout.ts";
import { limits } from "./limits.ts";

/**
 * Forgets the oldest of those that are decided and acknowledged by everybody; one request's worth. It moves the version
 * of their parent, by which `begin` hears of it.
 */
export async function forgetOldest(client: Client, layout: Layout, keep: number): Promise<void> {
  try {
    const ids = await childrenOrNone(client, layout.transactions);
    const old = ids.sort().slice(0, Math.max(0, ids.length - keep));
    const finished: { path: string; version: number }[] = [];
    // Those that are not finished stay, however old; so more may have to be looked at than can be removed.
    for (let at = 0; at < old.length && finished.length < limits.forgetAtOnce; at += limits.forgetAtOnce) {
      const paths = old.slice(at, at + limits.forgetAtOnce).map((id) => layout.transaction(id));
      const stats = await Promise.all(paths.map((path) => client.exists(path)));
      for (const [i, stat] of stats.entries()) {
        const path = paths[i];
        if (path === undefined || stat === undefined || stat.version === 0 || stat.numChildren > 0) continue;
        if (finished.length < limits.forgetAtOnce) finished.push({ path, version: stat.version });
      }
    }
    if (finished.length === 0) return;
    const removal = client.transaction().set(layout.transactions, null);
    for (const { path, version } of finished) removal.delete(path, { version });
    await removal.commit();
  } catch (err) {
    // Somebody else does the same, or the connection broke: whoever begins the next transaction sees to it.
    if (isCoordinationError(err, "ClientClosed")) return;
    client.logger.debug({ err, path: layout.transactions }, "finished transactions could not be removed this time");
  }
}
