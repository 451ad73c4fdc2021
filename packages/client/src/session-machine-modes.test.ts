/** The machine with servers that are read-only, that want to know who one is, or whose answers prove less. */
import { ErrorCode, Reader, Writer } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { Trace } from "../test-helpers/trace.ts";
import type { SaslExchange } from "./sasl/exchange.ts";

describe("a server that takes no writes", () => {
  const readOnly = (trace: Trace) =>
    trace
      .attempt()
      .opened()
      .received("handshake: session 5, read-only", {
        type: "handshake",
        response: { protocolVersion: 0, timeOut: 9_000, sessionId: 5n, passwd: new Uint8Array(16), readOnly: true },
      });

  test("its session is left for one with a server that does", async () => {
    const trace = new Trace({ hosts: ["one", "two"], canBeReadOnly: true });
    readOnly(trace);
    trace.request("a read", { watch: { kind: "data", watcher: () => {} } });
    trace.reply({ zxid: 7 });
    trace.note("the other server takes writes");
    trace.step("read-write at two", { type: "readWriteAt", host: { host: "two", port: 2181 } });
    trace.attempt().opened().handshake({ sessionId: 6n });
    await expect(trace.toString()).toMatchFileSnapshot("traces/read-only.txt");
    expect(trace.machine.sessionId).toBe(6n);
  });

  test("its session lasts as long as the connection", () => {
    const trace = new Trace({ canBeReadOnly: true });
    readOnly(trace);
    trace.broken();
    expect(trace.machine.sessionId).toBe(0n);
    expect(trace.lines.some((line) => line.includes("state lost: session 5, deadline 0, readOnly"))).toBe(true);
  });

  test("what is found too late is of no use", () => {
    const trace = new Trace({ hosts: ["one", "two"], canBeReadOnly: true });
    trace.connected(5n);
    trace.step("read-write at two", { type: "readWriteAt", host: { host: "two", port: 2181 } });
    expect(trace.machine.sessionId).toBe(5n);
  });
});

describe("SASL", () => {
  const token = (text: string): Reader => {
    const writer = new Writer();
    writer.buffer(Buffer.from(text));
    return new Reader(writer.take());
  };
  const exchange = (): SaslExchange => ({
    first: new Uint8Array(0),
    next(message) {
      const said = Buffer.from(message ?? []).toString();
      if (said === "challenge") return Buffer.from("response");
      if (said === "well done") return "done";
      throw new Error(`unexpected: ${said}`);
    },
  });
  const reply = (trace: Trace, xid: number, text: string, err = 0) =>
    trace.received(`sasl reply: ${text}`, { type: "reply", header: { xid, zxid: 0, err }, body: token(text) });

  test("nothing else is sent before the server knows who we are", async () => {
    const trace = new Trace({ sasl: exchange });
    trace.addAuth({ scheme: "digest", auth: null });
    trace.request("early");
    trace.attempt().opened().handshake({ sessionId: 5n });
    reply(trace, 1, "challenge");
    reply(trace, 2, "well done");
    trace.note("and again on the next connection, watches included");
    trace.received("auth reply", { type: "reply", header: { xid: -4, zxid: 0, err: 0 }, body: token("") });
    trace.request("watching", { watch: { kind: "data", watcher: () => {} } });
    trace.received("replies", ...[3, 4].map((xid) => frame(xid)));
    trace.broken().attempt().opened().handshake({ sessionId: 5n });
    reply(trace, 5, "challenge");
    reply(trace, 6, "well done");
    await expect(trace.toString()).toMatchFileSnapshot("traces/sasl.txt");
  });

  test("a refusal is a failed attempt, with its reason; the next server may see it otherwise", () => {
    for (const [text, err, told] of [
      ["", ErrorCode.AuthFailed, "refused the name or the password"],
      ["nonsense", 0, "unexpected: nonsense"],
    ] as const) {
      const trace = new Trace({ sasl: exchange });
      trace.attempt().opened().handshake({ sessionId: 5n });
      reply(trace, 1, text, err);
      expect(trace.machine.phase).toBe("idle");
      expect(trace.machine.diagnosis[0]?.reason).toContain(told);
    }
  });

  test("a session in which nobody was let in holds nothing, so that its end need not be waited for", () => {
    for (const when of ["between attempts", "while the server is asked"]) {
      const trace = new Trace({ sasl: exchange });
      trace.attempt().opened().handshake({ sessionId: 5n });
      if (when === "between attempts") reply(trace, 1, "", ErrorCode.AuthFailed);
      trace.step("close", { type: "close" });
      expect(trace.lines.some((line) => line.trim().startsWith("closed"))).toBe(true);
      expect(trace.machine.sessionId).toBe(0n);
    }
  });

  test("a server that does not go on with it is given up", () => {
    const trace = new Trace({ sasl: exchange });
    trace.attempt().opened().handshake({ sessionId: 5n });
    trace.timer();
    expect(trace.machine.phase).toBe("idle");
    expect(trace.machine.diagnosis[0]?.reason).toContain("did not answer");
  });
});

