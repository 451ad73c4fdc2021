/** `expireSession` of @corral/testing, against our server. Against Apache's: test/recipes/engines.test.ts. */
import { connect } from "@corral/client";
import { expireSession, FaultProxy, TestServer } from "@corral/testing";
import { expect, test } from "vitest";
import { nextState } from "../support/states.ts";

test("ends the session for real: ephemerals gone, watches fired, the client told", async () => {
  await using server = await TestServer.start();
  await using client = await connect(server.connectString, { sessionTimeoutMs: 60_000 });
  await using other = await connect(server.connectString);
  const { sessionId } = client;
  await client.create("/mine", null, { mode: "ephemeral" });
  const fired = new Promise((resolve) => void other.exists("/mine", { watch: resolve }));
  const lost = nextState(client, "lost");
  await expireSession(client);
  expect(await other.exists("/mine")).toBeUndefined();
  expect(await fired).toMatchObject({ type: "nodeDeleted" });
  expect(await lost).toMatchObject({ sessionId, reason: "expired" });
  await nextState(client, "connected");
  expect(await client.create("/mine", null, { mode: "ephemeral" })).toBe("/mine");
});

test("of a client that is cut off: it learns when it comes back", async () => {
  await using server = await TestServer.start();
  await using proxy = await FaultProxy.start(server.connectString);
  await using client = await connect(proxy.connectString, { sessionTimeoutMs: 60_000 });
  const suspended = nextState(client, "suspended");
  proxy.refuse();
  proxy.cut();
  await suspended;
  await expireSession(client, { connectString: server.connectString });
  expect(server.sessionCount).toBe(0);
  expect(client.state).toBe("suspended");
  const lost = nextState(client, "lost");
  proxy.accept();
  expect(await lost).toMatchObject({ reason: "expired" });
});

test("again and again, though the client fights for its session", async () => {
  await using server = await TestServer.start();
  await using client = await connect(server.connectString, { sessionTimeoutMs: 60_000 });
  for (let round = 0; round < 4; round++) {
    const connected = nextState(client, "connected");
    const holder = { sessionId: client.sessionId, sessionPassword: client.sessionPassword };
    await expireSession({ ...holder, connectString: server.connectString });
    await connected;
    // Again: it is over.
    await expireSession(holder, server);
  }
  expect(server.sessionCount).toBe(1);
});

test("says what is missing", async () => {
  await using server = await TestServer.start();
  const holder = { sessionId: 1n, sessionPassword: new Uint8Array(16) };
  await expect(expireSession(holder)).rejects.toThrow("connectString");
  await expect(expireSession({ ...holder, sessionId: 0n }, server)).rejects.toThrow("no session");
  const { connectString } = server;
  await server.stop();
  await expect(expireSession(holder, { connectString, timeoutMs: 100 })).rejects.toThrow("0x1 within 100 ms");
});
