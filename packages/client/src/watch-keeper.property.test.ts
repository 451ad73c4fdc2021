/**
 * Whatever is asked, taken back, fired and cut off, in whatever order: when all has been said, the server watches exactly
 * what somebody waits for. Nobody waits for a watch that is not there, and none is there for nobody.
 */
import { ErrorCode, WatchEventType, WatcherType } from "@corral/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { eventFrame, replyFrame } from "../test-helpers/trace.ts";
import { SessionMachine } from "./session-machine.ts";
import type { Packet, ReceivedFrame, SessionEffect, SessionInput, SessionRequest } from "./session-types.ts";
import type { Watcher } from "./watch-event.ts";
import { type WatchKind, watchLeftBy } from "./watch-registry.ts";

type Asked = SessionRequest & { readonly watcher: Watcher };

const paths = ["/a", "/b"];

/** A server of two nodes: answers in order, and fires one-shot watches. */
class ModelServer {
  readonly nodes = new Set<string>();
  /** `path type`, as this connection has armed them. */
  readonly armed = new Set<string>();
  /** What is on its way to the client. */
  frames: ReceivedFrame[] = [];
  #zxid = 1;

  /** Takes a packet as it arrives. */
  on(packet: Packet<Asked>): void {
    switch (packet.type) {
      case "request": {
        const { path, watch } = packet.request;
        const err = this.nodes.has(path) || watch?.kind === "recursive" ? ErrorCode.Ok : ErrorCode.NoNode;
        const left = watch && watchLeftBy(watch.kind, err);
        if (left !== undefined) this.armed.add(`${path} ${typeOf(left)}`);
        this.frames.push(replyFrame(packet.xid, this.#zxid, err));
        return;
      }
      case "removeWatches": {
        const there = this.armed.delete(`${packet.watch.path} ${packet.watch.type}`);
        this.frames.push(replyFrame(packet.xid, this.#zxid, there ? ErrorCode.Ok : ErrorCode.NoWatcher));
        return;
      }
      case "setWatches": {
        // All that could have happened has: every one-shot watch fires, so that none of the order is left to chance.
        for (const path of packet.watches.dataWatches) this.#tell(WatchEventType.nodeDataChanged, path);
        for (const path of packet.watches.existWatches) this.#tell(WatchEventType.nodeCreated, path);
        for (const path of packet.watches.childWatches) this.#tell(WatchEventType.nodeChildrenChanged, path);
        for (const path of packet.watches.persistentRecursiveWatches) {
          this.armed.add(`${path} ${WatcherType.persistentRecursive}`);
        }
        this.frames.push(replyFrame(packet.xid, this.#zxid));
        return;
      }
      default:
        return;
    }
  }

  #tell(type: number, path: string): void {
    this.frames.push(eventFrame(type, path));
  }

  /** A node comes, changes or goes. */
  change(path: string, how: "toggle" | "set"): void {
    this.#zxid++;
    const there = this.nodes.has(path);
    if (how === "set" && !there) return;
    if (how === "toggle" && there) this.nodes.delete(path);
    if (how === "toggle" && !there) this.nodes.add(path);
    const data = this.armed.delete(`${path} ${WatcherType.data}`);
    const child = how === "toggle" && there && this.armed.delete(`${path} ${WatcherType.children}`);
    const recursive = this.armed.has(`${path} ${WatcherType.persistentRecursive}`);
    if (!data && !child && !recursive) return;
    const deleted = there ? WatchEventType.nodeDeleted : WatchEventType.nodeCreated;
    this.#tell(how === "set" ? WatchEventType.nodeDataChanged : deleted, path);
  }

  /** The connection is gone. */
  forget(): void {
    this.armed.clear();
    this.frames = [];
  }
}

function typeOf(kind: WatchKind): number {
  if (kind === "recursive") return WatcherType.persistentRecursive;
  return kind === "child" ? WatcherType.children : WatcherType.data;
}

class World {
  readonly machine = new SessionMachine<Asked>({
    hosts: [{ host: "one", port: 1 }],
    sessionTimeoutMs: 1_000_000,
    answersProve: true,
  });
  readonly server = new ModelServer();
  readonly asked: Asked[] = [];
  /** Who waits for what: watcher, then `path type`. */
  readonly waiting = new Map<Watcher, Set<string>>();
  readonly watchers: readonly Watcher[] = [() => {}, () => {}, () => {}];
  #connection = 0;

  step(input: SessionInput<Asked>): void {
    for (const effect of this.machine.step(0, input)) this.#on(effect);
  }

  #on(effect: SessionEffect<Asked>): void {
    if (effect.type === "send") this.server.on(effect.packet);
    else if (effect.type === "dial") this.#connection = effect.connection;
    else if (effect.type === "drop") this.server.forget();
    else if (effect.type === "answer") this.#onAnswer(effect.request, effect.err);
    else if (effect.type === "event" && effect.event !== "resync") {
      for (const watcher of effect.watchers) this.#onCalled(watcher, effect.path, effect.event);
    }
  }

  #onAnswer({ watch, path, watcher }: Asked, err: number): void {
    const left = watch && watchLeftBy(watch.kind, err);
    if (left === undefined) return;
    const waits = this.waiting.get(watcher) ?? new Set();
    this.waiting.set(watcher, waits.add(`${path} ${typeOf(left)}`));
  }

  #onCalled(watcher: Watcher, path: string, event: string): void {
    const waits = this.waiting.get(watcher);
    if (event !== "nodeChildrenChanged") waits?.delete(`${path} ${WatcherType.data}`);
    if (event === "nodeDeleted" || event === "nodeChildrenChanged") waits?.delete(`${path} ${WatcherType.children}`);
  }

  connect(): void {
    this.step({ type: "attempt" });
    this.step({ type: "opened", connection: this.#connection });
    const response = { protocolVersion: 0, timeOut: 1_000_000, sessionId: 5n, passwd: null, readOnly: false };
    this.step({ type: "received", connection: this.#connection, frames: [{ type: "handshake", response }] });
  }

  breakAndReconnect(): void {
    this.step({ type: "broken", connection: this.#connection, failure: { kind: "closed" } });
    this.connect();
  }

  ask(path: string, kind: WatchKind, which: number): void {
    const watcher = this.watchers[which] ?? (() => {});
    const watch = { kind, watcher };
    const request: Asked = { operation: "getData", path, watch, generation: 0, abandoned: false, watcher };
    this.asked.push(request);
    this.step({ type: "request", request });
  }

  abandon(which: number): void {
    const request = this.asked[which % Math.max(1, this.asked.length)];
    if (request !== undefined) this.step({ type: "abandon", request });
  }

  unwatch(path: string, which: number): void {
    const watcher = this.watchers[which] ?? (() => {});
    for (const type of Object.values(WatcherType)) this.waiting.get(watcher)?.delete(`${path} ${type}`);
    this.step({ type: "unwatch", path, watcher });
  }

  deliver(count: number): void {
    const frames = this.server.frames.splice(0, count);
    if (frames.length > 0) this.step({ type: "received", connection: this.#connection, frames });
  }
}

const path = fc.constantFrom(...paths);
const which = fc.nat(2);
const kind = fc.constantFrom<WatchKind>("data", "exist", "child", "recursive");
const action = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant("ask" as const), path, kind, which) },
  { weight: 5, arbitrary: fc.tuple(fc.constant("unwatch" as const), path, which) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("abandon" as const), fc.nat(20)) },
  {
    weight: 4,
    arbitrary: fc.tuple(fc.constant("change" as const), path, fc.constantFrom("toggle" as const, "set" as const)),
  },
  { weight: 5, arbitrary: fc.tuple(fc.constant("deliver" as const), fc.integer({ min: 1, max: 3 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("break" as const)) },
);

test("§6.11 the server watches what somebody waits for, and nothing else", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60, size: "max" }), (actions) => {
      const world = new World();
      world.connect();
      for (const step of actions) {
        if (step[0] === "ask") world.ask(step[1], step[2], step[3]);
        else if (step[0] === "unwatch") world.unwatch(step[1], step[2]);
        else if (step[0] === "abandon") world.abandon(step[1]);
        else if (step[0] === "change") world.server.change(step[1], step[2]);
        else if (step[0] === "deliver") world.deliver(step[1]);
        else world.breakAndReconnect();
      }
      while (world.server.frames.length > 0) world.deliver(1);
      const wanted = new Set([...world.waiting.values()].flatMap((waits) => [...waits]));
      expect([...world.server.armed].sort()).toEqual([...wanted].sort());
    }),
    { numRuns: Number(process.env.FUZZ_RUNS ?? 500) },
  );
});
