/**
 * The master-worker on Debian's Apache ZooKeeper: the same code, somebody else's server. What the deaths of masters and
 * workers do to tasks is shown in test/integration on our server; here, that nothing of it hangs on whose server it is.
 */
import { type Client, connect } from "@corral/client";
import { guardedTransaction, isStaleEpoch, Master, TaskClient, Worker } from "@corral/master-worker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApacheZooKeeper, startApacheZooKeeper } from "../support/apache-zookeeper.ts";
import { BreakableNetwork } from "../support/breakable-network.ts";
import { next, record } from "../support/group.ts";
import { hasZooKeeper } from "../support/peers.ts";

const echo = async (input: unknown): Promise<unknown> => input;

describe.runIf(hasZooKeeper())("on Apache ZooKeeper", () => {
  let apache: ApacheZooKeeper;
  const clients: Client[] = [];
  beforeAll(async () => {
    apache = await startApacheZooKeeper();
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await apache.close();
  });

  /** Sessions that outlive a busy machine, unless a test waits for one to expire. */
  async function link(sessionTimeoutMs = 10_000, connectString = apache.connectString): Promise<Client> {
    const client = await connect(connectString, { sessionTimeoutMs });
    clients.push(client);
    return client;
  }

  test("a master hands over, a worker closes, a worker drains: every task ends once", async () => {
    const root = "/jobs";
    const client = await link();
    const first = new Master(await link(), { id: "m1", root });
    const second = new Master(await link(), { id: "m2", root });
    const elected = next(second.events, "elected");
    first.start();
    await next(first.events, "active");
    second.start();
    const leaving = new Worker(await link(), { id: "w1", root, capacity: 3, run: echo });
    const staying = new Worker(await link(), { id: "w2", root, capacity: 3, run: echo });
    await Promise.all([leaving.start(), staying.start()]);
    const tasks = new TaskClient(client, { root });
    const handles = await Promise.all(Array.from({ length: 200 }, (_, index) => tasks.submit(index)));
    await first.close();
    expect(await elected).toMatchObject({ epoch: 2 });
    const stale = guardedTransaction(client, tasks.layout, 1).create("/jobs/tasks/stray").commit();
    await expect(stale).rejects.toSatisfy(isStaleEpoch);
    await leaving.close();
    expect(await Promise.all(handles.map((handle) => handle.value()))).toEqual(handles.map((_, index) => index));
    await staying.drain();
    await second.close();
    expect(await client.children("/jobs/tasks")).toEqual([]);
    expect(await client.children("/jobs/status")).toHaveLength(200);
  });

  test("a master and a worker are cut off until their sessions are over: others take their place and their tasks", async () => {
    const root = "/cut";
    const client = await link();
    const [masterNetwork, workerNetwork] = [
      await BreakableNetwork.to(apache.connectString),
      await BreakableNetwork.to(apache.connectString),
    ];
    try {
      const lost = new Master(await link(2_000, masterNetwork.connectString), { id: "m1", root });
      const heir = new Master(await link(), { id: "m2", root });
      const elected = next(heir.events, "elected");
      lost.start();
      await next(lost.events, "active");
      heir.start();
      // It never ends by itself, so that the tasks are there to be taken.
      const stuck = new Worker(await link(2_000, workerNetwork.connectString), {
        id: "w1",
        root,
        run: (_input, { signal }) => new Promise((_resolve, reject) => signal.addEventListener("abort", reject)),
      });
      const abandoned = record(stuck.events, "abandoned");
      await stuck.start();
      const tasks = new TaskClient(client, { root });
      const started = next(stuck.events, "started");
      const handles = await Promise.all([tasks.submit("a"), tasks.submit("b")]);
      await started;
      masterNetwork.cut();
      workerNetwork.cut();
      expect((await elected).epoch).toBeGreaterThan(1);
      const other = new Worker(await link(), { id: "w2", root, run: echo });
      await other.start();
      expect(await Promise.all(handles.map((handle) => handle.value()))).toEqual(["a", "b"]);
      expect(abandoned.length).toBeGreaterThan(0);
      masterNetwork.heal();
      workerNetwork.heal();
      await Promise.all([stuck.close(), other.close(), lost.close(), heir.close()]);
      expect(await client.children("/cut/tasks")).toEqual([]);
      expect(await client.children("/cut/status")).toHaveLength(2);
    } finally {
      await Promise.all([masterNetwork.close(), workerNetwork.close()]);
    }
  });
});
