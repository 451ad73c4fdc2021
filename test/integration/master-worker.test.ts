/** The master-worker as a whole: tasks in, results out, and what masters, workers and clients may do on the way. */
import { isCoordinationError } from "@corral/client";
import {
  PayloadTooLargeError,
  payloadBytesMax,
  ResultTakenError,
  ResultTimeoutError,
  type TaskContext,
  TaskFailedError,
  WorkerIdTakenError,
} from "@corral/master-worker";
import { describe, expect, test } from "vitest";
import { Gate, next, places, record, TestGroup, untilChildren } from "../support/group.ts";

const square = async (input: unknown): Promise<number> => Number(input) ** 2;

describe("a group", () => {
  test("runs every task once when nobody dies, spread over the workers, and leaves only results", async () => {
    await using group = await TestGroup.start();
    const [first, second] = [await group.master({ id: "m1" }), await group.master({ id: "m2" })];
    const workers = await Promise.all(["w1", "w2", "w3"].map((id) => group.worker({ id, capacity: 2, run: square })));
    const reports = workers.map(({ it }) => record(it.events, "reported"));
    await Promise.all(workers.map(({ it }) => it.start()));
    const tasks = await group.tasks();
    const handles = await Promise.all(Array.from({ length: 60 }, (_, index) => tasks.it.submit(index)));
    const values = await Promise.all(handles.map((handle) => handle.value()));
    expect(values).toEqual(handles.map((_, index) => index ** 2));

    expect(reports.flat()).toHaveLength(60);
    for (const own of reports) expect(own.length).toBeGreaterThan(5);
    expect(new Set(reports.flat().map(({ task }) => task))).toEqual(new Set(handles.map(({ name }) => name)));
    const found = await places(tasks.client, tasks.it.layout);
    expect([...found.values()]).toEqual(handles.map(() => ["status"]));
    expect([first.it.state, second.it.state].sort()).toEqual(["active", "candidate"]);

    const outcome = await handles[0]!.take();
    expect(outcome).toMatchObject({ kind: "done", value: 0, attempt: 1 });
    expect(await handles[0]!.locate()).toEqual({ state: "unknown" });
  });

  test("two groups side by side do not see each other", async () => {
    await using group = await TestGroup.start();
    for (const root of ["/jobs/a", "/jobs/b"]) {
      await group.master({ id: "m", root });
      const worker = await group.worker({ id: "w", root, run: async (input) => `${String(input)} in ${root}` });
      await worker.it.start();
    }
    const [a, b] = [await group.tasks("/jobs/a"), await group.tasks("/jobs/b")];
    const [inA, inB] = [await a.it.submit("x"), await b.it.submit("x")];
    expect(await inA.value()).toBe("x in /jobs/a");
    expect(await inB.value()).toBe("x in /jobs/b");
    expect(await a.client.children("/jobs")).toEqual(["a", "b"]);
  });

  test("accepts tasks while there is neither master nor worker", async () => {
    await using group = await TestGroup.start();
    const tasks = await group.tasks();
    const handle = await tasks.it.submit(7);
    expect(await handle.locate()).toEqual({ state: "waiting" });
    await expect(handle.value({ timeoutMs: 20 })).rejects.toThrow(ResultTimeoutError);
    const waiting = handle.value();
    const worker = await group.worker({ id: "w", run: square });
    const started = worker.it.start();
    await group.master({ id: "m" });
    await started;
    expect(await waiting).toBe(49);
  });
});

test("one signal may be given to any number of calls: nobody takes that for a leak", async () => {
  const warnings: string[] = [];
  const onWarning = ({ name }: Error): void => void warnings.push(name);
  process.on("warning", onWarning);
  try {
    await using group = await TestGroup.start();
    const { signal } = new AbortController();
    const tasks = await group.tasks();
    const handles = await Promise.all(Array.from({ length: 60 }, (_, index) => tasks.it.submit(index, { signal })));
    const values = Promise.all(handles.map((handle) => handle.value({ signal })));
    await group.master({ id: "m" });
    const worker = await group.worker({ id: "w", capacity: 40, run: square });
    await worker.it.start();
    expect((await values)[59]).toBe(59 ** 2);
    // Node warns in a later turn.
    await new Promise(setImmediate);
    expect(warnings).toEqual([]);
  } finally {
    process.off("warning", onWarning);
  }
});

