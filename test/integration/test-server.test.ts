/** The test server of @corral/testing: what is there after a stop, a kill, a restart, and what is not. */
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { connect, isCoordinationError } from "@corral/client";
import { openAcl } from "@corral/protocol";
import { ConfigError } from "@corral/server";
import { MemoryDisk, TestServer } from "@corral/testing";
import { describe, expect, test } from "vitest";
import { RawConnection } from "../support/raw-connection.ts";
import { RecordingLogger } from "../support/recording-logger.ts";
import { nextState } from "../support/states.ts";

const directories = () => readdirSync(tmpdir()).filter((name) => name.startsWith("corral-testing-"));

describe("in memory", () => {
  test("serves, gives clients the timeout they ask for, and expires their sessions in time", async () => {
    await using server = await TestServer.start();
    await using long = await connect(server.connectString, { sessionTimeoutMs: 45_000 });
    expect(long.sessionTimeoutMs).toBe(45_000);
    const short = await RawConnection.withSession(server.port, 100);
    await short.call("create", { path: "/e", data: null, acl: openAcl, flags: 1 });
    expect(server.sessionCount).toBe(2);
    const gone = new Promise((resolve) => void long.exists("/e", { watch: resolve }));
    const startedMs = performance.now();
    short.destroy();
    await gone;
    expect(performance.now() - startedMs).toBeLessThan(30_000);
    expect(server.sessionCount).toBe(1);
  });

  test("does not pretend to keep anything over a restart", async () => {
    await using server = await TestServer.start();
    await using client = await connect(server.connectString, { sessionTimeoutMs: 1_000 });
    await client.create("/a");
    await expect(server.restart()).rejects.toThrow("durable: true");
    expect(server.isRunning).toBe(true);
    const { connectString } = server;
    await client.close();
    await server.restart({ wiped: true });
    expect(server.connectString).toBe(connectString);
    await using next = await connect(connectString);
    expect(await next.exists("/a")).toBeUndefined();
  });

  test("wrong settings are told as startServer tells them", async () => {
    await expect(TestServer.start({ tickMs: 0 })).rejects.toThrow(ConfigError);
  });

  test("is gone after close, and stays gone", async () => {
    const server = await TestServer.start();
    await server.close();
    await server.close();
    expect(server.isRunning).toBe(false);
    await expect(RawConnection.open(server.port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await expect(server.restart({ wiped: true })).rejects.toThrow("closed");
  });
});

describe("durable", () => {
  test.each(["stop", "kill"] as const)(
    "after %s and restart nodes, sessions and the address are the same",
    async (how) => {
      await using server = await TestServer.start({ durable: true });
      await using client = await connect(server.connectString, { sessionTimeoutMs: 20_000 });
      await client.create("/a", "data");
      await client.create("/e", null, { mode: "ephemeral" });
      const { sessionId } = client;
      const { connectString } = server;
      const suspended = nextState(client, "suspended");
      await server[how]();
      expect(server.isRunning).toBe(false);
      expect(server.sessionCount).toBe(0);
      await suspended;
      const connected = nextState(client, "connected");
      await server.restart();
      await connected;
      expect(server.connectString).toBe(connectString);
      expect(client.sessionId).toBe(sessionId);
      expect((await client.get("/a")).data?.toString()).toBe("data");
      expect((await client.exists("/e"))?.ephemeralOwner).toBe(sessionId);
    },
  );

  test("a kill answers nothing that was under way, breaks connections and says nothing", async () => {
    const logger = new RecordingLogger();
    await using server = await TestServer.start({ durable: true, logger });
    const c = await RawConnection.withSession(server.port);
    for (let i = 0; i < 100; i++) c.send("create", { path: `/n${i}`, data: null, acl: openAcl, flags: 0 });
    await server.kill();
    const said = logger.lines.length;
    await c.closed;
    await server.restart();
    expect(logger.lines.slice(said).map(({ level }) => level)).not.toContain("error");
    // What was acknowledged before the kill is there.
    let acknowledged = 0;
    for (;;) {
      const reply = await c.reply().catch(() => undefined);
      if (reply === undefined) break;
      acknowledged += 1;
    }
    await using client = await connect(server.connectString);
    expect((await client.children("/")).filter((name) => name.startsWith("n")).length).toBeGreaterThanOrEqual(
      acknowledged,
    );
  });

  test("many kills in a row, each in the middle of writes, lose nothing that was acknowledged", async () => {
    await using server = await TestServer.start({ durable: true });
    await using client = await connect(server.connectString, { sessionTimeoutMs: 30_000 });
    const acknowledged: string[] = [];
    for (let round = 0; round < 4; round++) {
      const writes = Array.from({ length: 20 }, (_, i) =>
        client.create(`/r${round}-${i}`).then(
          (path) => acknowledged.push(path.slice(1)),
          (error: unknown) => {
            if (!isCoordinationError(error, "ConnectionLoss")) throw error;
          },
        ),
      );
      await writes[round];
      await server.kill();
      await Promise.all(writes);
      await server.restart();
    }
    await client.sync();
    expect(await client.children("/")).toEqual(expect.arrayContaining(acknowledged));
    expect(acknowledged.length).toBeGreaterThan(10);
  });

  test("wiped it comes back empty, and knows no session", async () => {
    await using server = await TestServer.start({ durable: true });
    await using client = await connect(server.connectString);
    await client.create("/a");
    await client.close();
    await server.restart({ wiped: true });
    await using next = await connect(server.connectString);
    expect(await next.children("/")).toEqual(["zookeeper"]);
    await server.restart();
    expect(await next.children("/")).toEqual(["zookeeper"]);
  });

  test("its temporary directory is gone at the end, and a directory of the user's own stays", async () => {
    const before = directories();
    const server = await TestServer.start({ durable: true });
    const [own = ""] = directories().filter((name) => !before.includes(name));
    expect(own).not.toBe("");
    await server.kill();
    await server.close();
    expect(existsSync(`${tmpdir()}/${own}`)).toBe(false);

    const disk = new MemoryDisk();
    const onDisk = await TestServer.start({ disk });
    await using client = await connect(onDisk.connectString);
    await client.create("/a");
    await expect(onDisk.restart({ wiped: true })).rejects.toThrow("of the server's own");
    await onDisk.close();
    expect(disk.paths().length).toBeGreaterThan(0);
  });
});

describe("expireSession", () => {
  test("ends the session of a client, connected or not, and of nobody else", async () => {
    await using server = await TestServer.start();
    await using client = await connect(server.connectString, { sessionTimeoutMs: 60_000 });
    await using other = await connect(server.connectString);
    const { sessionId } = client;
    await client.create("/e", null, { mode: "ephemeral" });
    const lost = nextState(client, "lost");
    await server.expireSession(sessionId);
    expect(await other.exists("/e")).toBeUndefined();
    expect(await lost).toMatchObject({ sessionId, reason: "expired" });
    await nextState(client, "connected");
    expect(client.sessionId).not.toBe(sessionId);
    expect(other.state).toBe("connected");
    // Over already: fine.
    await server.expireSession(sessionId);

    const orphan = await RawConnection.withSession(server.port, 60_000);
    await orphan.call("create", { path: "/o", data: null, acl: openAcl, flags: 1 });
    orphan.destroy();
    await server.expireSession(orphan.sessionId);
    expect(await other.exists("/o")).toBeUndefined();
  });

  test("over a restart as well; unknown sessions are refused", async () => {
    await using server = await TestServer.start({ durable: true });
    const c = await RawConnection.withSession(server.port, 60_000);
    await server.kill();
    await expect(server.expireSession(c.sessionId)).rejects.toThrow("not running");
    await server.restart();
    expect(server.sessionCount).toBe(1);
    await server.expireSession(c.sessionId);
    expect(server.sessionCount).toBe(0);
    await expect(server.expireSession(1n)).rejects.toThrow("session 1");
  });
});
