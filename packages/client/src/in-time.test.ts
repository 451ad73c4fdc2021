import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { plainStat } from "../test-helpers/scripted-server.ts";
import { rejection, world } from "../test-helpers/world.ts";
import type { Client } from "./client.ts";
import type { CallOptions } from "./options.ts";

const calls: readonly (readonly [string, (client: Client, options: CallOptions) => Promise<unknown>])[] = [
  ["create /a", (client, options) => client.create("/a", null, options)],
  ["create /a", (client, options) => client.create2("/a", null, options)],
  ["create /a", (client, options) => client.create("/a", null, { protected: true, ...options })],
  ["createParents /a/b", (client, options) => client.createParents("/a/b", options)],
  ["ensurePath /a", (client, options) => client.ensurePath("/a", options)],
  ["setOrCreate /a", (client, options) => client.setOrCreate("/a", null, options)],
  ["get /a", (client, options) => client.get("/a", options)],
  ["set /a", (client, options) => client.set("/a", null, options)],
  ["delete /a", (client, options) => client.delete("/a", options)],
  ["delete /a", (client, options) => client.delete("/a", { children: true, ...options })],
  ["delete /a", (client, options) => client.delete("/a", { guaranteed: true, ...options })],
  ["exists /a", (client, options) => client.exists("/a", options)],
  ["children /a", (client, options) => client.children("/a", { linearizable: true, ...options })],
  ["childrenWithStat /a", (client, options) => client.childrenWithStat("/a", { atLeast: 1_000n, ...options })],
  ["getEphemerals /", (client, options) => client.getEphemerals("/", options)],
  ["getAllChildrenNumber /a", (client, options) => client.getAllChildrenNumber("/a", options)],
  ["getAcl /a", (client, options) => client.getAcl("/a", options)],
  ["setAcl /a", (client, options) => client.setAcl("/a", [], options)],
  ["sync /a", (client, options) => client.sync("/a", options)],
  ["multiRead", (client, options) => client.multiRead().get("/a").read(options)],
  ["transaction", (client, options) => client.transaction().check("/a").commit(options)],
  ["addAuth digest", (client, options) => client.addAuth("digest", "a:b", options)],
  ["whoAmI", (client, options) => client.whoAmI(options)],
  ["reconfig", (client, options) => client.reconfig({ leaving: [1] }, options)],
];

describe("timeoutMs", () => {
  test.each(calls)("ends %s that is not answered", async (told, call) => {
    const { client, clock } = await world();
    const timers = clock.pendingTimers;
    const { signal } = new AbortController();
    const calling = rejection(call(client, { timeoutMs: 500, signal }));
    await clock.advance(499);
    expect(await Promise.race([calling, "waiting"])).toBe("waiting");
    await clock.advance(1);
    const error = await calling;
    expect(error).toMatchObject({ name: "WaitTimeoutError", code: "WaitTimeout", timeoutMs: 500 });
    expect(error.message).toContain(`The answer to ${told} did not come within 500 ms.`);
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(clock.pendingTimers).toBeLessThanOrEqual(timers + 1);
  });

  test("leaves no timer behind an answer, and the signal counts as before", async () => {
    const { client, clock, server } = await world();
    const timers = clock.pendingTimers;
    const reading = client.get("/a", { timeoutMs: 500 });
    expect(clock.pendingTimers).toBeGreaterThan(timers);
    const { connection } = server;
    connection.answer("getData", await connection.request("getData"), { data: null, stat: plainStat });
    await reading;
    expect(clock.pendingTimers).toBe(timers);
    const controller = new AbortController();
    const given = rejection(client.get("/a", { timeoutMs: 500, signal: controller.signal }));
    controller.abort(new Error("enough"));
    expect((await given).message).toBe("enough");
  });

  test.each([Number.NaN, -1, "5s", null])("%j is refused, and nothing is sent", async (timeoutMs) => {
    const { client, server } = await world();
    const options = { timeoutMs } as CallOptions;
    const error = await rejection(client.get("/a", options));
    expect(error).toMatchObject({ code: "BadArguments", path: "/a" });
    expect(error.message).toContain(`get /a: timeoutMs is ${typeof timeoutMs === "string" ? '"5s"' : timeoutMs}.`);
    expect(server.connection.log).toEqual([]);
  });
});