describe("the persistent nodes", () => {
  test.each([["/epoch"], ["/epoch", "/status"], ["/epoch", "/workers", "/tasks", "/assign"]])(
    "half made (%s, …), for their maker died: the master makes the rest before it relies on them",
    async (...made) => {
      await using group = await TestGroup.start();
      const tasks = await group.tasks();
      for (const path of made) await tasks.client.create(path);
      const master = await group.master({ id: "m" });
      await next(master.it.events, "active");
      expect(await tasks.client.children("/")).toEqual(
        expect.arrayContaining(["assign", "status", "tasks", "workers"]),
      );
      const worker = await group.worker({ id: "w", run: square });
      await worker.it.start();
      expect(await (await tasks.it.submit(3)).value()).toBe(9);
    },
  );

  test.each(["/workers", "/assign", "/tasks"])(
    "%s, removed under an active master, is made again, and watched",
    async (path) => {
      await using group = await TestGroup.start();
      const tasks = await group.tasks();
      const master = await group.master({ id: "m" });
      await next(master.it.events, "active");
      await tasks.client.delete(path);
      const worker = await group.worker({ id: "w", run: square });
      await worker.it.start();
      expect(await (await tasks.it.submit(4)).value()).toBe(16);
    },
  );
});

describe("results", () => {
  test("say how a task ended", async () => {
    await using group = await TestGroup.start();
    await group.master({ id: "m" });
    const late = new Gate();
    const worker = await group.worker({
      id: "w",
      capacity: 3,
      run: async (input, { signal }) => {
        if (input === "throw") throw new RangeError("no such page");
        if (input === "huge") return new Uint8Array(payloadBytesMax + 1);
        if (input === "slow") {
          signal.addEventListener("abort", () => late.open(), { once: true });
          await late.wait();
        }
        return { big: 2n ** 62n, bytes: new Uint8Array([1, 2]), nothing: null };
      },
    });
    await worker.it.start();
    const { it: tasks } = await group.tasks();
    const ok = await tasks.submit("fine");
    expect(await ok.value()).toEqual({ big: 2n ** 62n, bytes: new Uint8Array([1, 2]), nothing: null });
    const thrown = await tasks.submit("throw");
    expect(await thrown.outcome()).toMatchObject({
      kind: "failed",
      attempt: 1,
      by: "w",
      error: { name: "RangeError", message: "no such page" },
    });
    await expect(thrown.value()).rejects.toThrow(TaskFailedError);
    const huge = await tasks.submit("huge");
    expect(await huge.outcome()).toMatchObject({ kind: "failed", error: { name: "PayloadTooLargeError" } });
    const slow = await tasks.submit("slow", { timeoutMs: 50 });
    expect(await slow.outcome()).toMatchObject({ kind: "timeout", attempt: 1 });
    await expect(tasks.submit(new Uint8Array(payloadBytesMax + 1))).rejects.toThrow(PayloadTooLargeError);
    // As large as allowed: the record, its paths and the multi still fit into one frame.
    const large = await tasks.submit(new Uint8Array(payloadBytesMax - 8));
    expect(await large.outcome()).toMatchObject({ kind: "done" });
  });

  test("are taken by one of several", async () => {
    await using group = await TestGroup.start();
    await group.master({ id: "m" });
    const worker = await group.worker({ id: "w", run: square });
    await worker.it.start();
    const [a, b] = [await group.tasks(), await group.tasks()];
    const handle = await a.it.submit(3);
    const copy = b.it.handle(JSON.parse(JSON.stringify(handle)));
    const ends = await Promise.allSettled([handle.take(), copy.take()]);
    const kinds = ends.map((end) => (end.status === "fulfilled" ? end.value.kind : end.reason.constructor));
    // Whoever came second either met the loser's error, or waits no longer because it read the result before it went.
    expect(kinds).toContain("done");
    expect(kinds).toContain(ResultTakenError);
  });

  test("can be waited for across a session that is lost", async () => {
    await using group = await TestGroup.start();
    await group.master({ id: "m" });
    const gate = new Gate();
    const worker = await group.worker({
      id: "w",
      run: async () => {
        await gate.wait();
        return "at last";
      },
    });
    await worker.it.start();
    const tasks = await group.tasks();
    const handle = await tasks.it.submit(null);
    const value = handle.value();
    await gate.reached;
    const lost = new Promise<void>((resolve) => {
      tasks.client.on("state", ({ state }) => {
        if (state === "lost") resolve();
      });
    });
    tasks.network.cut();
    await lost;
    gate.open();
    tasks.network.heal();
    expect(await value).toBe("at last");
  });
});

