import { ErrorCode, WatchEventType } from "@corral/protocol";
import { describe, expect, test } from "vitest";
import { eventFrame, replyFrame, Trace } from "../test-helpers/trace.ts";
import { limits } from "./limits.ts";
import type { WatchIntent } from "./session-types.ts";
import type { Watcher } from "./watch-event.ts";

/** A watcher that the trace shows by name. */
function watch(kind: WatchIntent["kind"], name: string): WatchIntent {
  const watcher: Watcher = () => {};
  Object.defineProperty(watcher, "name", { value: name });
  return { kind, watcher };
}

async function expectTrace(trace: Trace, name: string): Promise<void> {
  await expect(trace.toString()).toMatchFileSnapshot(`./traces/${name}.txt`);
}

describe("traces", () => {
  test("a first session, requests queued before it and answered in order", async () => {
    const trace = new Trace();
    trace.attempt().request("early");
    trace.at(10).opened().at(25).handshake({ sessionId: 7n });
    trace.at(30).request("second");
    trace.at(40).reply({ zxid: 5 }).reply({ zxid: 6, err: ErrorCode.NoNode });
    await expectTrace(trace, "first-session");
  });

  test("pings when idle, each answer moves the deadline to the time of its request", async () => {
    const trace = new Trace();
    trace.connected();
    trace.timer().at(3_010).received("pong", replyFrame(-2, 3));
    trace.timer().at(6_050).received("pong", replyFrame(-2, 3));
    await expectTrace(trace, "pings");
  });

  test("a silent server is left after two thirds of the timeout, and the session re-attached at the next host", async () => {
    const trace = new Trace({ hosts: ["one", "two"] });
    trace.connected();
    trace.request("read", { path: "/a", watch: watch("data", "watcher-a") });
    trace.at(5).reply({ zxid: 42 });
    trace.at(20).request("write");
    trace.timer().timer();
    trace.request("queued");
    trace.at(6_100).attempt().at(6_110).opened().at(6_120).handshake({ sessionId: 1n });
    trace.note("the watches are answered, then the request that had waited");
    trace.at(6_130).reply({ zxid: 50 }).reply({ zxid: 50 });
    await expectTrace(trace, "re-attach");
  });

  test("the server says that the session is over", async () => {
    const trace = new Trace();
    trace.connected();
    trace.request("read", { path: "/a", watch: watch("child", "watcher-a") });
    trace.reply({ zxid: 9 });
    trace.at(100).broken().request("queued");
    trace.at(200).attempt().opened().at(210).handshake({ sessionId: 0n, timeOut: 0 });
    trace.request("for the new session");
    trace.at(300).opened().handshake({ sessionId: 2n });
    await expectTrace(trace, "expired-by-server");
  });

  test("nobody answers until the deadline: lost, before the server can have expired it", async () => {
    const trace = new Trace();
    trace.connected();
    trace
      .at(100)
      .broken({ kind: "closed", error: new Error("ECONNRESET") })
      .request("queued");
    trace
      .at(150)
      .attempt()
      .at(160)
      .broken({ kind: "unreachable", error: new Error("ECONNREFUSED") });
    trace.timer();
    trace.note("the back-off is still running; what comes now is for a new session");
    trace.at(9_000).attempt().opened().handshake({ sessionId: 2n });
    await expectTrace(trace, "local-expiry");
  });

  test("the deadline passes while a handshake for the old session is under way", async () => {
    const trace = new Trace();
    trace.connected();
    trace.at(100).broken().at(8_600).attempt().at(8_610).opened();
    trace.timer();
    trace.at(8_950).handshake({ sessionId: 1n });
    await expectTrace(trace, "lost-while-handshaking");
  });

  test("a program that stood still past the deadline sends nothing on the old belief", async () => {
    const trace = new Trace();
    trace.connected();
    trace.at(20_000).request("in the old belief");
    trace.request("knowing that it is lost");
    trace.at(20_010).attempt().opened().handshake({ sessionId: 2n });
    await expectTrace(trace, "stall-past-deadline");
  });

  test("a program that stood still for less asks before it blames the server", async () => {
    const trace = new Trace();
    trace.connected();
    trace.note("the ping was due at 3000; at 7000 nothing had been heard for longer than the read timeout");
    trace.timer(7_000).at(7_005).received("pong", replyFrame(-2, 3));
    await expectTrace(trace, "stall-before-deadline");
  });

  test("closing with a connection: what was sent is answered first", async () => {
    const trace = new Trace();
    trace.connected();
    trace.request("read", { path: "/a", watch: watch("data", "watcher-a") });
    trace.reply({ zxid: 2 });
    trace.request("write");
    trace.at(50).step("close", { type: "close" });
    trace.request("too late");
    trace.at(60).reply({ zxid: 3 }).reply({ zxid: 4 });
    await expectTrace(trace, "close");
  });

  test("closing without a connection: it is tried to get one, for a bounded time", async () => {
    const trace = new Trace();
    trace.connected().at(100).broken().request("queued");
    trace.step("close", { type: "close" });
    trace.at(200).attempt().opened().at(220).handshake({ sessionId: 1n }).at(230).reply({ zxid: 9 });
    trace.note("and when there is none to be had:");
    const other = new Trace();
    other.connected().at(100).broken().step("close", { type: "close" });
    other.at(200).attempt().timer();
    trace.lines.push(...other.lines);
    await expectTrace(trace, "close-unconnected");
  });

  test("credentials are presented on every connection, and forgotten when they are refused", async () => {
    const trace = new Trace();
    trace.connected();
    trace.addAuth({ scheme: "digest", auth: new Uint8Array([1]) });
    trace.received("auth ok", replyFrame(-4, 0));
    trace.addAuth({ scheme: "nonsense", auth: null });
    trace.received("auth refused", replyFrame(-4, 0, ErrorCode.AuthFailed));
    trace.attempt().opened().handshake({ sessionId: 1n });
    await expectTrace(trace, "auth");
  });

  test("servers that close without an answer: a word in the log, and in the end a fresh start", async () => {
    const trace = new Trace();
    trace.connected();
    trace.request("read");
    trace.reply({ zxid: 77 });
    trace.at(10).broken();
    trace.timer();
    for (let i = 0; i < 11; i++) trace.attempt().opened().broken();
    trace.attempt().opened().handshake({ sessionId: 2n });
    await expectTrace(trace, "refused");
  });
});

