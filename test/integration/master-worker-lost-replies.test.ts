/** Replies that never come: the multi happened, and whoever sent it must find that out without doing it twice. */
import { connect, isCoordinationError } from "@corral/client";
import { Master, TaskClient, Worker } from "@corral/master-worker";
import { describe, expect, test } from "vitest";
import { next, places, record, TestGroup, untilChildren } from "../support/group.ts";

describe("a lost reply", () => {
  test("to a submission: the task is there once, also if it has been run meanwhile", async () => {
    await using group = await TestGroup.start();
    const tasks = await group.tasks();
    const observer = await group.link();
    await tasks.it.submit("first, so that all paths exist").then((handle) => handle.cancel());
    const sent = tasks.network.swallowAnswerTo("create");
    const submission = tasks.it.submit("x");
    await sent;
    const [name] = await untilChildren(observer.client, "/tasks", (names) => names.length === 1);
    await group.master({ id: "m" });
    const runs: unknown[] = [];
    const worker = await group.worker({ id: "w", run: async (input) => runs.push(input) });
    await worker.it.start();
    await untilChildren(observer.client, "/status", (names) => names.includes(name ?? ""));
    tasks.network.reset();
    const handle = await submission;
    expect(handle.name).toBe(name);
    expect(await handle.outcome()).toMatchObject({ kind: "done", attempt: 1 });
    expect(runs).toEqual(["x"]);
    expect((await places(observer.client, tasks.it.layout)).get(handle.name)).toEqual(["status"]);
  });

  test("to an election: the candidate finds that it is the master", async () => {
    await using group = await TestGroup.start();
    const observer = await group.link();
    const { network, client } = await group.link();
    const sent = network.swallowAnswerTo("multi");
    await using master = new Master(client, { id: "m" });
    const elections = record(master.events, "elected");
    const active = next(master.events, "active");
    master.start();
    await sent;
    await untilChildren(observer.client, "/", (names) => names.includes("master"));
    network.reset();
    expect(await active).toMatchObject({ epoch: 1 });
    expect(elections).toMatchObject([{ epoch: 1, zxid: (await observer.client.exists("/master"))?.czxid }]);
    expect((await observer.client.exists("/epoch"))?.version).toBe(1);
  });

  test("to a registration: the worker finds itself registered", async () => {
    await using group = await TestGroup.start();
    const observer = await group.link();
    const { network, client } = await group.link();
    await observer.client.ensurePath("/workers");
    await observer.client.ensurePath("/assign");
    const sent = network.swallowAnswerTo("multi");
    await using worker = new Worker(client, { id: "w", run: async () => null });
    const started = worker.start();
    await sent;
    await untilChildren(observer.client, "/workers", (names) => names.includes("w"));
    const before = await observer.client.exists("/workers/w");
    network.reset();
    await started;
    expect((await observer.client.exists("/workers/w"))?.czxid).toBe(before?.czxid);
  });

  test("to an assignment: it stands, and the task is not assigned twice", async () => {
    await using group = await TestGroup.start();
    const master = await group.master({ id: "m" });
    const { it: tasks, client } = await group.tasks();
    await next(master.it.events, "active");
    const worker = await group.worker({ id: "w", run: async (_input, { attempt }) => attempt });
    await worker.it.start();
    expect(await (await tasks.submit(0)).value()).toBe(1);
    const sent = master.network.swallowAnswerTo("multi");
    const handle = await tasks.submit(1);
    await sent;
    expect(await handle.value()).toBe(1);
    master.network.reset();
    expect(await (await tasks.submit(2)).value()).toBe(1);
    expect([...(await places(client, tasks.layout)).values()]).toEqual([["status"], ["status"], ["status"]]);
  });

  test("to a report: the worker finds that its result is recorded", async () => {
    await using group = await TestGroup.start();
    await group.master({ id: "m" });
    const { it: tasks, client } = await group.tasks();
    const worker = await group.worker({ id: "w", run: async () => "result" });
    const refusals = record(worker.it.events, "reportRefused");
    const reported = next(worker.it.events, "reported");
    await worker.it.start();
    const sent = worker.network.swallowAnswerTo("multi");
    const handle = await tasks.submit(null);
    await sent;
    await untilChildren(client, "/status", (names) => names.includes(handle.name));
    worker.network.reset();
    expect(await reported).toMatchObject({ task: handle.name, attempt: 1 });
    expect(refusals).toEqual([]);
    expect(await handle.value()).toBe("result");
  });

  test("to the removal of a result that was taken: the taker has it", async () => {
    await using group = await TestGroup.start();
    await group.master({ id: "m" });
    const worker = await group.worker({ id: "w", run: async () => "result" });
    await worker.it.start();
    const tasks = await group.tasks();
    const observer = await group.link();
    const handle = await tasks.it.submit(null);
    await handle.outcome();
    const sent = tasks.network.swallowAnswerTo("delete");
    const taken = handle.take();
    await sent;
    await untilChildren(observer.client, "/status", (names) => names.length === 0);
    tasks.network.reset();
    expect(await taken).toMatchObject({ kind: "done", value: "result" });
  });
});

describe("no server", () => {
  test("does not keep anybody from closing", async () => {
    const group = await TestGroup.start();
    const { connectString } = group.server;
    const client = await connect(connectString, { sessionTimeoutMs: 1_000 });
    const master = new Master(client, { id: "m" });
    const active = next(master.events, "active");
    master.start();
    await active;
    const worker = new Worker(client, { id: "w", run: async () => null });
    await worker.start();
    const handle = await new TaskClient(client).submit(null);
    const waiting = handle.take().then(() => handle.outcome());
    await group[Symbol.asyncDispose]();
    await Promise.all([master.close(), worker.close()]);
    await client.close();
    await expect(waiting).rejects.toSatisfy((error) => isCoordinationError(error, "ClientClosed"));
  });
});
