import { ErrorCode, WatchEventType } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { type FakeClock, settle } from "../test-helpers/fake-clock.ts";
import { encodeReply, plainStat } from "../test-helpers/scripted-server.ts";
import { rejection, world } from "../test-helpers/world.ts";
import type { StateEvent } from "./state-emitter.ts";
import type { WatchEvent } from "./watch-event.ts";

describe("when the connection breaks", () => {
  test("what was sent is lost, what was not is sent later, in the same session", async () => {
    const { client, server, clock, states } = await world();
    const first = server.connection;
    const sent = rejection(client.set("/a", "x"));
    await first.request("setData");
    first.close(new Error("read ECONNRESET"));
    const queued = client.get("/a");
    expect(client.state).toBe("suspended");
    const error = await sent;
    expect(error).toMatchObject({ code: "ConnectionLoss", path: "/a" });
    expect(error.message).toContain("read ECONNRESET");
    expect(error.cause).toBeInstanceOf(Error);
    await clock.advance(200);
    expect(client.state).toBe("connected");
    const second = server.connection;
    expect(second.handshake).toMatchObject({ sessionId: 77n, passwd: Buffer.alloc(16, 7) });
    second.answer("getData", await second.request("getData"), { data: null, stat: plainStat });
    expect((await queued).data).toBeNull();
    expect(states).toEqual(["suspended", "connected"]);
    expect(client.sessionId).toBe(77n);
  });

  test("bytes that are no frame end the connection, not the client", async () => {
    const { client, server, clock } = await world();
    server.connection.sendBytes(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    expect(client.state).toBe("suspended");
    await clock.advance(200);
    expect(client.state).toBe("connected");
    expect(server.connections.length).toBe(2);
  });

  test("the bytes of requests that wait are bounded", async () => {
    const { client, server } = await world();
    server.manner = "refuse";
    server.connection.close();
    const megabyte = new Uint8Array(1_000_000);
    const waiting = Array.from({ length: 67 }, () => rejection(client.set("/a", megabyte)));
    expect(await rejection(client.set("/a", megabyte))).toMatchObject({ code: "ThrottledOp" });
    expect(await rejection(client.set("/a", megabyte))).toMatchObject({ code: "ThrottledOp" });
    void client.close();
    for (const error of await Promise.all(waiting)) expect(error).toMatchObject({ code: "ClientClosed" });
  });

  test("a request that waits can be aborted, and is then never sent", async () => {
    const { client, server, clock } = await world();
    server.connection.close();
    const controller = new AbortController();
    const waiting = rejection(client.get("/a", { signal: controller.signal }));
    controller.abort(new Error("no longer wanted"));
    expect((await waiting).message).toBe("no longer wanted");
    await clock.advance(200);
    expect(server.connection.log).toEqual([]);
  });

  test("back-off grows, with jitter, and ends when a server is there", async () => {
    const { client, server, clock, dialer } = await world({ sessionTimeoutMs: 60_000 });
    server.manner = "refuse";
    server.connection.close();
    const start = dialer.dialed.length;
    await clock.advance(400);
    const early = dialer.dialed.length - start;
    await clock.advance(5_000);
    const later = dialer.dialed.length - start - early;
    expect(early).toBeGreaterThanOrEqual(2);
    expect(later).toBeGreaterThanOrEqual(4);
    expect(later).toBeLessThanOrEqual(10);
    server.manner = "accept";
    await clock.advance(1_100);
    expect(client.state).toBe("connected");
  });

  test("connections that break at once do not make a busy loop", async () => {
    const { server, clock } = await world();
    for (let i = 0; i < 200; i++) {
      server.connection.close();
      await clock.advance(10);
    }
    expect(server.connections.length).toBeLessThan(15);
  });
});

describe("the session's end", () => {
  test("by the server's word: watchers and waiting requests are told, and a new session is made", async () => {
    const { client, server, clock, states } = await world();
    const events: WatchEvent[] = [];
    const reading = client.get("/a", { watch: (event) => events.push(event) });
    server.connection.answer("getData", await server.connection.request("getData"), { data: null, stat: plainStat });
    await reading;
    const accept = server.onConnect;
    server.onConnect = (request) => {
      server.onConnect = accept;
      expect(request.sessionId).toBe(77n);
      return { protocolVersion: 0, timeOut: 0, sessionId: 0n, passwd: new Uint8Array(16), readOnly: false };
    };
    const details: StateEvent[] = [];
    client.on("state", (event) => details.push(event));
    server.connection.close();
    const queued = rejection(client.get("/b"));
    await clock.advance(200);
    expect(await queued).toMatchObject({ code: "SessionExpired" });
    expect(states).toEqual(["suspended", "lost", "connecting", "connected"]);
    expect(details[1]).toMatchObject({ state: "lost", reason: "expired", sessionId: 77n });
    expect(events).toEqual([{ type: "lost", path: "/a" }]);
    expect(server.connection.handshake.sessionId).toBe(0n);
    const later = client.get("/b");
    server.connection.answer("getData", await server.connection.request("getData"), { data: null, stat: plainStat });
    await later;
  });

  test("by the deadline, while nobody answers", async () => {
    const { client, server, clock, states } = await world();
    server.manner = "blackhole";
    server.connection.close();
    const queued = rejection(client.get("/b"));
    const { deadlineMs } = client;
    await clock.advance(deadlineMs - clock.elapsedMs() - 1);
    expect(states).toEqual(["suspended"]);
    await clock.advance(1);
    expect(states).toEqual(["suspended", "lost", "connecting"]);
    expect(await queued).toMatchObject({
      code: "SessionExpired",
      message: expect.stringMatching(/has not been sent; one:2181: no connection/),
    });
    expect(client.sessionId).toBe(0n);
    server.manner = "accept";
    await clock.advance(10_000);
    expect(client.state).toBe("connected");
  });

  test("by the deadline, although connected: the server takes everything and answers nothing", async () => {
    const { client, server, clock, states } = await world();
    server.connection.answersPings = false;
    const events = setIntervalOn(clock, 1_000, () => server.connection.event(WatchEventType.nodeCreated, "/noise"));
    await clock.advance(8_909);
    expect(client.state).toBe("connected");
    await clock.advance(2);
    events.stop();
    expect(states.slice(0, 2)).toEqual(["lost", "connecting"]);
  });

  test("after a stall nothing is sent on the old belief", async () => {
    const { client, server, clock, states } = await world();
    const { connection } = server;
    clock.stall(60_000);
    const write = rejection(client.set("/ledger", "stale"));
    expect(states).toEqual(["lost", "connecting"]);
    expect(await write).toMatchObject({ code: "SessionExpired" });
    expect(connection.log).toEqual([]);
    await clock.advance(200);
    expect(server.connection.log).toEqual([]);
  });

  test("a stall between asking and writing is noticed too", async () => {
    const { client, server, clock } = await world();
    const { connection } = server;
    const write = rejection(client.set("/ledger", "stale"));
    clock.stall(60_000);
    expect(await write).toMatchObject({ code: "ConnectionLoss" });
    expect(connection.log).toEqual([]);
  });

  test("what is asked from a listener that hears of the loss is for the new session", async () => {
    const { client, server, clock } = await world();
    const asked: Promise<unknown>[] = [];
    client.once("state", () => asked.push(client.get("/a")));
    clock.stall(60_000);
    await rejection(client.get("/old"));
    await clock.advance(200);
    server.connection.answer("getData", await server.connection.request("getData"), { data: null, stat: plainStat });
    expect(await Promise.all(asked)).toHaveLength(1);
    expect(server.connection.log).toEqual(["getData"]);
  });

  test("listeners that throw are logged and keep nobody from hearing", async () => {
    const { client, server, log, states } = await world();
    const heard: string[] = [];
    const thrower = () => {
      throw new Error("listener");
    };
    client.on("state", thrower);
    client.once("state", ({ state }) => heard.push(`once ${state}`));
    const always = ({ state }: StateEvent) => heard.push(state);
    client.on("state", always);
    server.connection.close();
    expect(heard).toEqual(["once suspended", "suspended"]);
    expect(log).toContain("error: a listener for state changes failed; the client goes on (listener)");
    client.off("state", always).off("state", thrower);
    void client.close();
    expect(heard).toEqual(["once suspended", "suspended"]);
    expect(states).toContain("closed");
  });
});

describe("close", () => {
  test("ends the session on the server, after what was sent is answered", async () => {
    const { client, server, clock, states } = await world();
    const { connection } = server;
    const events: WatchEvent[] = [];
    const reading = client.get("/a", { watch: (event) => events.push(event) });
    const closing = client.close();
    expect(client.close()).toBe(closing);
    expect(client.state).toBe("closed");
    expect(await rejection(client.get("/b"))).toMatchObject({ code: "ClientClosed" });
    connection.answer("getData", await connection.request("getData"), { data: null, stat: plainStat });
    await reading;
    connection.answer("closeSession", await connection.request("closeSession"), {});
    await closing;
    expect(events).toEqual([{ type: "closed", path: "/a" }]);
    expect(connection.ended).toBe(true);
    expect(states).toEqual(["closed"]);
    expect(clock.pendingTimers).toBe(0);
    expect(await rejection(client.get("/b"))).toMatchObject({ code: "ClientClosed" });
    expect(await rejection(client.addAuth("digest", "a:b"))).toMatchObject({ code: "ClientClosed" });
    await client.close();
  });

  test("waits a bounded time for a server that does not answer", async () => {
    const { client, clock } = await world();
    const closing = client.close();
    await clock.advance(3_000);
    await closing;
    expect(clock.pendingTimers).toBe(0);
  });

  test("without a connection tries for a moment to get one", async () => {
    const { client, server, clock } = await world();
    server.manner = "refuse";
    server.connection.close();
    const queued = rejection(client.get("/a"));
    const closing = client.close();
    expect(await queued).toMatchObject({ code: "ClientClosed" });
    await clock.advance(300);
    server.manner = "accept";
    await clock.advance(600);
    server.connection.answer("closeSession", await server.connection.request("closeSession"), {});
    await closing;
  });

  test("without any server takes a second", async () => {
    const { client, server, clock } = await world();
    server.manner = "refuse";
    server.connection.close();
    const closing = client.close();
    await clock.advance(1_000);
    await closing;
    await settle();
    expect(clock.pendingTimers).toBe(0);
  });

  test("is what `await using` does", async () => {
    const { client } = await world();
    expect(client[Symbol.asyncDispose]()).toBe(client.close());
  });
});

describe("credentials", () => {
  test("are presented, and again on the next connection", async () => {
    const { client, server, clock } = await world();
    const adding = client.addAuth("digest", "bob:pw");
    const request = await server.connection.request("auth");
    expect(server.connection.bodyOf("auth", request)).toEqual({
      type: 0,
      scheme: "digest",
      auth: Buffer.from("bob:pw"),
    });
    server.connection.sendBytes(encodeReply(-4, 0, 0));
    await adding;
    server.connection.close();
    await clock.advance(200);
    expect(server.connection.log).toEqual(["auth"]);
  });

  test("wait for a connection, and survive one that breaks before the answer", async () => {
    const { client, server, clock } = await world();
    server.connection.close();
    const adding = client.addAuth("digest", "bob:pw");
    await clock.advance(200);
    await server.connection.request("auth");
    server.connection.close();
    await clock.advance(200);
    await server.connection.request("auth");
    server.connection.sendBytes(encodeReply(-4, 0, 0));
    await adding;
  });

  test("that are refused reject, and are not presented again", async () => {
    const { client, server, clock } = await world();
    const adding = rejection(client.addAuth("nonsense", null));
    await server.connection.request("auth");
    server.connection.sendBytes(encodeReply(-4, 0, ErrorCode.AuthFailed));
    const queued = client.get("/a");
    expect(await adding).toMatchObject({ code: "AuthFailed" });
    await clock.advance(200);
    expect(server.connection.log).toEqual(["getData"]);
    server.connection.answer("getData", await server.connection.request("getData"), { data: null, stat: plainStat });
    await queued;
  });
});

/** Calls `tick` every so often on the fake clock. */
function setIntervalOn(clock: FakeClock, everyMs: number, tick: () => void): { stop(): void } {
  let handle = clock.setTimer(everyMs, run);
  function run(): void {
    tick();
    handle = clock.setTimer(everyMs, run);
  }
  return { stop: () => handle.cancel() };
}
