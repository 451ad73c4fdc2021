/**
 * Takes a lock or leadership again and again, and each time acts on it: by writes that are guarded by the grant. Journals
 * what it holds, what it did and what it was refused, each with the token; it goes on through everything.
 */
import { connect, isCoordinationError } from "@corral/client";
import { Election } from "@corral/leader-election";
import { Mutex, ReadWriteLock, Semaphore } from "@corral/locks";
import { isGrantLostError } from "@corral/recipe-kit";
import { config, journal, onStop } from "./child.mjs";

const { connectString, recipe, sessionTimeoutMs, acts } = config;
const client = await connect(connectString, { sessionTimeoutMs });
const stopping = new AbortController();
onStop(async () => {
  stopping.abort();
  await client.close();
});
client.on("state", ({ state }) => journal("state", { state }));

const path = "/contended";
const identity = config.id;
const wait = { signal: stopping.signal };
const recipes = {
  mutex: () => new Mutex(client, path, { identity }).acquire(wait),
  "mutex with a lock-delay": () => new Mutex(client, path, { identity, lockDelayMs: 20 }).acquire(wait),
  "lock to write": () => new ReadWriteLock(client, path, { identity }).write.acquire(wait),
  "semaphore of one lease": () => new Semaphore(client, path, { identity, limit: 1 }).acquire(wait),
  election: () => new Election(client, path, { identity }).campaign(wait),
  // Another each time, so that everybody gets a turn.
  "election with priorities": () =>
    new Election(client, path, { identity, priority: Math.floor(Math.random() * 3) }).campaign(wait),
};
const take = recipes[recipe];

/** The node that all of them write to, each write under its writer's grant. */
async function act(grant) {
  const token = grant.fencingToken;
  journal("acting", { token, aborted: grant.signal.aborted });
  try {
    const [, { stat }] = await client.transaction().guard(grant).set("/resource", String(token)).commit();
    journal("acted", { token, zxid: stat.mzxid });
  } catch (error) {
    if (isGrantLostError(error)) journal("refused", { token });
    else if (isCoordinationError(error, "ConnectionLoss")) journal("unknown", { token });
    else throw error;
  }
}

while (!stopping.signal.aborted) {
  const grant = await take();
  const token = grant.fencingToken;
  journal("granted", { token });
  grant.signal.addEventListener("abort", () => journal("over", { token, why: String(grant.signal.reason) }));
  for (let i = 0; i < acts && grant.held; i++) await act(grant);
  // Whatever it believes by now: the tree must refuse it if it is wrong.
  await act(grant);
  await grant.release();
  journal("released", { token });
}
