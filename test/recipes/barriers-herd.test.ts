/** What entering and leaving a double barrier costs: every party hears of the opening and of the end, and of little else. */
import { DoubleBarrier } from "@corral/barriers";
import { connect } from "@corral/client";
import { FaultProxy, TestServer } from "@corral/testing";
import { expect, test } from "vitest";

const parties = 50;

test(`§6.14 ${parties} parties: the events grow with the parties, not with their square`, async () => {
  await using server = await TestServer.start();
  await using proxy = await FaultProxy.start(server.connectString);
  const clients = await Promise.all(Array.from({ length: parties }, () => connect(proxy.connectString)));
  const events: string[] = [];
  proxy.onFrame((frame) => {
    if (frame.kind === "event") events.push(frame.path);
  });
  const inside = await Promise.all(
    clients.map((client) => new DoubleBarrier(client, "/double", { parties }).enter({ timeoutMs: 60_000 })),
  );
  // All but those who came last watched ready; nobody watched anybody else.
  expect(events.length).toBeLessThanOrEqual(parties);
  expect(new Set(events)).toEqual(new Set(["/double/ready"]));
  events.length = 0;
  await Promise.all(inside.map((one) => one.leave({ timeoutMs: 60_000 })));
  // Each hears that the lowest has gone, the lowest of the highest that go one after the other, and each of its own node.
  expect(events.length).toBeLessThanOrEqual(3 * parties);
  await Promise.all(clients.map((client) => client.close()));
});
