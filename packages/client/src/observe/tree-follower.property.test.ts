/**
 * A tree that is followed while it changes, and while connections break: whatever the order in which answers and events
 * arrive, in the end what was told is what is there, and what was told in between never was in two states at once.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FakeClock, settle } from "../../test-helpers/fake-clock.ts";
import { ConnectionLossError, NoNodeError } from "../errors.ts";
import type { Stat } from "../stat.ts";
import type { WatchEventKind, Watcher } from "../watch-event.ts";
import type { NodeState } from "./observers.ts";
import { TreeFollower, type TreeReads, type TreeState } from "./tree-follower.ts";

const root = "/r";
const paths = ["/r", "/r/a", "/r/a/x", "/r/a/y", "/r/b", "/r/b/x"];
const parent = (path: string): string => path.slice(0, path.lastIndexOf("/")) || "/";

interface ModelNode {
  readonly czxid: number;
  mzxid: number;
  pzxid: number;
}

type Table = "data" | "child";

/** One server and one connection to it: answers and events arrive in order, when the test says so. */
class ModelWorld implements TreeReads {
  readonly nodes = new Map<string, ModelNode>();
  readonly #recursive: boolean;
  #zxid = 0;
  /** The newest zxid of an answer that has arrived. */
  #seen = 0;
  #connected = true;
  /** Armed on the server, and waiting at the client. */
  readonly #armed = { data: new Set<string>(), child: new Set<string>() };
  readonly #waiting = { data: new Map<string, Set<Watcher>>(), child: new Map<string, Set<Watcher>>() };
  #recursiveArmed = false;
  readonly #recursiveWaiting = new Set<Watcher>();
  #arriving: { arrive(): void; lose(): void }[] = [];
  #queued: (() => void)[] = [];

  constructor(recursive: boolean) {
    this.#recursive = recursive;
  }

  get arriving(): number {
    return this.#arriving.length;
  }