function frame(xid: number) {
  return { type: "reply" as const, header: { xid, zxid: 1, err: 0 }, body: new Reader(Buffer.alloc(0)) };
}

describe("§6.6 where an answer proves less", () => {
  test("pings come twice as often, silence is given up earlier, and the deadline is never reached before that", async () => {
    const trace = new Trace({ answersProve: false });
    trace.connected(5n);
    const answerPing = () =>
      trace.received("pong", {
        type: "reply",
        header: { xid: -2, zxid: 0, err: 0 },
        body: new Reader(Buffer.alloc(0)),
      });
    for (let i = 0; i < 5; i++) trace.timer() && answerPing();
    trace.note("from here on the server is silent");
    while (trace.machine.phase === "established") trace.timer();
    await expect(trace.toString()).toMatchFileSnapshot("traces/answers-prove-less.txt");
    expect(trace.machine.deadlineMs - trace.nowMs).toBeGreaterThan(1_000);
  });

  test("whose servers these are may turn out later", () => {
    const trace = new Trace({ answersProve: false });
    trace.connected(5n).at(1_000).request("a");
    trace.reply({ zxid: 1 });
    const before = trace.machine.deadlineMs;
    trace.step("trust answers", { type: "trustAnswers" });
    expect(trace.machine.deadlineMs).toBe(before + 1_000);
  });
});

describe("hosts", () => {
  const dialed = (trace: Trace) => trace.lines.flatMap((line) => /dial (\w+)/.exec(line)?.[1] ?? []);

  test("by priority every search begins with the first", () => {
    const trace = new Trace({ hosts: ["one", "two", "three"], hostOrder: "priority" });
    trace.attempt().broken().attempt().opened().handshake({ sessionId: 5n }).broken().attempt();
    expect(dialed(trace)).toEqual(["one", "two", "one"]);
  });

  test("shuffled they go on from where they were", () => {
    const trace = new Trace({ hosts: ["one", "two", "three"] });
    trace.attempt().broken().attempt().opened().handshake({ sessionId: 5n }).broken().attempt();
    expect(dialed(trace)).toEqual(["one", "two", "three"]);
  });

  test("§6.15 they may change; the search goes on with whom it would have tried", () => {
    const trace = new Trace({ hosts: ["one", "two", "three"] });
    trace.attempt().broken();
    const hosts = ["four", "two", "five"].map((host) => ({ host, port: 2181 }));
    trace.step("hosts", { type: "hosts", hosts });
    trace.attempt().broken().attempt().broken().attempt();
    expect(dialed(trace)).toEqual(["one", "two", "five", "four"]);
    expect(trace.machine.diagnosis.map(({ host }) => host)).toEqual(["four:2181", "two:2181", "five:2181"]);
  });

  test("while one is being tried, and when it is connected, that is what is told", () => {
    const trace = new Trace({ hosts: ["one", "two"] });
    const reasons = () => trace.machine.diagnosis.map(({ reason }) => reason);
    expect(reasons()).toEqual(["not tried yet", "not tried yet"]);
    trace.attempt();
    expect(reasons()).toEqual(["no connection so far", "not tried yet"]);
    trace.opened();
    expect(reasons()).toEqual(["it accepted the connection and has not answered so far", "not tried yet"]);
    trace.broken().attempt().opened().handshake({ sessionId: 5n });
    expect(reasons()).toEqual([expect.stringContaining("closed it without an answer"), "connected"]);
    trace.broken().attempt().opened().handshake({ sessionId: 5n });
    expect(reasons()).toEqual(["connected", "the server closed the connection"]);
  });

  test("§6.16 more may be known about why one refuses", () => {
    const trace = new Trace({ hosts: ["one"] });
    trace.attempt().opened().broken();
    expect(trace.machine.diagnosis[0]?.reason).toMatch(/closed it without an answer/);
    trace.step("diagnosed", { type: "diagnosed", host: { host: "one", port: 2181 }, reason: "it is not serving" });
    expect(trace.machine.diagnosis[0]?.reason).toBe("it is not serving");
  });
});
