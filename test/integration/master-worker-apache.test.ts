/** The master-worker on Debian's Apache ZooKeeper: the same code, somebody else's server. */
import { connect } from "@corral/client";
import { guardedTransaction, isStaleEpoch, Master, TaskClient, Worker } from "@corral/master-worker";
import { describe, expect, test } from "vitest";
import { startApacheZooKeeper } from "../support/apache-zookeeper.ts";
import { next } from "../support/group.ts";
import { hasZooKeeper } from "../support/peers.ts";

describe.runIf(hasZooKeeper())("on Apache ZooKeeper", () => {
  test("a master hands over, a worker closes, a worker drains: every task ends once", async () => {
    const apache = await startApacheZooKeeper();
    try {
      const root = "/jobs";
      const link = () => connect(apache.connectString, { sessionTimeoutMs: 2_000 });
      const [a, b, c, d, e] = await Promise.all([link(), link(), link(), link(), link()]);
      const first = new Master(a, { id: "m1", root });
      const second = new Master(b, { id: "m2", root });
      first.start();
      await next(first.events, "active");
      second.start();
      const echo = async (input: unknown): Promise<unknown> => input;
      const leaving = new Worker(c, { id: "w1", root, capacity: 3, run: echo });
      const staying = new Worker(d, { id: "w2", root, capacity: 3, run: echo });
      await Promise.all([leaving.start(), staying.start()]);
      const tasks = new TaskClient(e, { root });
      const handles = await Promise.all(Array.from({ length: 200 }, (_, index) => tasks.submit(index)));
      const elected = next(second.events, "elected");
      await first.close();
      expect(await elected).toMatchObject({ epoch: 2 });
      const stale = guardedTransaction(e, tasks.layout, 1).create("/jobs/tasks/stray").commit();
      await expect(stale).rejects.toSatisfy(isStaleEpoch);
      await leaving.close();
      expect(await Promise.all(handles.map((handle) => handle.value()))).toEqual(handles.map((_, index) => index));
      await staying.drain();
      await second.close();
      expect(await e.children("/jobs/tasks")).toEqual([]);
      expect(await e.children("/jobs/status")).toHaveLength(200);
      await Promise.all([a, b, c, d, e].map((client) => client.close()));
    } finally {
      await apache.close();
    }
  });
});
