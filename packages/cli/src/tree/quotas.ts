/** The quotas of a server, which stand in nodes of its own: `/zookeeper/quota/q/zookeeper_limits` is that of `/q`. */
import { type Client, insist, isCoordinationError } from "@corral/client";

/** Where they stand; a client with a chroot sees none. */
export const quotaRoot = "/zookeeper/quota";

const limitsName = "zookeeper_limits";
const statsName = "zookeeper_stats";
const nodesAtOnce = 512;

/** The paths that have one, in order, and whether some may not be read. @throws CoordinationError */
export async function quotasOf(
  client: Client,
  signal?: AbortSignal,
): Promise<{ readonly quotas: readonly string[]; readonly isUnreadable: boolean }> {
  const quotas: string[] = [];
  let isUnreadable = false;
  const ifUnread = (error: unknown): string[] => {
    if (isCoordinationError(error, "NoAuth")) isUnreadable = true;
    else if (!isCoordinationError(error, "NoNode")) throw error;
    return [];
  };
  const pending: string[] = [quotaRoot];
  while (pending.length > 0) {
    const paths = pending.splice(-nodesAtOnce);
    const found = await Promise.all(
      paths.map((path) => insist(client, signal, () => client.children(path)).catch(ifUnread)),
    );
    for (const [at, names] of found.entries()) {
      const path = paths[at] ?? quotaRoot;
      // The root cannot have one, whatever stands there.
      if (names.includes(limitsName) && path !== quotaRoot) quotas.push(path.slice(quotaRoot.length));
      for (const name of names) if (name !== limitsName && name !== statsName) pending.push(`${path}/${name}`);
    }
  }
  return { quotas: quotas.sort(), isUnreadable };
}