  /** Lets the next answers and events arrive, all in one turn. */
  arrive(count: number): void {
    for (const { arrive } of this.#arriving.splice(0, count)) arrive();
  }

  // The tree

  change(path: string, how: "toggle" | "set"): void {
    const node = this.nodes.get(path);
    if (how === "set") {
      if (node === undefined) return;
      node.mzxid = ++this.#zxid;
      this.#fire("nodeDataChanged", path, ["data"]);
    } else if (node === undefined) {
      const above = this.nodes.get(parent(path));
      if (path !== root && above === undefined) return;
      this.#zxid++;
      if (above !== undefined) above.pzxid = this.#zxid;
      this.nodes.set(path, { czxid: this.#zxid, mzxid: this.#zxid, pzxid: this.#zxid });
      this.#fire("nodeCreated", path, ["data"]);
      this.#fire("nodeChildrenChanged", parent(path), ["child"]);
    } else {
      if (this.#childrenOf(path).length > 0) return;
      this.#zxid++;
      this.nodes.delete(path);
      const above = this.nodes.get(parent(path));
      if (above !== undefined) above.pzxid = this.#zxid;
      this.#fire("nodeDeleted", path, ["data", "child"]);
      this.#fire("nodeChildrenChanged", parent(path), ["child"]);
    }
  }

  #childrenOf(path: string): string[] {
    return [...this.nodes.keys()]
      .filter((other) => parent(other) === path)
      .map((child) => child.slice(path.length + 1));
  }

  #fire(type: WatchEventKind, path: string, tables: readonly Table[]): void {
    if (!this.#connected) return;
    const oneShot = tables.filter((table) => this.#armed[table].delete(path)).length > 0;
    const recursive = this.#recursiveArmed && type !== "nodeChildrenChanged" && path.startsWith(root);
    if (oneShot || recursive) this.#send(() => this.#call(type, path, tables));
  }

  #call(type: WatchEventKind, path: string, tables: readonly Table[]): void {
    const called = new Set<Watcher>();
    for (const table of tables) {
      for (const watcher of this.#waiting[table].get(path) ?? []) called.add(watcher);
      this.#waiting[table].delete(path);
    }
    if (type !== "nodeChildrenChanged") for (const watcher of this.#recursiveWaiting) called.add(watcher);
    for (const watcher of called) watcher({ type, path });
  }

  #send(arrive: () => void, lose: () => void = () => {}): void {
    this.#arriving.push({ arrive, lose });
  }

  // The connection

  breakConnection(): void {
    if (!this.#connected) return;
    this.#connected = false;
    const lost = this.#arriving;
    this.#arriving = [];
    // Some of it had been done; an answer that is lost counts for nothing.
    for (const { lose } of lost) lose();
    for (const table of ["data", "child"] as const) this.#armed[table].clear();
    this.#recursiveArmed = false;
  }

  reconnect(): void {
    if (this.#connected) return;
    this.#connected = true;
    for (const table of ["data", "child"] as const) {
      for (const path of this.#waiting[table].keys()) this.#rearm(table, path);
    }
    if (this.#recursiveWaiting.size > 0) {
      this.#recursiveArmed = true;
      this.#send(() => {
        for (const watcher of this.#recursiveWaiting) watcher({ type: "resync", path: root });
      });
    }
    for (const queued of this.#queued.splice(0)) queued();
  }

  /** As setWatches has it. That of an absent root is an exist watch. */
  #rearm(table: Table, path: string): void {
    const node = this.nodes.get(path);
    const tables = [table];
    if (node === undefined && this.#absentWhenAsked.has(path)) this.#armed[table].add(path);
    else if (node === undefined) this.#send(() => this.#call("nodeDeleted", path, ["data", "child"]));
    else if (this.#absentWhenAsked.has(path)) this.#send(() => this.#call("nodeCreated", path, tables));
    else if (table === "data" && node.mzxid > this.#seen) this.#send(() => this.#call("nodeDataChanged", path, tables));
    else if (table === "child" && node.pzxid > this.#seen) {
      this.#send(() => this.#call("nodeChildrenChanged", path, tables));
    } else this.#armed[table].add(path);
  }

  readonly #absentWhenAsked = new Set<string>();

  // What the follower asks

  #ask<T>(table: Table | undefined, path: string, watch: Watcher | undefined, answer: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const process = (): void => {
        let done: () => void;
        try {
          const value = answer();
          if (watch !== undefined && table !== undefined) this.#armed[table].add(path);
          done = () => {
            if (watch !== undefined && table !== undefined) this.#wait(table, path, watch);
            resolve(value);
          };
        } catch (error) {
          done = () => reject(error);
        }
        const zxid = this.#zxid;
        const arrive = (): void => {
          this.#seen = Math.max(this.#seen, zxid);
          done();
        };
        this.#send(arrive, () => reject(new ConnectionLossError()));
      };
      if (this.#connected) process();
      else this.#queued.push(process);
    });
  }

  #wait(table: Table, path: string, watcher: Watcher): void {
    const watchers = this.#waiting[table].get(path) ?? new Set();
    this.#waiting[table].set(path, watchers.add(watcher));
    this.#absentWhenAsked.delete(path);
  }

  #stateOf(path: string): NodeState {
    const node = this.nodes.get(path);
    if (node === undefined) throw new NoNodeError({ path });
    const stat = { czxid: BigInt(node.czxid), mzxid: BigInt(node.mzxid) } as Stat;
    return { data: null, stat };
  }

  get(path: string, { watch }: { readonly watch?: Watcher }): Promise<NodeState> {
    return this.#ask("data", path, watch, () => this.#stateOf(path));
  }

  children(path: string, { watch }: { readonly watch?: Watcher }): Promise<readonly string[]> {
    return this.#ask("child", path, watch, () => {
      this.#stateOf(path);
      return this.#childrenOf(path);
    });
  }

  async exists(path: string, { watch }: { readonly watch?: Watcher }): Promise<Stat | undefined> {
    const stat = await this.#ask("data", path, watch, () => {
      const there = this.nodes.has(path);
      if (!there) this.#absentOnReply.add(path);
      return there ? this.#stateOf(path).stat : undefined;
    });
    return stat;
  }