describe("cancelling", () => {
  test("ends a waiting task before anybody runs it", async () => {
    await using group = await TestGroup.start();
    await group.master({ id: "m" });
    const { it: tasks } = await group.tasks();
    const handle = await tasks.submit(1);
    expect(await handle.cancel()).toBe(true);
    expect(await handle.cancel()).toBe(false);
    const worker = await group.worker({ id: "w", run: square });
    const started = record(worker.it.events, "started");
    await worker.it.start();
    const other = await tasks.submit(2);
    expect(await other.value()).toBe(4);
    expect(started.map(({ task }) => task)).toEqual([other.name]);
    expect(await handle.outcome()).toMatchObject({ kind: "cancelled", attempt: 0 });
  });

  test("stops a running task, and refuses a result that comes all the same", async () => {
    await using group = await TestGroup.start();
    await group.master({ id: "m" });
    const running = new Gate();
    const aborts: unknown[] = [];
    const worker = await group.worker({
      id: "w",
      run: async (_input, { signal }: TaskContext) => {
        signal.addEventListener("abort", () => {
          aborts.push(signal.reason);
          running.open();
        });
        await running.wait();
        return "too late";
      },
    });
    const refused = next(worker.it.events, "reportRefused");
    await worker.it.start();
    const { it: tasks } = await group.tasks();
    const handle = await tasks.submit(null);
    await running.reached;
    expect(await handle.cancel()).toBe(true);
    expect(await refused).toMatchObject({ task: handle.name, attempt: 1, why: "alreadyRecorded" });
    expect(aborts).toMatchObject([{ name: "TaskStoppedError", why: "reassigned" }]);
    expect(await handle.outcome()).toMatchObject({ kind: "cancelled", attempt: 1 });
  });
});

