/** What holds whatever happens, in whatever order: random histories of inputs, each checked to its end. */
import { ErrorCode, WatchEventType } from "@corral/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { eventFrame, replyFrame } from "../test-helpers/trace.ts";
import { SessionMachine } from "./session-machine.ts";
import type { SessionEffect, SessionInput, SessionRequest } from "./session-types.ts";
import type { WatchKind } from "./watch-registry.ts";

interface CheckedRequest extends SessionRequest {
  outcomes: number;
  wasAbandoned: boolean;
  sentInGeneration: number | undefined;
}

const timeoutMs = 6_000;
const paths = ["/a", "/b", "/c"];

const action = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("attempt" as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("opened" as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("handshake" as const), known: fc.boolean() }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("request" as const),
      path: fc.constantFrom(...paths),
      kind: fc.constantFrom<WatchKind | undefined>("data", "exist", "child", undefined),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("reply" as const),
      err: fc.constantFrom<number>(0, 0, 0, ErrorCode.NoNode, ErrorCode.SessionExpired, ErrorCode.SessionMoved),
      wrongXid: fc.integer({ min: 0, max: 30 }).map((n) => n === 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pong" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("event" as const),
      type: fc.constantFrom(...Object.values(WatchEventType)),
      path: fc.constantFrom(...paths),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("broken" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("abandon" as const), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("addAuth" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("authReply" as const), ok: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 3_000 }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("timer" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("beforeWrite" as const) }) },
);

type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

/** Runs a history and checks each effect as it comes. */
class Checker {
  readonly machine = new SessionMachine<CheckedRequest>({
    hosts: [
      { host: "one", port: 1 },
      { host: "two", port: 1 },
    ],
    sessionTimeoutMs: timeoutMs,
    answersProve: true,
  });
  readonly requests: CheckedRequest[] = [];
  readonly registered = new Map<unknown, number>();
  nowMs = 0;
  connection = 0;
  live = false;
  generation = 0;
  sessions = 0n;
  states: string[] = ["connecting"];
  closed = false;
  xids: number[] = [];

  step(input: SessionInput<CheckedRequest>): void {
    const before = this.machine.lastZxid;
    for (const effect of this.machine.step(this.nowMs, input)) this.check(effect);
    if (this.machine.sessionId !== 0n && !this.closed) expect(this.machine.deadlineMs).toBeGreaterThan(this.nowMs);
    if (input.type === "received" && input.frames.every((frame) => frame.type === "event")) {
      expect(this.machine.lastZxid).toBe(before);
    }
  }

  check(effect: SessionEffect<CheckedRequest>): void {
    expect(this.closed).toBe(false);
    switch (effect.type) {
      case "dial":
        expect(this.live).toBe(false);
        this.live = true;
        this.connection = effect.connection;
        return;
      case "drop":
        expect(effect.connection).toBe(this.connection);
        this.live = false;
        this.xids = [];
        return;
      case "send":
        expect(this.live).toBe(true);
        expect(effect.connection).toBe(this.connection);
        if ("xid" in effect.packet) this.xids.push(effect.packet.xid);
        if (effect.packet.type === "connect") expect(effect.packet.request.sessionId).toBe(this.machine.sessionId);
        if (effect.packet.type === "request") {
          const { request } = effect.packet;
          expect(request.wasAbandoned).toBe(false);
          expect(request.sentInGeneration).toBeUndefined();
          // Made in the belief in this very session, or in none.
          expect(request.generation).toBe(this.generation);
          request.sentInGeneration = this.generation;
        }
        return;
      case "answer":
      case "fail":
        effect.request.outcomes++;
        expect(effect.request.outcomes).toBe(1);
        if (effect.type === "answer") expect(effect.request.sentInGeneration).toBe(this.generation);
        else if (effect.failure.kind !== "connectionLoss") expect(effect.request.sentInGeneration).toBeUndefined();
        else expect(effect.request.sentInGeneration).toBeDefined();
        return;
      case "event":
        for (const watcher of effect.watchers) {
          const calls = (this.registered.get(watcher) ?? 0) + 1;
          expect(calls).toBe(1);
          this.registered.set(watcher, calls);
        }
        return;
      case "state":
        expect(effect.state).not.toBe(this.states.at(-1));
        expect(this.states.at(-1)).not.toBe("closed");
        if (effect.state === "suspended") expect(this.states.at(-1)).toBe("connected");
        if (effect.state === "lost") expect(["connected", "suspended"]).toContain(this.states.at(-1));
        if (effect.state === "lost") this.generation++;
        this.states.push(effect.state);
        return;
      case "closed":
        this.closed = true;
        return;
    }
  }

