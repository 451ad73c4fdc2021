import { CertificateError, type Dialer } from "@corral/io";
import { ErrorCode } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { FakeClock, settle } from "../test-helpers/fake-clock.ts";
import { ScriptedDialer, ScriptedServer } from "../test-helpers/scripted-server.ts";
import { random, rejection, timeoutMs, world } from "../test-helpers/world.ts";
import { connect } from "./connect.ts";

describe("connect", () => {
  test("resolves with the first session", async () => {
    const { client, server } = await world();
    expect(client.state).toBe("connected");
    expect(client.sessionId).toBe(77n);
    expect(client.sessionTimeoutMs).toBe(timeoutMs);
    expect(client.deadlineMs).toBe(1_000 + 8_910);
    expect(client.sessionPassword).toEqual(new Uint8Array(16).fill(7));
    expect(server.connection.handshake).toMatchObject({ sessionId: 0n, timeOut: timeoutMs, lastZxidSeen: 0 });
  });

  test("goes on to the next host", async () => {
    const clock = new FakeClock();
    const server = new ScriptedServer({ id: 1n, timeoutMs });
    const bad = new ScriptedServer({ id: 2n, timeoutMs });
    bad.manner = "refuse";
    const dialer = new ScriptedDialer({ bad, good: server });
    const connecting = connect("bad,good,nowhere", { clock, dialer, random, engine: "corral" });
    await clock.advance(1_000);
    const client = await connecting;
    expect(new Set(dialer.dialed)).toContain("good");
    const closing = client.close();
    server.connection.answer("closeSession", await server.connection.request("closeSession"), {});
    await closing;
  });

  test("after its time it rejects with what happened at each host, and leaves nothing behind", async () => {
    const clock = new FakeClock();
    const refusing = new ScriptedServer({ id: 1n, timeoutMs });
    refusing.manner = "refuse";
    const hole = new ScriptedServer({ id: 1n, timeoutMs });
    hole.manner = "blackhole";
    const rude = new ScriptedServer({ id: 1n, timeoutMs });
    rude.onConnect = () => {
      rude.connection.close();
      return undefined;
    };
    const silent = new ScriptedServer({ id: 1n, timeoutMs });
    silent.onConnect = () => undefined;
    const web = new ScriptedServer({ id: 1n, timeoutMs });
    web.onConnect = () => {
      web.connection.sendBytes(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"));
      return undefined;
    };
    const dialer = new ScriptedDialer({ refusing, hole, rude, silent, web });
    const error = rejection(
      connect("refusing,hole,rude,silent,web", {
        clock,
        dialer,
        random,
        sessionTimeoutMs: 5_000,
        connectTimeoutMs: 8_000,
      }),
    );
    await clock.advance(8_000);
    const message = (await error).message;
    expect(await error).toMatchObject({ name: "ConnectTimeoutError", code: "ConnectTimeout" });
    expect(message).toContain("refusing:2181: no connection: connect ECONNREFUSED");
    expect(message).toContain("hole:2181: no connection within 1000 ms");
    expect(message).toContain("rude:2181: it accepted the connection and closed it without an answer");
    expect(message).toContain("want TLS, or a certificate of the client's that it trusts");
    expect(message).toContain("silent:2181: it accepted the connection but did not answer within 1000 ms");
    expect(message).toContain("web:2181: what answered does not speak the ZooKeeper protocol");
    expect(clock.pendingTimers).toBe(0);
  });

  test("can be aborted, before and meanwhile", async () => {
    const clock = new FakeClock();
    const server = new ScriptedServer({ id: 1n, timeoutMs });
    server.manner = "blackhole";
    const dialer = new ScriptedDialer({ one: server });
    const reason = new Error("enough");
    expect(await rejection(connect("one", { clock, dialer, random, signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(dialer.dialed).toEqual([]);
    const controller = new AbortController();
    const error = rejection(connect("one", { clock, dialer, random, signal: controller.signal }));
    await clock.advance(10);
    controller.abort(reason);
    expect(await error).toBe(reason);
    await settle();
    expect(clock.pendingTimers).toBe(0);
  });

  describe("a certificate that is not trusted", () => {
    const distrust = new CertificateError("it has expired", {
      code: "CERT_HAS_EXPIRED",
      remedy: "Renew it.",
      cause: new Error("expired"),
    });

    test("ends it as soon as every host has failed so, and not before", async () => {
      const clock = new FakeClock();
      const dialed: string[] = [];
      const dialer: Dialer = {
        dial: ({ host }) => {
          dialed.push(host);
          const isForGood = host === "one" || dialed.length > 3;
          return Promise.reject(isForGood ? distrust : new Error("connect ECONNREFUSED"));
        },
      };
      const error = rejection(connect("one,two", { clock, dialer, random, hostOrder: "shuffled" }));
      await clock.advance(5_000);
      expect(await error).toMatchObject({ name: "NotTrustedError", code: "NotTrusted", cause: distrust });
      expect((await error).message).toMatch(/one:2181: no connection: it has expired.*Renew it\.$/);
      expect(new Set(dialed)).toEqual(new Set(["one", "two"]));
      expect(dialed.length).toBeGreaterThan(3);
      expect(clock.pendingTimers).toBe(0);
    });

    test("does not end a client that was connected once", async () => {
      const clock = new FakeClock();
      const server = new ScriptedServer({ id: 77n, timeoutMs });
      let isTrusted = true;
      const scripted = new ScriptedDialer({ one: server });
      const dialer: Dialer = {
        dial: (address, options) => (isTrusted ? scripted.dial(address, options) : Promise.reject(distrust)),
      };
      const { client, states } = await world({ clock, dialer });
      isTrusted = false;
      server.connection.close();
      await clock.advance(3_000);
      expect(client.diagnosis()).toMatchObject([{ final: "NotTrusted" }]);
      isTrusted = true;
      await clock.advance(2_000);
      expect(states).toEqual(["suspended", "connected"]);
      server.manner = "refuse";
      void client.close();
    });
  });

  describe("a failure that is final at one server, behind a name of several", () => {
    const distrust = new CertificateError("it has expired", {
      code: "CERT_HAS_EXPIRED",
      remedy: "Renew it.",
      cause: new Error("expired"),
      isOneOfSeveral: true,
    });
    const options = { random, sessionTimeoutMs: timeoutMs, connectTimeoutMs: 8_000, engine: "corral" } as const;

    test("another server may be drawn, whose certificate is trusted", async () => {
      const clock = new FakeClock();
      const server = new ScriptedServer({ id: 77n, timeoutMs });
      const scripted = new ScriptedDialer({ many: server });
      let dials = 0;
      const dialer: Dialer = {
        dial: (address, how) => (++dials < 4 ? Promise.reject(distrust) : scripted.dial(address, how)),
      };
      const connecting = connect("many", { ...options, clock, dialer });
      await clock.advance(5_000);
      const client = await connecting;
      server.manner = "refuse";
      void client.close();
    });

    test("when the time is over, what to do is said of the certificate", async () => {
      const clock = new FakeClock();
      const error = rejection(connect("many", { ...options, clock, dialer: { dial: () => Promise.reject(distrust) } }));
      await clock.advance(8_000);
      expect(await error).toMatchObject({
        code: "ConnectTimeout",
        hosts: [{ host: "many:2181", remedy: "Renew it.", cause: distrust }],
      });
      expect((await error).message).toMatch(/many:2181: no connection: it has expired.*Renew it\.$/);
      expect((await error).message).not.toContain("server is running");
    });

    test.each([true, false])("a name that SASL refuses; several servers: %s", async (isOneOfSeveral) => {
      const clock = new FakeClock();
      const server = new ScriptedServer({ id: 77n, timeoutMs });
      const dialed: string[] = [];
      const dialer: Dialer = {
        dial: async ({ host }) => {
          dialed.push(host);
          void server.nextConnection().then(async (connection) => {
            connection.refuse(await connection.request("sasl"), ErrorCode.AuthFailed);
          });
          return Object.assign(server.accept(), { isOneOfSeveral });
        },
      };
      const sasl = { username: "bob", password: "wrong" };
      const error = rejection(connect("many", { ...options, clock, dialer, sasl }));
      await clock.advance(8_000);
      expect(await error).toMatchObject({ code: isOneOfSeveral ? "ConnectTimeout" : "AuthFailed" });
      expect((await error).message).toMatch(/refused the name or the password.*\(CORRAL_SASL\)/);
      if (isOneOfSeveral) expect(dialed.length).toBeGreaterThan(1);
      else expect(dialed).toEqual(["many"]);
      expect(clock.pendingTimers).toBe(0);
    });
  });

  test.each([
    ["sessionTimeoutMs", { sessionTimeoutMs: 0 }],
    ["sessionTimeoutMs", { sessionTimeoutMs: 1.5 }],
    ["connectTimeoutMs", { connectTimeoutMs: Number.NaN }],
    ["requestBytesMax", { requestBytesMax: -1 }],
    ["responseBytesMax", { responseBytesMax: Number.NaN }],
    ["hostOrder", { hostOrder: "random" as "shuffled" }],
    ["engine", { engine: "zookeeper" as "apache" }],
    ["closeOnSignals", { closeOnSignals: ["SIGKILL" as "SIGTERM"] }],
    ["sasl.mechanism", { sasl: { mechanism: "PLAIN" as "DIGEST-MD5", username: "u", password: "p" } }],
  ])("refuses a senseless %s", async (name, options) => {
    const error = await rejection(connect("one", options));
    expect(error).toMatchObject({ code: "BadArguments" });
    expect(error.message).toContain(name);
  });
});
