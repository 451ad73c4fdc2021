/** No herd in a sharded group: who leaves wakes the planner and its neighbour, however many there are; only a plan wakes all. */
import { connect } from "@corral/client";
import { type Participation, ShardedGroup } from "@corral/group-membership";
import { FaultProxy, TestServer } from "@corral/testing";
import { filter, firstValueFrom } from "rxjs";
import { expect, test } from "vitest";

const members = 40;

test(`§6.14 with ${members} members a departure wakes three at most before there is a new plan`, async () => {
  await using server = await TestServer.start();
  await using proxy = await FaultProxy.start(server.connectString);
  const shards = Array.from({ length: members }, (_, i) => `s${i}`);
  const clients = await Promise.all(Array.from({ length: members }, () => connect(proxy.connectString)));
  const groups: Participation[] = [];
  for (const [i, client] of clients.entries()) {
    groups.push(await new ShardedGroup(client, "/sharded", { shards, name: `m${i}` }).join());
  }
  for (const group of groups) {
    group.shards$.subscribe((grants) => {
      for (const grant of grants) {
        if (grant.wanted.aborted) grant.abandon();
        else grant.wanted.addEventListener("abort", () => grant.abandon(), { once: true });
      }
    });
  }
  // One for each, when it has settled.
  const settled = (count: number) =>
    Promise.all(
      groups.map((group) =>
        firstValueFrom(group.shards$.pipe(filter((grants) => grants.filter((g) => !g.wanted.aborted).length >= count))),
      ),
    );
  await settled(1);
  const events: string[] = [];
  proxy.onFrame((frame) => {
    if (frame.kind === "event" && frame.path.includes("/party")) events.push(frame.path);
  });
  for (let departures = 1; departures <= 10; departures++) {
    const [leaver] = groups.splice(Math.floor(groups.length / 2), 1);
    const owned = () => groups.flatMap((group) => group.shards.filter((g) => !g.wanted.aborted)).length;
    await leaver?.leave();
    while (owned() < members) await clients[0]?.sync("/");
    // The planner's, the neighbour's, and the leaver's own by the watch on its own node.
    expect(events.length).toBeLessThanOrEqual(3 * departures);
    expect(events.filter((path) => path.endsWith("/party")).length).toBeLessThanOrEqual(departures);
  }
  expect(events.length).toBeGreaterThanOrEqual(20);
  await Promise.all(clients.map((client) => client.close()));
});