  act(action: Action): void {
    const { connection } = this;
    switch (action.do) {
      case "opened":
        return this.step({ type: "opened", connection });
      case "handshake": {
        // Only a handshake that was sent can be answered.
        if (this.machine.phase !== "handshaking") return;
        const known = action.known || this.machine.sessionId === 0n;
        const sessionId = known ? this.machine.sessionId || ++this.sessions : 0n;
        const passwd = new Uint8Array(16);
        const response = { protocolVersion: 0, timeOut: known ? timeoutMs : 0, sessionId, passwd, readOnly: false };
        return this.step({ type: "received", connection, frames: [{ type: "handshake", response }] });
      }
      case "request": {
        const watcher = () => {};
        const { path, kind } = action;
        const watch = kind === undefined ? undefined : { kind, watcher };
        const request: CheckedRequest = {
          operation: "getData",
          path,
          watch,
          generation: this.generation,
          abandoned: false,
          outcomes: 0,
          wasAbandoned: false,
          sentInGeneration: undefined,
        };
        this.requests.push(request);
        return this.step({ type: "request", request });
      }
      case "reply": {
        if (this.machine.phase !== "established") return;
        const xid = this.xids.shift();
        if (xid === undefined) return;
        const frame = replyFrame(action.wrongXid ? xid + 1_000 : xid, this.nowMs, action.err);
        return this.step({ type: "received", connection, frames: [frame] });
      }
      case "pong":
        if (this.machine.phase !== "established") return;
        return this.step({ type: "received", connection, frames: [replyFrame(-2, this.nowMs)] });
      case "authReply": {
        if (this.machine.phase !== "established") return;
        const frames = [replyFrame(-4, 0, action.ok ? 0 : ErrorCode.AuthFailed)];
        return this.step({ type: "received", connection, frames });
      }
      case "event":
        if (this.machine.phase !== "established") return;
        return this.step({ type: "received", connection, frames: [eventFrame(action.type, action.path)] });
      case "broken":
        return this.step({ type: "broken", connection, failure: { kind: "closed" } });
      case "abandon": {
        const request = this.requests[action.which];
        if (request === undefined || request.outcomes > 0 || request.wasAbandoned) return;
        request.wasAbandoned = true;
        // The shell settles it itself and takes no second outcome; the machine may still report a broken connection.
        return this.step({ type: "abandon", request });
      }
      case "addAuth":
        return this.step({ type: "addAuth", auth: { scheme: "digest", auth: null } });
      case "pass":
        this.nowMs += action.ms;
        return;
      case "timer":
        this.nowMs = Math.max(this.nowMs, this.machine.wakeAtMs ?? 0);
        return this.step({ type: "timer" });
      case "attempt":
      case "beforeWrite":
        return this.step({ type: action.do });
    }
  }

  /** Closes, and lets time pass until that is done. */
  finish(): void {
    this.step({ type: "close" });
    for (let i = 0; i < 5 && !this.closed; i++) this.act({ do: "timer" });
    expect(this.closed).toBe(true);
    expect(this.machine.wakeAtMs).toBeUndefined();
    for (const request of this.requests) {
      if (!request.wasAbandoned) expect(request.outcomes).toBe(1);
    }
  }
}

test("random histories", () => {
  fc.assert(
    fc.property(fc.array(action, { minLength: 30, maxLength: 150, size: "max" }), (actions) => {
      const checker = new Checker();
      for (const one of [{ do: "attempt" }, { do: "opened" }, { do: "handshake", known: true }] as const)
        checker.act(one);
      for (const one of actions) checker.act(one);
      checker.finish();
    }),
    { numRuns: 300 },
  );
});
