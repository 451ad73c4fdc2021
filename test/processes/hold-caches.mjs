/**
 * Keeps four caches of one tree, and journals every change and every state that they tell, and at the end
 * what they hold.
 */
import { ChildrenCache, NodeCache, TreeCache } from "@corral/caches";
import { connect } from "@corral/client";
import { config, journal, onStop } from "./child.mjs";

const { connectString, sessionTimeoutMs, path } = config;
const client = await connect(connectString, { sessionTimeoutMs });
onStop(async () => {
  for (const [cache, one] of Object.entries(caches)) journal("held", { cache, nodes: shownAll(one.nodes) });
  await client.close();
});
client.on("state", ({ state, sessionId }) => journal("state", { state, sessionId }));

const caches = {
  whole: new TreeCache(client, path),
  levels: new TreeCache(client, path, { depth: 9 }),
  children: new ChildrenCache(client, path),
  node: new NodeCache(client, `${path}/0`),
};

function shown(node) {
  if (node === undefined) return undefined;
  const { czxid, mzxid, version } = node.stat;
  return { czxid, mzxid, version, data: String(node.data ?? "") };
}

/** Paths and zxids, in order. */
function shownAll(nodes) {
  return [...nodes].map(([at, { stat }]) => `${at} ${stat.mzxid}`).sort();
}

for (const [cache, one] of Object.entries(caches)) {
  one.changes$.subscribe(({ type, path: at, before, after }) =>
    journal("change", { cache, type, at, before: shown(before), after: shown(after) }),
  );
  one.state$.subscribe(({ kind }) => journal("cache", { cache, state: kind }));
}
await Promise.all(Object.values(caches).map((cache) => cache.start()));
journal("started", { sessionId: client.sessionId });