  readonly #absentOnReply = { add: (path: string) => this.#absentWhenAsked.add(path) };

  async watchRecursively(_: string, watcher: Watcher): Promise<boolean> {
    if (!this.#recursive) return false;
    await this.#ask(undefined, root, undefined, () => {
      this.#recursiveArmed = true;
    });
    this.#recursiveWaiting.add(watcher);
    return true;
  }

  unwatch(path: string, watcher: Watcher): void {
    for (const table of ["data", "child"] as const) {
      const watchers = this.#waiting[table].get(path);
      watchers?.delete(watcher);
      if (watchers?.size === 0) this.#waiting[table].delete(path);
    }
    this.#recursiveWaiting.delete(watcher);
  }
}

const path = fc.constantFrom(...paths);
const action = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(fc.constant("change" as const), path, fc.constantFrom("toggle" as const, "set" as const)),
  },
  { weight: 8, arbitrary: fc.tuple(fc.constant("arrive" as const), fc.integer({ min: 1, max: 4 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("break" as const)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("reconnect" as const)) },
);

describe.each([
  ["recursive watches", true],
  ["one-shot watches", false],
] as const)("with %s", (_, recursive) => {
  test("§6.8 what was told last is what is there", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 80, size: "max" }), async (actions) => {
        const world = new ModelWorld(recursive);
        const clock = new FakeClock();
        const told: TreeState[] = [];
        const errors: unknown[] = [];
        const patience = { clock, random: { fraction: () => 0.5, bytes: (n: number) => new Uint8Array(n) } };
        const follower = new TreeFollower(world, patience, root, {
          next: (state) => told.push(state),
          error: (error) => errors.push(error),
          complete: () => errors.push("completed"),
        });
        follower.start();
        const turn = () => clock.advance(20);
        for (const step of actions) {
          if (step[0] === "change") world.change(step[1], step[2]);
          else if (step[0] === "arrive") world.arrive(step[1]);
          else if (step[0] === "break") world.breakConnection();
          else world.reconnect();
          if (step[0] !== "change") await turn();
        }
        world.reconnect();
        await turn();
        for (let i = 0; world.arriving > 0 && i < 1_000; i++) {
          world.arrive(1);
          await turn();
        }
        for (let i = 0; i < 5; i++) await turn();
        expect(errors).toEqual([]);
        const there = new Map([...world.nodes].map(([at, { czxid, mzxid }]) => [at, [BigInt(czxid), BigInt(mzxid)]]));
        const last = told.at(-1);
        const known = new Map([...(last ?? [])].map(([at, { stat }]) => [at, [stat.czxid, stat.mzxid]]));
        expect([...known].sort()).toEqual([...there].sort());
        expect(told.length).toBeGreaterThan(0);
        for (const [i, state] of told.entries()) if (i > 0) expect(state).not.toEqual(told[i - 1]);
        follower.stop();
      }),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 60) },
    );
  });
});

test("nothing is told after the end", async () => {
  const world = new ModelWorld(true);
  const told: TreeState[] = [];
  const never = (what?: unknown): void => void told.push(what as TreeState);
  const patience = { clock: new FakeClock(), random: { fraction: () => 0, bytes: (n: number) => new Uint8Array(n) } };
  const follower = new TreeFollower(world, patience, root, { next: never, error: never, complete: never });
  follower.start();
  await settle();
  world.arrive(1);
  await settle();
  follower.stop();
  world.change(root, "toggle");
  world.arrive(10);
  await settle();
  expect(told).toEqual([]);
});
