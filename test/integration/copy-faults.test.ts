/** A tree is copied while connections break and replies are lost on both sides: it arrives whole, and nothing twice. */
import { copyTree } from "@corral/cli";
import { connect } from "@corral/client";
import { startServer } from "@corral/server";
import { FaultProxy } from "@corral/testing";
import { expect, test } from "vitest";

test("connections break under requests and under replies, on both sides of a copy", async () => {
  await using former = await startServer();
  await using server = await startServer();
  await using fromProxy = await FaultProxy.start(former.connectString);
  await using toProxy = await FaultProxy.start(server.connectString);
  await using direct = await connect(former.connectString);
  await direct.create("/queue");
  for (let i = 0; i < 40; i++) await direct.create("/queue/n-", `${i}`, { mode: "persistentSequential" });
  for (let i = 0; i < 20; i++) await direct.delete(`/queue/n-${String(i).padStart(10, "0")}`);
  for (const name of ["a", "b", "c"]) {
    await direct.create(`/${name}`, name);
    for (let i = 0; i < 300; i++) await direct.create(`/${name}/${i}`, `${name} ${i}`);
  }
  let faults = 0;
  for (const proxy of [fromProxy, toProxy]) {
    let count = 0;
    const isDue = () => {
      count++;
      // Often enough to meet every step, seldom enough that there is progress between two of them.
      const due = count % 211 === 0;
      if (due) faults++;
      return due;
    };
    proxy.dropReply(({ operation }) => operation !== "ping" && isDue(), { times: 3 });
    proxy.dropRequest(({ operation }) => (operation === "multi" || operation === "getACL" ? isDue() : false), {
      times: 3,
    });
  }
  const from = await connect(fromProxy.connectString);
  const to = await connect(`${toProxy.connectString}/copy`);
  try {
    const report = await copyTree(from, to, { smallerTokens: "allow" });
    expect(report).toMatchObject({ nodes: 925, verified: 925, different: [] });
    expect(faults).toBeGreaterThan(3);
  } finally {
    await from.close();
    await to.close();
  }
  await using reader = await connect(`${server.connectString}/copy`);
  expect(await reader.children("/")).toEqual(["a", "b", "c", "queue"]);
  expect(await reader.children("/queue")).toHaveLength(20);
  expect(await reader.create("/queue/n-", null, { mode: "persistentSequential" })).toBe("/queue/n-0000000040");
});
