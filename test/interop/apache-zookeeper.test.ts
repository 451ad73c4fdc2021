/** Our client on Debian's Apache ZooKeeper: the same code, somebody else's server. (The master-worker: next door.) */
import { connect, isCoordinationError, type WatchEvent } from "@corral/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApacheZooKeeper, startApacheZooKeeper } from "../support/apache-zookeeper.ts";
import { hasZooKeeper } from "../support/peers.ts";

describe.runIf(hasZooKeeper())("Apache ZooKeeper", () => {
  let apache: ApacheZooKeeper;
  beforeAll(async () => {
    apache = await startApacheZooKeeper();
  });
  afterAll(() => apache.close());

  test("the client's operations, watches and transactions", async () => {
    await using client = await connect(apache.connectString, { sessionTimeoutMs: 4_000 });
    await using other = await connect(apache.connectString, { sessionTimeoutMs: 4_000 });
    expect(await client.create("/a", "one")).toBe("/a");
    const created = await client.create2("/a/s-", "x", { mode: "ephemeralSequential" });
    expect(created).toMatchObject({
      path: "/a/s-0000000000",
      stat: { ephemeralOwner: client.sessionId, dataLength: 1 },
    });
    const event = new Promise<WatchEvent>((resolve) => {
      void other.get("/a", { watch: resolve });
    });
    await other.sync("/a");
    expect(await client.set("/a", "two", { version: 0 })).toMatchObject({ version: 1 });
    expect(await event).toMatchObject({ type: "nodeDataChanged", path: "/a" });
    expect((await other.get("/a")).data?.toString()).toBe("two");
    await expect(client.set("/a", "", { version: 0 })).rejects.toSatisfy((e) => isCoordinationError(e, "BadVersion"));
    await expect(client.delete("/a")).rejects.toSatisfy((e) => isCoordinationError(e, "NotEmpty"));
    await expect(client.get("/none")).rejects.toSatisfy((e) => isCoordinationError(e, "NoNode"));
    expect(await client.exists("/none")).toBeUndefined();
    expect(await client.children("/a")).toEqual(["s-0000000000"]);
    const results = await client
      .transaction()
      .check("/a", { version: 1 })
      .create("/a/t", "t")
      .set("/a", "three")
      .delete("/a/s-0000000000")
      .commit();
    expect(results.map((r) => r.type)).toEqual(["check", "create", "set", "delete"]);
    await expect(client.transaction().create("/b").check("/a", { version: 99 }).commit()).rejects.toMatchObject({
      index: 1,
      operation: "check",
      path: "/a",
      code: "BadVersion",
    });
    expect(await client.exists("/b")).toBeUndefined();
    await client.delete("/a/t");
    await client.delete("/a");
  });
});
