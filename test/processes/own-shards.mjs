/**
 * Is a member of a group, takes part in the division of shards, and acts on each shard that it owns: by writes that are
 * guarded by the grant. Journals what it owns, what it did and what it was refused, each with the token.
 */
import { connect, isCoordinationError } from "@corral/client";
import { Group, isGrantLostError, ShardedGroup } from "@corral/group-membership";
import { config, journal, onStop } from "./child.mjs";

const { connectString, shards, sessionTimeoutMs } = config;
const client = await connect(connectString, { sessionTimeoutMs });
const stopping = new AbortController();
onStop(async () => {
  stopping.abort();
  await sharing;
  await standing.leave();
  await client.close();
});

const standing = await new Group(client, "/members").stayJoined({ name: config.id, data: process.pid });
standing.membership$.subscribe((membership) => journal("membership", { token: membership?.fencingToken ?? 0n }));

/**
 * Writes to the node that all owners of a shard write to. `check`: what makes the write depend on the grant. Says whether
 * it knows what came of it.
 */
async function act({ shard, fencingToken: token }, check) {
  try {
    const [, { stat }] = await check(client.transaction()).set(`/resource/${shard}`, String(token)).commit();
    journal("acted", { shard, token, zxid: stat.mzxid });
  } catch (error) {
    if (isGrantLostError(error) || isCoordinationError(error, "NoNode")) journal("refused", { shard, token });
    else if (isCoordinationError(error)) {
      journal("unknown", { shard, token });
      return false;
    } else throw error;
  }
  return true;
}

const sharing = new ShardedGroup(client, "/sharded", { shards, name: config.id }).run(
  async (grant) => {
    const { shard, fencingToken: token, signal, wanted } = grant;
    journal("granted", { shard, token });
    signal.addEventListener("abort", () => journal("over", { shard, token, why: String(signal.reason) }));
    while (!wanted.aborted && grant.held) await act(grant, (transaction) => transaction.guard(grant));
    // Whatever it believes by now, and without asking itself: the tree must refuse it if it is not the owner any more.
    const blindly = (transaction) => transaction.check(grant.guard().path);
    while (!(await act(grant, blindly)) && !stopping.signal.aborted);
  },
  { signal: stopping.signal },
);
await sharing;
