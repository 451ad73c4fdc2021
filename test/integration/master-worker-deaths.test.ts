/** What happens when workers and masters die, or are only thought to be dead, and when a master finds a tree in disorder. */
import type { Client } from "@corral/client";
import {
  assignmentName,
  decodeStatus,
  encodeStatus,
  encodeTask,
  encodeValue,
  encodeWorker,
  guardedTransaction,
  isStaleEpoch,
  Layout,
} from "@corral/master-worker";
import { describe, expect, test } from "vitest";
import { Gate, next, places, record, TestGroup, untilChildren } from "../support/group.ts";

/** A stored task with this input. */
function task(input: unknown, attempts = 0): Uint8Array {
  return encodeTask({ attempts, submittedAtMs: 0, input: encodeValue(input) });
}

/** A stored result. */
function status(value: unknown): Uint8Array {
  return encodeStatus({ kind: "done", attempt: 1, by: "old", guid: "g", atMs: 0, value: encodeValue(value) });
}

/** Registers as a worker that never does anything. */
async function registerIdler(client: Client, id: string, capacity = 1): Promise<void> {
  const record = { guid: id, capacity, backlog: 0, draining: false, sessionTimeoutMs: 1_000 };
  await client
    .transaction()
    .create(`/assign/${id}`)
    .create(`/workers/${id}`, encodeWorker(record), { mode: "ephemeral" })
    .commit();
}

describe("a worker that is cut off", () => {
  test("loses its tasks to another, and is told to stop them", async () => {
    await using group = await TestGroup.start();
    const master = await group.master({ id: "m" });
    const gate = new Gate();
    const stopped = new Gate();
    const first = await group.worker({
      id: "w1",
      capacity: 2,
      backlog: 2,
      run: async (_input, { signal }) => {
        signal.addEventListener("abort", () => stopped.open());
        await gate.wait();
        signal.throwIfAborted();
        return "first";
      },
    });
    await first.it.start();
    const tasks = await group.tasks();
    const handles = await Promise.all([0, 1, 2, 3].map((input) => tasks.it.submit(input)));
    await untilChildren(tasks.client, "/assign/w1", (names) => names.length === 4);
    await gate.reached;
    const second = await group.worker({ id: "w2", run: async () => "second" });
    await second.it.start();
    const lost = next(first.it.events, "lost");
    const reassigned = next(master.it.events, "reassigned");
    first.network.cut();
    await stopped.wait();
    expect(await lost).toEqual({ why: "sessionLost" });
    expect(await reassigned).toEqual({ epoch: 1, worker: "w1", count: 4 });
    const outcomes = await Promise.all(handles.map((handle) => handle.outcome()));
    for (const outcome of outcomes) expect(outcome).toMatchObject({ kind: "done", value: "second", attempt: 2 });
    expect([...(await places(tasks.client, tasks.it.layout)).values()]).toEqual(handles.map(() => ["status"]));
    gate.open();
  });

  test.each(["while the second attempt runs", "after the second attempt is recorded"])(
    "and gets its own task back: the first attempt's late report is refused, %s",
    async (when) => {
      await using group = await TestGroup.start();
      await group.master({ id: "m" });
      const gates = [new Gate(), new Gate()];
      const tokens: bigint[] = [];
      // It does not heed its signal: the worst kind of task.
      const worker = await group.worker({
        id: "w",
        capacity: 2,
        run: async (_input, { attempt, fencingToken }) => {
          tokens.push(fencingToken);
          await gates[attempt - 1]?.wait();
          return `attempt ${attempt}`;
        },
      });
      const refusals = record(worker.it.events, "reportRefused");
      await worker.it.start();
      const tasks = await group.tasks();
      const handle = await tasks.it.submit(null);
      await gates[0]?.reached;
      worker.network.cut();
      // The master has taken it back; there is no other worker to give it to.
      await untilChildren(tasks.client, "/tasks", (names) => names.includes(handle.name));
      worker.network.heal();
      await gates[1]?.reached;
      expect(await handle.locate()).toMatchObject({ state: "assigned", worker: "w", attempt: 2 });
      if (when.startsWith("after")) {
        gates[1]?.open();
        await handle.outcome();
      }
      const refused = next(worker.it.events, "reportRefused");
      gates[0]?.open();
      const why = when.startsWith("after") ? "alreadyRecorded" : "reassigned";
      expect(await refused).toEqual({ task: handle.name, attempt: 1, kind: "done", why });
      gates[1]?.open();
      expect(await handle.outcome()).toMatchObject({ value: "attempt 2", attempt: 2 });
      expect(refusals).toHaveLength(1);
      expect(tokens[1]).toBeGreaterThan(tokens[0] ?? 0n);
    },
  );

  test("may report in the end if nobody has taken the task back: the multi decides, not the worker's session", async () => {
    await using group = await TestGroup.start();
    const master = await group.master({ id: "m" });
    const gate = new Gate();
    const worker = await group.worker({
      id: "w",
      run: async () => {
        await gate.wait();
        return "kept";
      },
    });
    const lost = next(worker.it.events, "lost");
    const reported = next(worker.it.events, "reported");
    await worker.it.start();
    const { it: tasks } = await group.tasks();
    const handle = await tasks.submit(null);
    await gate.reached;
    await master.it.close();
    worker.network.cut();
    await lost;
    gate.open();
    worker.network.heal();
    expect(await reported).toMatchObject({ attempt: 1, kind: "done" });
    expect(await handle.value()).toBe("kept");
  });
});