describe("a worker", () => {
  test("that drains finishes what it has and is given nothing more", async () => {
    await using group = await TestGroup.start();
    await group.master({ id: "m" });
    const gate = new Gate();
    const gated = async (): Promise<string> => {
      await gate.wait();
      return "first";
    };
    const first = await group.worker({ id: "w1", capacity: 1, backlog: 1, run: gated });
    await first.it.start();
    const tasks = await group.tasks();
    const early = [await tasks.it.submit(0), await tasks.it.submit(1)];
    await gate.reached;
    await untilChildren(tasks.client, "/assign/w1", (names) => names.length === 2);
    const drained = first.it.drain();
    const second = await group.worker({ id: "w2", run: async () => "second" });
    await second.it.start();
    const later = await Promise.all([2, 3, 4].map((input) => tasks.it.submit(input)));
    expect(await Promise.all(later.map((handle) => handle.value()))).toEqual(["second", "second", "second"]);
    gate.open();
    await drained;
    expect(await Promise.all(early.map((handle) => handle.value()))).toEqual(["first", "first"]);
    expect(first.it.state).toBe("closed");
    await untilChildren(tasks.client, "/assign", (names) => !names.includes("w1"));
    expect(await tasks.client.children("/workers")).toEqual(["w2"]);
  });

  test("that drains is not given what was decided before it did, and is written after", async () => {
    await using group = await TestGroup.start();
    const master = await group.master({ id: "m" });
    const gate = new Gate();
    const first = await group.worker({ id: "w1", capacity: 1, backlog: 1, run: () => gate.wait() });
    await first.it.start();
    const tasks = await group.tasks();
    const early = await tasks.it.submit(0);
    await gate.reached;
    const held = master.network.holdAfter("getData", "/tasks/");
    const late = await tasks.it.submit(1);
    const letGo = await held;
    const drained = first.it.drain();
    const version = async () => (await tasks.client.exists("/workers/w1"))?.version;
    await expect.poll(version).toBe(1);
    letGo();
    const second = await group.worker({ id: "w2", run: async () => "second" });
    await second.it.start();
    expect(await late.outcome()).toMatchObject({ kind: "done", attempt: 1, by: "w2" });
    gate.open();
    await drained;
    expect(await early.outcome()).toMatchObject({ kind: "done", attempt: 1, by: "w1" });
  });

  test("that closes gives its tasks back at once, without waiting for its session to expire", async () => {
    await using group = await TestGroup.start();
    const master = await group.master({ id: "m" });
    const gate = new Gate();
    const first = await group.worker({
      id: "w1",
      capacity: 1,
      backlog: 2,
      run: async (_input, { signal }) => {
        await gate.wait();
        signal.throwIfAborted();
      },
    });
    const abandoned = record(first.it.events, "abandoned");
    await first.it.start();
    const tasks = await group.tasks();
    const handles = await Promise.all([0, 1, 2].map((input) => tasks.it.submit(input)));
    await untilChildren(tasks.client, "/assign/w1", (names) => names.length === 3);
    await gate.reached;
    const reassigned = next(master.it.events, "reassigned");
    const closed = first.it.close();
    expect(await reassigned).toMatchObject({ worker: "w1", count: 3 });
    gate.open();
    await closed;
    expect(abandoned).toHaveLength(3);
    const second = await group.worker({ id: "w2", run: square });
    await second.it.start();
    const outcomes = await Promise.all(handles.map((handle) => handle.outcome()));
    expect(outcomes.map(({ attempt, by }) => ({ attempt, by }))).toEqual(handles.map(() => ({ attempt: 2, by: "w2" })));
  });

  test("is refused when another live process has its id", async () => {
    await using group = await TestGroup.start();
    const first = await group.worker({ id: "same", run: square });
    await first.it.start();
    const second = await group.worker({ id: "same", run: square });
    await expect(second.it.start()).rejects.toThrow(WorkerIdTakenError);
    expect(second.it.state).toBe("closed");
    expect(first.it.state).toBe("working");
  });

  test("that restarts waits until the session of the process before it is over", async () => {
    await using group = await TestGroup.start();
    const first = await group.worker({ id: "same", run: square });
    await first.it.start();
    const before = await first.client.exists("/workers/same");
    first.network.cut();
    const second = await group.worker({ id: "same", run: square });
    await second.it.start();
    const after = await second.client.exists("/workers/same");
    expect(after?.czxid).toBeGreaterThan(before?.czxid ?? 0n);
  });

  test("registers again when its registration was deleted, and stops what it was doing", async () => {
    await using group = await TestGroup.start();
    await group.master({ id: "m" });
    const running = new Gate();
    const worker = await group.worker({
      id: "w",
      run: async (_input, { signal, attempt }) => {
        if (attempt === 1) {
          await running.wait();
          signal.throwIfAborted();
        }
        return attempt;
      },
    });
    const lost = next(worker.it.events, "lost");
    await worker.it.start();
    const tasks = await group.tasks();
    const handle = await tasks.it.submit(null);
    await running.reached;
    await tasks.client.delete("/workers/w");
    expect(await lost).toEqual({ why: "unregistered" });
    running.open();
    expect(await handle.value()).toBe(2);
  });

  test("does nothing before it is started, and closing it twice is fine", async () => {
    await using group = await TestGroup.start();
    const worker = await group.worker({ id: "w", run: square });
    expect(worker.it.state).toBe("idle");
    await expect(worker.client.exists("/workers")).resolves.toBeUndefined();
    await Promise.all([worker.it.close(), worker.it.close()]);
    expect(worker.it.state).toBe("closed");
    await expect(worker.client.children("/assign")).rejects.toSatisfy((error) => isCoordinationError(error, "NoNode"));
  });
});
