/** Every `explain()` is a wait like any other: it ends by `signal` and by `timeoutMs`, also while nobody answers. */
import { Barrier, DoubleBarrier, isWaitTimeoutError, PhasedBarrier } from "@corral/barriers";
import { type Client, connect } from "@corral/client";
import { Configuration } from "@corral/configuration";
import { Group, ShardedGroup } from "@corral/group-membership";
import { Election } from "@corral/leader-election";
import { Mutex, Semaphore } from "@corral/locks";
import { Queue } from "@corral/queues";
import { ServiceRegistry } from "@corral/service-registry";
import { FaultProxy, TestServer } from "@corral/testing";
import { expect, test } from "vitest";
import { z } from "zod";

interface Wait {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}
const schema = z.object({ a: z.number() });
const explanations: readonly (readonly [string, (client: Client, wait: Wait) => Promise<unknown>])[] = [
  ["Mutex", (client, wait) => new Mutex(client, "/e").explain(wait)],
  ["Semaphore", (client, wait) => new Semaphore(client, "/e", { limit: 1 }).explain(wait)],
  ["Election", (client, wait) => new Election(client, "/e").explain(wait)],
  ["Group", (client, wait) => new Group(client, "/e").explain(wait)],
  ["ShardedGroup", (client, wait) => new ShardedGroup(client, "/e", { shards: ["a"], name: "x" }).explain(wait)],
  ["Barrier", (client, wait) => new Barrier(client, "/e").explain(wait)],
  ["DoubleBarrier", (client, wait) => new DoubleBarrier(client, "/e", { parties: 2 }).explain(wait)],
  ["PhasedBarrier", (client, wait) => new PhasedBarrier(client, "/e", { parties: 2 }).explain(wait)],
  ["ServiceRegistry", (client, wait) => new ServiceRegistry(client).explain("e", wait)],
  ["Queue", (client, wait) => new Queue(client, "/e").explain(wait)],
  ["Configuration", (client, wait) => new Configuration(client, "/e", { schema, defaults: { a: 1 } }).explain(wait)],
];

test("while nobody answers, every explanation ends by its time and by its signal", async () => {
  await using server = await TestServer.start();
  await using proxy = await FaultProxy.start(server.connectString);
  await using client = await connect(proxy.connectString, { sessionTimeoutMs: 60_000 });
  proxy.stall("both");
  await Promise.all(
    explanations.map(async ([name, explain]) => {
      const late = await explain(client, { timeoutMs: 10 }).catch((error: unknown) => error);
      expect(isWaitTimeoutError(late), `${name}: ${late}`).toBe(true);
      const controller = new AbortController();
      const stopped = explain(client, { signal: controller.signal }).catch((error: unknown) => error);
      controller.abort(`enough of ${name}`);
      expect(await stopped).toBe(`enough of ${name}`);
    }),
  );
  proxy.resume();
});
