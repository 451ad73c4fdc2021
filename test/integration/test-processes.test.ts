/** The processes that tests under faults are made of: killed, stopped and let go on, with journals that tell. */
import { connect } from "@corral/client";
import { TestServer } from "@corral/testing";
import { expect, test } from "vitest";
import { TestProcesses } from "../support/test-processes.ts";

const sessionTimeoutMs = 600;

test("a process that is stopped past its timeout has lost its session, and says so when it goes on", async () => {
  await using server = await TestServer.start();
  await using client = await connect(server.connectString);
  await using processes = await TestProcesses.make();
  const { connectString } = server;
  const child = processes.start("hold-ephemeral", "p1", { connectString, sessionTimeoutMs, path: "/é" });
  const created = await child.entry(({ event }) => event === "created");
  expect(created).toMatchObject({ id: "p1", pid: child.pid });
  const gone = new Promise((resolve) => void client.exists("/é", { watch: resolve }));
  await child.freeze();
  const seen = (await child.entries()).length;
  expect(await gone).toMatchObject({ type: "nodeDeleted" });
  expect(await child.entries()).toHaveLength(seen);
  child.thaw();
  await child.entry(({ event, state }) => event === "state" && state === "lost", seen);
  await child.entry(({ event, state }) => event === "state" && state === "connected", seen);
  expect(await child.stop()).toEqual({ code: 0, signal: null });
  expect((await child.entries()).at(-1)).toMatchObject({ state: "closed" });
});

test("a killed one leaves its journal and its session behind; a stopped one is killed at the end", async () => {
  await using server = await TestServer.start();
  await using client = await connect(server.connectString);
  const { connectString } = server;
  const config = { connectString, sessionTimeoutMs: 30_000 };
  const processes = await TestProcesses.make();
  const one = processes.start("hold-ephemeral", "p1", { ...config, path: "/p1" });
  const other = processes.start("hold-ephemeral", "p2", { ...config, path: "/p2" });
  for (const child of [one, other]) await child.entry(({ event }) => event === "created");
  await one.kill();
  expect(one.isRunning).toBe(false);
  expect(await client.exists("/p1")).toBeDefined();
  const history = await processes.history();
  expect(history.map(({ id }) => id).sort()).toEqual(["p1", "p2"]);
  expect(history[0]?.atUs).toBeLessThanOrEqual(history[1]?.atUs ?? 0);
  await other.freeze();
  await processes[Symbol.asyncDispose]();
  expect(other.isRunning).toBe(false);
});

test("who waits for an entry that will not come is told why", async () => {
  await using processes = await TestProcesses.make();
  const child = processes.start("hold-ephemeral", "p1", { connectString: "", path: "/p1" });
  await expect(child.entry(() => true)).rejects.toThrow("the connect string names no host");
});
