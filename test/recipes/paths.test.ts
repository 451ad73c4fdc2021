/** Whatever is made at a path says at once when no node can be called so. */
import { Barrier, DoubleBarrier, PhasedBarrier } from "@corral/barriers";
import { ChildrenCache, NodeCache, TreeCache } from "@corral/caches";
import { type Client, connect, json } from "@corral/client";
import { Configuration } from "@corral/configuration";
import { AtomicCounter, IdAllocator, SharedValue } from "@corral/counters";
import { Group, ShardedGroup } from "@corral/group-membership";
import { Election } from "@corral/leader-election";
import { Mutex, ReadWriteLock, Semaphore } from "@corral/locks";
import { DelayQueue, PriorityQueue, Queue } from "@corral/queues";
import { ServiceRegistry } from "@corral/service-registry";
import { TestServer } from "@corral/testing";
import { TwoPhaseCommit } from "@corral/transactions";
import { afterAll, beforeAll, expect, test } from "vitest";

let server: TestServer;
let client: Client;
beforeAll(async () => {
  server = await TestServer.start();
  client = await connect(server.connectString);
});
afterAll(async () => {
  await client.close();
  await server.stop();
});

/** Takes everything. */
const schema = { "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value }) } } as const;

const made: Readonly<Record<string, (path: string) => unknown>> = {
  AtomicCounter: (path) => new AtomicCounter(client, path),
  Barrier: (path) => new Barrier(client, path),
  ChildrenCache: (path) => new ChildrenCache(client, path),
  Configuration: (path) => new Configuration(client, path, { schema }),
  DelayQueue: (path) => new DelayQueue(client, path),
  DoubleBarrier: (path) => new DoubleBarrier(client, path, { parties: 2 }),
  Election: (path) => new Election(client, path),
  IdAllocator: (path) => new IdAllocator(client, path),
  Mutex: (path) => new Mutex(client, path),
  NodeCache: (path) => new NodeCache(client, path),
  PhasedBarrier: (path) => new PhasedBarrier(client, path, { parties: 2 }),
  PriorityQueue: (path) => new PriorityQueue(client, path),
  Queue: (path) => new Queue(client, path),
  ReadWriteLock: (path) => new ReadWriteLock(client, path),
  Semaphore: (path) => new Semaphore(client, path, { limit: 1 }),
  ShardedGroup: (path) => new ShardedGroup(client, path, { name: "a", shards: ["1"] }),
  SharedValue: (path) => new SharedValue(client, path, { codec: json, initial: 0 }),
  TreeCache: (path) => new TreeCache(client, path),
  TwoPhaseCommit: (path) => new TwoPhaseCommit(client, path),
};

/** Something of theirs stands beside their node. */
const madeBeside: Readonly<Record<string, (path: string) => unknown>> = {
  Group: (path) => new Group(client, path),
  ServiceRegistry: (path) => new ServiceRegistry(client, { basePath: path }),
};

test.each(Object.entries({ ...made, ...madeBeside }))("%s", (name, make) => {
  for (const path of ["", "a", "/a/", "/a//b", "/a/./b"]) {
    expect(() => make(path), path).toThrow(TypeError);
    expect(() => make(path)).toThrow(`the path ${JSON.stringify(path)} cannot be used`);
  }
  expect(() => make("/a/b")).not.toThrow();
  if (name in madeBeside) expect(() => make("/")).toThrow("it is the root");
  else expect(() => make("/")).not.toThrow();
});