describe("a task that kills its workers", () => {
  test("is recorded as failed after so many attempts", async () => {
    await using group = await TestGroup.start();
    const master = await group.master({ id: "m", attemptsMax: 3 });
    const { it: tasks, client } = await group.tasks();
    const handle = await tasks.submit("poison");
    const buried = next(master.it.events, "buried");
    for (let attempt = 1; attempt <= 3; attempt++) {
      const idler = await group.link();
      await registerIdler(idler.client, `idler-${attempt}`);
      const name = assignmentName(handle.name, attempt);
      await untilChildren(client, `/assign/idler-${attempt}`, (names) => names.includes(name));
      await idler.client.close();
    }
    expect(await buried).toMatchObject({ task: handle.name, attempts: 3, error: { name: "AttemptsExhaustedError" } });
    expect(await handle.outcome()).toMatchObject({ kind: "failed", attempt: 3, by: "m" });
    await untilChildren(client, "/assign", (names) => names.length === 0);
  });
});

describe("a master that is cut off", () => {
  test("for a moment stops, and goes on under the same epoch", async () => {
    await using group = await TestGroup.start();
    const master = await group.master({ id: "m" });
    const worker = await group.worker({ id: "w", run: async (input) => input });
    await worker.it.start();
    const { it: tasks } = await group.tasks();
    expect(await (await tasks.submit(1)).value()).toBe(1);
    const lost = record(master.it.events, "lost");
    const suspended = next(master.it.events, "suspended");
    const resumed = next(master.it.events, "resumed");
    master.network.reset();
    expect(await suspended).toEqual({ epoch: 1 });
    expect(await resumed).toEqual({ epoch: 1 });
    expect(await (await tasks.submit(2)).value()).toBe(2);
    expect(lost).toEqual([]);
  });

  test("for longer is replaced; the new one finds what was assigned; the old epoch can write nothing more", async () => {
    await using group = await TestGroup.start();
    const first = await group.master({ id: "m1" });
    const gate = new Gate();
    const worker = await group.worker({
      id: "w",
      capacity: 1,
      backlog: 3,
      run: async (input) => {
        await gate.wait();
        return input;
      },
    });
    await worker.it.start();
    const second = await group.master({ id: "m2" });
    const { it: tasks, client } = await group.tasks();
    const handles = await Promise.all([0, 1, 2, 3, 4, 5].map((input) => tasks.submit(input)));
    await untilChildren(client, "/assign/w", (names) => names.length === 4);
    const elected = next(second.it.events, "elected");
    const lost = next(first.it.events, "lost");
    first.network.cut();
    const { epoch, zxid } = await elected;
    expect(epoch).toBe(2);
    expect((await client.exists("/master"))?.czxid).toBe(zxid);
    expect(await lost).toEqual({ epoch: 1, why: "sessionLost" });
    await expect(guardedTransaction(client, new Layout(), 1).create("/tasks/stray").commit()).rejects.toSatisfy(
      isStaleEpoch,
    );
    gate.open();
    const outcomes = await Promise.all(handles.map((handle) => handle.outcome()));
    // The worker lived all the while, so nothing ran twice.
    expect(outcomes.map((outcome) => outcome.attempt)).toEqual(handles.map(() => 1));
  });

  test("or resigns hands over without waiting for its session to expire, and stands again", async () => {
    await using group = await TestGroup.start(60_000);
    const first = await group.master({ id: "m1" });
    await next(first.it.events, "active");
    const second = await group.master({ id: "m2" });
    const elected = next(second.it.events, "elected");
    const resigned = next(first.it.events, "resigned");
    first.it.resign();
    expect(await resigned).toEqual({ epoch: 1 });
    const { epoch, tookMs } = await elected;
    expect(epoch).toBe(2);
    expect(tookMs).toBeLessThan(30_000);
    await second.it.close();
    expect(await next(first.it.events, "elected")).toMatchObject({ epoch: 3 });
  });

  test("steps down when its node is deleted, and is elected again under a new epoch", async () => {
    await using group = await TestGroup.start();
    const master = await group.master({ id: "m" });
    await next(master.it.events, "active");
    const { client } = await group.link();
    const lost = next(master.it.events, "lost");
    const elected = next(master.it.events, "elected");
    await client.delete("/master");
    expect(await lost).toEqual({ epoch: 1, why: "deposed" });
    expect(await elected).toMatchObject({ epoch: 2 });
  });
});

