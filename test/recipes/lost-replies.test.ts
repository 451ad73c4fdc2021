/** What a lost reply must not hide: each reply of a release is lost in turn, and what was true is told all the same. */
import { connect } from "@corral/client";
import { isGrantLostError, Mutex } from "@corral/locks";
import { FaultProxy, TestServer } from "@corral/testing";
import { describe, expect, test } from "vitest";

describe.each(["exists", "delete", undefined])("§6.4 a release whose reply to %s is lost", (operation) => {
  test("tells that the lock had been lost", async () => {
    await using server = await TestServer.start();
    await using proxy = await FaultProxy.start(server.connectString);
    await using holder = await connect(proxy.connectString);
    await using other = await connect(server.connectString);
    proxy.dropReply((reply) => reply.operation === operation);
    const run = new Mutex(holder, "/lock").withLock(async ({ path }) => {
      // The holder is not told of the deletion before it releases.
      proxy.stall("toClient");
      await other.delete(path);
      proxy.onFrame(({ kind }) => kind === "request" && proxy.resume());
      return "done";
    });
    await expect(run).rejects.toSatisfy(isGrantLostError);
  });

  test("tells that the lock had been held", async () => {
    await using server = await TestServer.start();
    await using proxy = await FaultProxy.start(server.connectString);
    await using holder = await connect(proxy.connectString);
    await using other = await connect(server.connectString);
    const mutex = new Mutex(holder, "/lock");
    const run = mutex.withLock(() => {
      proxy.dropReply((reply) => reply.operation === operation);
      return "done";
    });
    expect(await run).toBe("done");
    expect(await other.children("/lock")).toEqual([]);
  });
});

describe.each(["create2", "getChildren", "getData"])("an acquisition whose reply to %s is lost", (operation) => {
  test("is of one node, and after the one that came before it", async () => {
    await using server = await TestServer.start();
    await using proxy = await FaultProxy.start(server.connectString);
    await using waiting = await connect(proxy.connectString);
    await using other = await connect(server.connectString);
    const held = await new Mutex(other, "/lock").acquire();
    const drop = proxy.dropReply((reply) => reply.operation === operation);
    const acquiring = new Mutex(waiting, "/lock").acquire();
    await drop.happened;
    for await (const names of other.watchChildren("/lock")) if (names?.length === 2) break;
    await held.release();
    await using next = await acquiring;
    expect(next.fencingToken).toBeGreaterThan(held.fencingToken);
    expect(await other.children("/lock")).toEqual([next.path.slice("/lock/".length)]);
  });

  test("of a free lock is of one node", async () => {
    await using server = await TestServer.start();
    await using proxy = await FaultProxy.start(server.connectString);
    await using client = await connect(proxy.connectString);
    await using other = await connect(server.connectString);
    await other.create("/lock");
    proxy.dropReply((reply) => reply.operation === operation);
    await using held = await new Mutex(client, "/lock").acquire();
    expect(await other.children("/lock")).toEqual([held.path.slice("/lock/".length)]);
  });
});
