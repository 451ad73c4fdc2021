import { expect, test } from "vitest";
import { FakeClock, settle } from "../../test-helpers/fake-clock.ts";
import { plainStat } from "../../test-helpers/scripted-server.ts";
import { random } from "../../test-helpers/world.ts";
import { publicStat } from "../stat.ts";
import type { Watcher } from "../watch-event.ts";
import { TreeFollower, type TreeReads } from "./tree-follower.ts";

test("news right behind the answer to addWatch: the nodes are read without watches of their own", async () => {
  const watched: string[] = [];
  const read = <T>(path: string, watch: Watcher | undefined, answer: T): Promise<T> => {
    if (watch !== undefined) watched.push(path);
    return Promise.resolve(answer);
  };
  const node = { data: null, stat: publicStat(plainStat) };
  const reads: TreeReads = {
    get: (path, { watch }) => read(path, watch, node),
    exists: (path, { watch }) => read(path, watch, node.stat),
    children: (path, { watch }) => read(path, watch, path === "/a" ? ["b"] : []),
    unwatch: () => {},
    async watchRecursively(_path, watcher) {
      // One chunk had both. The answer takes its way through promises, the event is told at once.
      watcher({ type: "nodeCreated", path: "/a/b" });
      await settle();
      return true;
    },
  };
  const told: string[][] = [];
  const follower = new TreeFollower(reads, { clock: new FakeClock(), random }, "/a", {
    next: (state) => told.push([...(state?.keys() ?? [])].sort()),
    error: (error) => expect.unreachable(String(error)),
    complete: () => {},
  });
  follower.start();
  await settle();
  await settle();
  expect(told.at(-1)).toEqual(["/a", "/a/b"]);
  expect(watched).toEqual([]);
  follower.stop();
});