describe("rules", () => {
  test("the last zxid advances from replies, never from events", () => {
    const trace = new Trace();
    trace.connected();
    const event = { type: "event", event: { type: 1, state: 3, path: "/x" } } as const;
    trace.received("event", event);
    expect(trace.machine.lastZxid).toBe(0);
    trace.request("read");
    trace.reply({ zxid: 12 });
    expect(trace.machine.lastZxid).toBe(12);
    trace.request("another");
    trace.reply({ zxid: 11 });
    expect(trace.machine.lastZxid).toBe(12);
  });

  test("the deadline counts from when an answered request was sent, not from its answer", () => {
    const trace = new Trace();
    trace.connected();
    expect(trace.machine.deadlineMs).toBe(8_910);
    trace.at(1_000).request("a");
    trace.at(1_500).request("b");
    trace.at(2_000).reply({ zxid: 1 });
    expect(trace.machine.deadlineMs).toBe(1_000 + 8_910);
  });

  test("what arrives after a stall can still prove that the session lives", () => {
    const trace = new Trace();
    trace.connected();
    trace.at(2_000).request("a");
    trace.at(9_500).reply({ zxid: 1 });
    expect(trace.machine.sessionId).toBe(1n);
    expect(trace.machine.deadlineMs).toBe(2_000 + 8_910);
  });

  test("bytes are not written on a stale belief", () => {
    const trace = new Trace();
    trace.connected();
    trace.request("a");
    trace.at(9_000).step("before write", { type: "beforeWrite" });
    expect(trace.lines).toContain("          drop connection 1");
    expect(trace.machine.sessionId).toBe(0n);
  });

  test("an answer out of order ends the connection", () => {
    const trace = new Trace();
    trace.connected();
    trace.request("a");
    trace.request("b");
    trace.reply({ xid: 2 });
    expect(trace.lines).toContain("          fail a: connection loss (malformed)");
    expect(trace.lines).toContain("          state suspended: session 1, deadline 8910");
  });

  test("frames behind the one that ended the connection do not count", () => {
    const trace = new Trace();
    trace.connected();
    const request = trace.request("a", { watch: watch("data", "w") });
    trace.received("wrong answer and event", replyFrame(99, 1), eventFrame(WatchEventType.nodeDataChanged, "/a"));
    expect(request.abandoned).toBe(false);
    expect(trace.lines.filter((line) => line.includes("call"))).toEqual([]);
  });

  test("input from an old connection is ignored", () => {
    const trace = new Trace();
    trace.connected();
    trace.broken().attempt().opened();
    const before = trace.lines.length;
    trace.step("late data", { type: "received", connection: 1, frames: [replyFrame(1, 99)] });
    trace.step("late end", { type: "broken", connection: 1, failure: { kind: "closed" } });
    expect(trace.lines.length).toBe(before + 2);
    expect(trace.machine.lastZxid).toBe(0);
  });

  test("an abandoned request keeps its place in the order, and leaves no watch", () => {
    const trace = new Trace();
    trace.connected();
    const request = trace.request("a", { watch: watch("data", "w") });
    trace.request("b");
    trace.abandon(request);
    trace.reply({ zxid: 1 }).reply({ zxid: 1 }).event(WatchEventType.nodeDataChanged, "/a");
    expect(trace.lines.filter((line) => /answer|call/.test(line))).toEqual(["          answer b: err 0"]);
  });

  test("a request abandoned before it was sent is never sent", () => {
    const trace = new Trace();
    trace.abandon(trace.request("a")).connected();
    expect(trace.lines.filter((line) => line.includes("send request"))).toEqual([]);
  });

  test("several batches of watches: until all are answered, a new attempt starts from the same zxid", () => {
    const trace = new Trace();
    trace.connected();
    const long = `/${"x".repeat(70_000)}`;
    for (const path of [`${long}1`, `${long}2`]) {
      trace.request("read", { path, watch: watch("data", "w") });
      trace.reply({ zxid: 5 });
    }
    trace.broken().attempt().opened().handshake({ sessionId: 1n });
    trace.reply({ zxid: 9 }).broken();
    trace.attempt().opened();
    const sent = trace.lines.filter((line) => line.includes("setWatches")).map((line) => /zxid \d+/.exec(line)?.[0]);
    expect(sent).toEqual(["zxid 5", "zxid 5", "zxid 5", "zxid 5"]);
    expect(trace.lines.findLast((line) => line.includes("send connect"))).toContain("zxid 9");
    trace.handshake({ sessionId: 1n }).reply({ zxid: 9 }).reply({ zxid: 9 }).broken().attempt().opened();
    expect(trace.lines.findLast((line) => line.includes("setWatches"))).toContain("zxid 9");
  });

  test("watches that the server refuses to re-arm are called rather than left waiting", () => {
    const trace = new Trace();
    trace.connected();
    trace.request("read", { watch: watch("data", "w") });
    trace.reply({ zxid: 5 }).broken().attempt().opened().handshake({ sessionId: 1n });
    trace.reply({ zxid: 5, err: ErrorCode.Unimplemented });
    expect(trace.lines).toContain("          call w: lost /a");
  });

  test("exists leaves a watch on a node that is there and on one that is not; other reads only where they succeed", () => {
    const trace = new Trace();
    trace.connected();
    trace.request("there", { path: "/there", watch: watch("exist", "there") });
    trace.request("absent", { path: "/absent", watch: watch("exist", "absent") });
    trace.request("read", { path: "/gone", watch: watch("data", "gone") });
    trace.reply({ zxid: 1 }).reply({ zxid: 1, err: ErrorCode.NoNode }).reply({ zxid: 1, err: ErrorCode.NoNode });
    trace.broken().attempt().opened();
    expect(trace.lines.at(-1)).toContain("data [/there] exist [/absent] child []");
  });

  test("a session that the server ends in an answer is lost", () => {
    const trace = new Trace();
    trace.connected();
    trace.request("a");
    trace.reply({ zxid: 1, err: ErrorCode.SessionExpired });
    expect(trace.lines.filter((line) => line.includes("state"))).toEqual([
      "          state connected: session 1, deadline 8910",
      "          state lost: session 1, deadline 0, expired",
      "          state connecting: session 0, deadline 0",
    ]);
  });

  test("a session that moved is taken up again", () => {
    const trace = new Trace();
    trace.connected();
    trace.request("a");
    trace.reply({ zxid: 1, err: ErrorCode.SessionMoved });
    expect(trace.lines.at(-1)).toContain("state suspended");
  });

  test("the same credentials twice are presented once on the next connection", () => {
    const trace = new Trace();
    trace.connected();
    for (const byte of [1, 1, 2]) {
      trace.addAuth({ scheme: "digest", auth: new Uint8Array([byte]) }).received("ok", replyFrame(-4, 0));
    }
    const before = trace.lines.length;
    trace.broken().attempt().opened();
    expect(trace.lines.slice(before).filter((line) => line.includes("send auth")).length).toBe(2);
  });

  test("requests that wait are bounded", () => {
    const trace = new Trace();
    for (let i = 0; i < limits.requests; i++) trace.request("waits");
    expect(trace.lines.some((line) => line.includes("fail"))).toBe(false);
    trace.request("one too many");
    expect(trace.lines.at(-1)).toBe("          fail one too many: tooMany");
  });
});