describe("a stale master", () => {
  test("whose write is refused at the epoch check steps down, and lets others be elected", async () => {
    await using group = await TestGroup.start();
    const master = await group.master({ id: "m" });
    await next(master.it.events, "active");
    const { it: tasks, client } = await group.tasks();
    const refused = next(master.it.events, "staleWriteRefused");
    const lost = next(master.it.events, "lost");
    // As an election elsewhere would leave it, but for the node that this master still has.
    await client.set("/epoch", "a later master");
    const worker = await group.worker({ id: "w", run: async (input) => input });
    await worker.it.start();
    const handle = await tasks.submit(5);
    expect(await refused).toMatchObject({ epoch: 1, action: "assign", path: `/tasks/${handle.name}` });
    expect(await lost).toEqual({ epoch: 1, why: "superseded" });
    expect(await handle.value()).toBe(5);
    expect((await client.exists("/epoch"))?.version).toBe(3);
  });
});

describe("recovery", () => {
  test("puts a tree in disorder right, and loses nothing", async () => {
    await using group = await TestGroup.start();
    const { it: tasks, client } = await group.tasks();
    const layout = new Layout();
    for (const path of layout.skeleton) await client.ensurePath(path);
    await client.create("/assign/gone");
    await client.create("/assign/gone/orphan.1", task("orphan", 1));
    await client.create("/assign/gone/over.1", task("over", 1));
    await client.create("/status/over", status("kept"));
    await client.create("/tasks/over-too", task("over too"));
    await client.create("/status/over-too", status("kept too"));
    await client.create("/assign/gone/twice.2", task("twice", 2));
    await client.create("/tasks/twice", task("twice"));
    await client.create("/tasks/garbled", "not MessagePack at all");
    await client.create("/tasks/from-the-future", new Uint8Array([0x81, 0xa1, 0x76, 0x02]));
    await client.create("/tasks/not.a.name", "");
    await client.create("/assign/strange");
    await client.create("/assign/strange/what is this", "");
    await client.create("/tasks/plain", task("plain"));

    const worker = await group.worker({ id: "w", capacity: 2, run: async (input) => `ran ${String(input)}` });
    const started = worker.it.start();
    const quarantined: string[] = [];
    const master = await group.master({ id: "m" });
    master.it.events.on("quarantined", ({ path }) => quarantined.push(path));
    await started;

    expect(await tasks.handle("orphan").outcome()).toMatchObject({ value: "ran orphan", attempt: 2 });
    expect(await tasks.handle("twice").outcome()).toMatchObject({ value: "ran twice", attempt: 3 });
    expect(await tasks.handle("plain").value()).toBe("ran plain");
    expect(await tasks.handle("garbled").outcome()).toMatchObject({ kind: "failed", by: "m" });
    expect(await tasks.handle("over").value()).toBe("kept");
    expect(await tasks.handle("over-too").value()).toBe("kept too");
    await untilChildren(client, "/assign", (names) => !names.includes("gone"));
    const found = await places(client, layout);
    for (const name of ["orphan", "twice", "plain", "garbled", "over", "over-too"]) {
      expect(found.get(name)).toEqual(["status"]);
    }
    // What nobody understands is where it was.
    expect(await client.children("/tasks")).toEqual(["from-the-future", "not.a.name"]);
    expect(await client.children("/assign/strange")).toEqual(["what is this"]);
    expect(new Set(quarantined)).toEqual(
      new Set(["/tasks/from-the-future", "/tasks/not.a.name", "/assign/strange/what is this"]),
    );
    const { data } = await client.get("/status/over");
    expect(decodeStatus(data)).toMatchObject({ ok: true, value: { by: "old" } });
  });

  test("takes back what an earlier process of a worker's id had, and gives the worker a queue that is missing", async () => {
    await using group = await TestGroup.start();
    const { it: tasks, client } = await group.tasks();
    for (const path of new Layout().skeleton) await client.ensurePath(path);
    await client.create("/assign/w");
    await client.create("/assign/w/left.1", task("left", 1));
    const attempts: number[] = [];
    const worker = await group.worker({
      id: "w",
      run: async (input, { attempt }) => {
        attempts.push(attempt);
        return input;
      },
    });
    await worker.it.start();
    const master = await group.master({ id: "m" });
    expect(await next(master.it.events, "reassigned")).toMatchObject({ worker: "w", count: 1 });
    expect(await tasks.handle("left").outcome()).toMatchObject({ value: "left", attempt: 2 });
    expect(attempts).toEqual([2]);
    await untilChildren(client, "/assign/w", (names) => names.length === 0);
    await client.delete("/assign/w");
    await untilChildren(client, "/assign", (names) => names.includes("w"));
    expect(await (await tasks.submit("again")).value()).toBe("again");
  });
});
