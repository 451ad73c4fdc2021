/**
 * Many watchers that all wait for a change. A session has one watch on a node at most, so that fewer connections than
 * watchers take more nodes, of which all are changed at once: 100 connections have 10,000 watches on 100 nodes.
 */
import { CreateMode, openAcl, WatchEventType } from "@corral/protocol";
import { LoadError } from "../load/open-session.ts";
import { median } from "../measurement.ts";
import { closeMany, openMany, RawSession } from "./raw-session.ts";
import type { ScenarioSpec } from "./scenarios.ts";

const data = Buffer.alloc(100, "x");

/** Milliseconds from the writes of a change until the last watcher has its notification; the median of several changes. */
export async function measureWatchers({ port, scenario, changes }: ScenarioSpec): Promise<number> {
  const { connections, watchers = connections } = scenario;
  const paths = Array.from(
    { length: Math.ceil(watchers / connections) },
    (_, i) => `/bench/watched-${process.pid}-${i}`,
  );
  const writer = await RawSession.open(port);
  for (const path of paths) {
    await writer.demand("create", { path, data, acl: openAcl, flags: CreateMode.persistent });
  }
  const sessions = await openMany(port, connections);
  const tookMs: number[] = [];
  for (let change = 0; change <= changes; change++) {
    await Promise.all(sessions.flatMap((session) => paths.map((path) => watch(session, path, change))));
    const ms = await timeOfChange(writer, sessions, paths);
    // What a virtual machine has not run yet is slow the first time.
    if (change > 0) tookMs.push(ms);
  }
  await closeMany(sessions);
  for (const path of paths) await writer.demand("delete", { path, version: -1 });
  await writer.close();
  return median(tookMs);
}

/** Sets a watch; whoever was told of a change must see it by then. */
async function watch(session: RawSession, path: string, version: number): Promise<void> {
  const { stat } = await session.demand("getData", { path, watch: true });
  if (stat.version !== version) throw new LoadError(`${path} is of version ${stat.version} where ${version} is due.`);
}

async function timeOfChange(
  writer: RawSession,
  sessions: readonly RawSession[],
  paths: readonly string[],
): Promise<number> {
  let missing = sessions.length * paths.length;
  const toldAll = new Promise<number>((resolve, reject) => {
    for (const session of sessions) {
      const untold = new Set(paths);
      session.onFailure = reject;
      session.onEvent = ({ type, path }) => {
        const due = type === WatchEventType.nodeDataChanged && untold.delete(path);
        if (!due) throw new LoadError(`A notification of type ${type} of ${path}, which is not due.`);
        if (--missing === 0) resolve(performance.now());
      };
    }
  });
  const startMs = performance.now();
  const written = paths.map((path) => writer.demand("setData", { path, data, version: -1 }));
  const [endMs] = await Promise.all([toldAll, ...written]);
  return endMs - startMs;
}
