/**
 * Caches on every engine: first contents, changes, filters, bounds; converging after anything, and leaving no watch behind.
 * Where convergence is looked at, the weather is calm by then: a cache reads everything again on each new connection, and
 * in weather that breaks every connection after some twenty frames a big one is long in getting through.
 */
import {
  type Cache,
  ChildrenCache,
  isCacheOverflowError,
  isCacheUnavailableError,
  isWaitTimeoutError,
  NodeCache,
  type ObservedTree,
  TreeCache,
  type TreeChange,
} from "@corral/caches";
import { type Client, connect, isCoordinationError } from "@corral/client";
import { insist } from "@corral/recipe-kit";
import { FaultProxy, seededRandom } from "@corral/testing";
import { filter, firstValueFrom } from "rxjs";
import { expect, test } from "vitest";
import { describeAlwaysOnEveryEngine, describeOnEveryEngine } from "../engines/engines.ts";
import type { Namespace } from "../engines/namespace.ts";
import { fourLetterWord } from "../support/four-letter-word.ts";

const patience = { timeoutMs: 60_000 };

/** Writes what is there to be cached. */
async function write(client: Client, nodes: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, data] of Object.entries(nodes)) {
    await insist(client, () => client.setOrCreate(path, data, { createParents: true }));
  }
}

async function remove(client: Client, path: string): Promise<void> {
  await insist(client, async () => {
    try {
      await client.delete(path, { children: true });
    } catch (error) {
      if (!isCoordinationError(error, "NoNode")) throw error;
    }
  });
}

/** Paths and data, in order. */
function shown(nodes: ObservedTree): string[] {
  return [...nodes].map(([path, { data }]) => `${path} ${data ?? ""}`.trim()).sort();
}

/** What is really there. */
async function truth(client: Client, path: string, into: string[] = []): Promise<string[]> {
  await client.sync(path);
  const { data } = await client.get(path);
  into.push(`${path} ${data ?? ""}`.trim());
  for (const name of await client.children(path)) await truth(client, `${path}/${name}`, into);
  return into.sort();
}

/** Resolves when the cache holds `expected`, and says that it is current. */
async function holds(cache: Cache, expected: readonly string[]): Promise<void> {
  const text = JSON.stringify(expected);
  await firstValueFrom(
    cache.view$.pipe(filter(({ state, nodes }) => state.kind === "current" && JSON.stringify(shown(nodes)) === text)),
  );
}

function record(cache: Cache): string[] {
  const log: string[] = [];
  cache.changes$.subscribe({
    next: ({ type, path, before, after }: TreeChange) => {
      log.push(`${type} ${path} ${[before, after].map((node) => node?.data?.toString() ?? "-").join(" ")}`);
    },
    complete: () => log.push("complete"),
    error: (error: Error) => log.push(error.name),
  });
  return log;
}

/** The paths of the namespace that the server says it watches for somebody. */
async function watchedBelow({ chroot, steadyConnectString }: Namespace): Promise<string[]> {
  const port = Number(/:(\d+)/.exec(steadyConnectString)?.[1]);
  return (await fourLetterWord(port, "wchp")).split("\n").filter((line) => line.startsWith(chroot));
}

/** A client with a proxy of its own in front, to be cut off by, and counts of what passes. */
class Severable implements AsyncDisposable {
  readonly client: Client;
  readonly proxy: FaultProxy;
  /** Watch events that have reached the client. */
  events = 0;

  private constructor(client: Client, proxy: FaultProxy) {
    this.client = client;
    this.proxy = proxy;
    proxy.onFrame(({ kind }) => {
      if (kind === "event") this.events++;
    });
  }

  static async connect(namespace: Namespace): Promise<Severable> {
    const proxy = await FaultProxy.start(namespace.connectString);
    const client = await connect(proxy.connectString, { sessionTimeoutMs: 9_000 });
    return new Severable(client, proxy);
  }

  /** Cuts it off, does something behind its back, and lets it back in. */
  async whileAway(cache: Cache, does: () => Promise<unknown>): Promise<void> {
    const suspended = firstValueFrom(cache.state$.pipe(filter(({ kind }) => kind === "suspended")));
    this.proxy.refuse();
    this.proxy.cut();
    await suspended;
    await does();
    this.proxy.accept();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.proxy.accept();
    await this.client.close();
    await this.proxy.close();
  }
}

describeAlwaysOnEveryEngine("a node cache", (engine) => {
  test("holds the node, its absence, and its return", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connectSteadily()]);
    const cache = new NodeCache(a, "/flag");
    const log = record(cache);
    expect(() => cache.node).toThrow(expect.objectContaining({ name: "CacheUnavailableError", state: "initialising" }));
    await cache.start(patience);
    expect(cache.node).toBeUndefined();
    await write(b, { "/flag": "on" });
    await holds(cache, ["/flag on"]);
    expect(cache.node?.data?.toString()).toBe("on");
    await write(b, { "/flag": "off" });
    await holds(cache, ["/flag off"]);
    expect(cache.node?.stat.version).toBe(1);
    await remove(b, "/flag");
    await holds(cache, []);
    await cache.close();
    expect(log).toEqual(["created /flag - on", "changed /flag on off", "deleted /flag off -", "complete"]);
    expect(cache.state).toEqual({ kind: "closed" });
    expect(() => cache.node).toThrow(expect.objectContaining({ state: "closed" }));
    await expect(cache.start(patience)).rejects.toSatisfy(isCacheUnavailableError);
  });

  test("§6.9 sees that a node was deleted and made again behind its back, version and data alike", async () => {
    await using namespace = await engine.namespace();
    await using severable = await Severable.connect(namespace);
    const b = await namespace.connectSteadily();
    await write(b, { "/flag": "same" });
    await using cache = await new NodeCache(severable.client, "/flag").start(patience);
    const before = cache.node;
    const changed = firstValueFrom(cache.changes$.pipe(filter(({ type }) => type !== "created")));
    await severable.whileAway(cache, async () => {
      expect(cache.node).toBe(before);
      await remove(b, "/flag");
      await write(b, { "/flag": "same" });
    });
    const change = await changed;
    expect(change).toMatchObject({ type: "recreated", path: "/flag", before });
    expect([change.before?.stat.version, change.after?.stat.version]).toEqual([0, 0]);
    expect(change.after?.stat.czxid).toBeGreaterThan(before?.stat.czxid ?? 0n);
    expect(cache.node).toBe(change.after);
    await holds(cache, ["/flag same"]);
  });
});

describeOnEveryEngine("a children cache", (engine) => {
  test("holds the children and nothing else", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connectSteadily()]);
    await using cache = await new ChildrenCache(a, "/workers").start(patience);
    expect([...cache.nodes]).toEqual([]);
    await write(b, { "/workers": "of us", "/workers/one": "1", "/workers/two": "2", "/workers/two/below": "x" });
    await holds(cache, ["/workers/one 1", "/workers/two 2"]);
    expect(cache.children()).toEqual(["one", "two"]);
    expect(cache.child("two")?.data?.toString()).toBe("2");
    expect(cache.child("below")).toBeUndefined();
    await write(b, { "/workers/two": "II" });
    await remove(b, "/workers/one");
    await holds(cache, ["/workers/two II"]);
    await remove(b, "/workers");
    await holds(cache, []);
    await write(b, { "/workers/three": "3" });
    await holds(cache, ["/workers/three 3"]);
  });

  test("is kept up to date through the loss of the session", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connectSteadily()]);
    await write(b, { "/workers/one": "1", "/workers/two": "2" });
    await using cache = await new ChildrenCache(a, "/workers").start(patience);
    const log = record(cache);
    const suspended = firstValueFrom(cache.state$.pipe(filter(({ kind }) => kind === "suspended")));
    await namespace.expireSession(a);
    await suspended;
    await write(b, { "/workers/one": "I", "/workers/three": "3" });
    await remove(b, "/workers/two");
    await holds(cache, ["/workers/one I", "/workers/three 3"]);
    expect(log.slice(0, 2)).toEqual(["created /workers/one - 1", "created /workers/two - 2"]);
    expect(log.slice(2).sort()).toEqual([
      "changed /workers/one 1 I",
      "created /workers/three - 3",
      "deleted /workers/two 2 -",
    ]);
  });

  test("leaves no watch behind when the node comes between finding none and waiting for it", async () => {
    await using namespace = await engine.namespace();
    await using severable = await Severable.connect(namespace);
    const { client, proxy } = severable;
    const b = await namespace.connectSteadily();
    const isMissing = new Promise<void>((resolve) => {
      proxy.onFrame((frame) => {
        if (frame.kind !== "reply" || !frame.operation?.startsWith("getChildren") || frame.err === 0) return;
        proxy.stall("toServer");
        resolve();
      });
    });
    const cache = new ChildrenCache(client, "/workers");
    const started = cache.start(patience);
    await isMissing;
    await write(b, { "/workers": "" });
    proxy.resume();
    await started;
    using calm = namespace.calm();
    expect(calm).toBeDefined();
    // The list of the children is read again, for it has changed; the watches of the first reading are not needed then.
    await write(b, { "/workers/one": "1" });
    await holds(cache, ["/workers/one 1"]);
    await cache.close();
    await insist(client, () => client.sync());
    severable.events = 0;
    await write(b, { "/workers": "after", "/workers/two": "2" });
    await insist(client, () => client.sync());
    expect(severable.events).toBe(0);
  });
});

describeOnEveryEngine("a tree cache", (engine) => {
  const tree = { "/t": "", "/t/a": "1", "/t/a/b": "22", "/t/a/b/c": "333", "/t/d": "4444" };

  test("holds the whole tree, in the first state as in every other", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connectSteadily()]);
    await write(b, tree);
    await using cache = await new TreeCache(a, "/t").start(patience);
    using calm = namespace.calm();
    expect(calm).toBeDefined();
    expect(shown(cache.nodes)).toEqual(await truth(b, "/t"));
    expect(cache.children("/t")).toEqual(["a", "d"]);
    expect(cache.get("/t/a/b/c")?.data?.toString()).toBe("333");
    const before = cache.nodes;
    await write(b, { "/t/a/b/c": "three", "/t/e/f": "new" });
    await holds(cache, await truth(b, "/t"));
    await remove(b, "/t/a");
    await holds(cache, await truth(b, "/t"));
    // What was looked at once does not change under one's eyes.
    expect(shown(before)).toEqual(Object.entries(tree).map(([path, data]) => `${path} ${data}`.trim()));
    await remove(b, "/t");
    await holds(cache, []);
  });

  test("goes as far down as it is told to, where it is told to, and holds what it is told to", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connectSteadily()]);
    await write(b, tree);
    await using shallow = await new TreeCache(a, "/t", { depth: 1 }).start(patience);
    await using pruned = await new TreeCache(a, "/t", { descend: (path) => path !== "/t/a" }).start(patience);
    await using big = await new TreeCache(a, "/t", { keep: ({ data }) => (data?.length ?? 0) > 2 }).start(patience);
    expect([...shallow.nodes.keys()].sort()).toEqual(["/t", "/t/a", "/t/d"]);
    expect([...pruned.nodes.keys()].sort()).toEqual(["/t", "/t/a", "/t/d"]);
    expect([...big.nodes.keys()].sort()).toEqual(["/t/a/b/c", "/t/d"]);
    await write(b, { "/t/a/b": "twenty-two", "/t/d": "4", "/t/d/e": "" });
    await holds(shallow, ["/t", "/t/a 1", "/t/d 4"]);
    await holds(pruned, ["/t", "/t/a 1", "/t/d 4", "/t/d/e"]);
    await holds(big, ["/t/a/b twenty-two", "/t/a/b/c 333"]);
  });

  test.each([
    ["the whole tree", {}],
    ["levels", { depth: 9 }],
  ])("says so when there is more than it may hold, at once or later, and holds nothing: %s", async (_, reach) => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connectSteadily()]);
    await write(b, tree);
    const few = new TreeCache(a, "/t", { ...reach, nodesMax: 4 });
    await expect(few.start(patience)).rejects.toSatisfy(isCacheOverflowError);
    expect(few.state).toMatchObject({ kind: "overflow", nodes: 5 });
    const enough = await new TreeCache(a, "/t", { ...reach, nodesMax: 5, bytesMax: 200 }).start(patience);
    const log = record(enough);
    await write(b, { "/t/d": "4".repeat(200) });
    await firstValueFrom(enough.state$.pipe(filter(({ kind }) => kind === "overflow")));
    expect(() => enough.get("/t/a")).toThrow(expect.objectContaining({ state: "overflow" }));
    await expect(enough.initialised).resolves.toBeUndefined();
    expect(log.at(-1)).toBe("CacheOverflowError");
    const little = new TreeCache(a, "/t", { ...reach, bytesMax: 10 });
    await expect(little.start(patience)).rejects.toSatisfy(isCacheOverflowError);
  });

  test("§6.8 finds what it missed while it was away, and through the loss of the session", async () => {
    await using namespace = await engine.namespace();
    await using severable = await Severable.connect(namespace);
    const b = await namespace.connectSteadily();
    await write(b, { ...tree, "/t/again": "same" });
    await using whole = await new TreeCache(severable.client, "/t").start(patience);
    await using levels = await new TreeCache(severable.client, "/t", { depth: 9 }).start(patience);
    const logs = [record(whole), record(levels)].map((log) => log.splice(0) && log);
    await severable.whileAway(whole, async () => {
      await remove(b, "/t/a");
      await remove(b, "/t/again");
      await write(b, { "/t/again": "same", "/t/d/e": "5" });
    });
    using calm = namespace.calm();
    expect(calm).toBeDefined();
    const expected = await truth(b, "/t");
    await Promise.all([holds(whole, expected), holds(levels, expected)]);
    for (const log of logs) {
      expect(log).toEqual([
        "deleted /t/a/b/c 333 -",
        "deleted /t/a/b 22 -",
        "deleted /t/a 1 -",
        "recreated /t/again same same",
        "created /t/d/e - 5",
      ]);
    }
    const suspended = firstValueFrom(whole.state$.pipe(filter(({ kind }) => kind === "suspended")));
    await namespace.expireSession(severable.client);
    await suspended;
    await write(b, { "/t/d/e": "V" });
    const then = await truth(b, "/t");
    await Promise.all([holds(whole, then), holds(levels, then)]);
  });

  test("converges whatever is written, by whomever, while connections break; and leaves no watch behind", async () => {
    await using namespace = await engine.namespace();
    await using severable = await Severable.connect(namespace);
    const { client, proxy } = severable;
    const writers = await Promise.all([1, 2, 3].map(() => namespace.connectSteadily()));
    const [b] = writers as [Client];
    const caches = [
      new TreeCache(client, "/t"),
      new TreeCache(client, "/t", { depth: 9 }),
      new ChildrenCache(client, "/t"),
      new NodeCache(client, "/t/1"),
    ] as const;
    const logs = caches.map((cache) => {
      const log = new Map<string, bigint>();
      cache.changes$.subscribe(({ path, before, after }) => {
        // Each change is on top of the one before.
        expect(before?.stat.czxid).toBe(log.get(path));
        if (after === undefined) log.delete(path);
        else log.set(path, after.stat.czxid);
      });
      return log;
    });
    const starts = Promise.all(caches.map((cache) => cache.start(patience)));
    const random = seededRandom(3);
    await Promise.all(
      writers.map(async (writer, w) => {
        for (let i = 0; i < 60; i++) {
          const path = `/t/${random.below(4)}${random.below(2) === 0 ? "" : `/${random.below(3)}`}`;
          if (random.below(3) === 0) await remove(writer, path);
          else await write(writer, { [path]: `${w}.${i}` });
          if (w === 0 && i % 20 === 10) proxy.cut();
        }
      }),
    );
    await write(b, { "/t": "over", "/t/1": "last" });
    using calm = namespace.calm();
    expect(calm).toBeDefined();
    await starts;
    const expected = await truth(b, "/t");
    await Promise.all([
      holds(caches[0], expected),
      holds(caches[1], expected),
      holds(
        caches[2],
        expected.filter((line) => /^\/t\/[^/]*$/.test(line)),
      ),
      holds(caches[3], ["/t/1 last"]),
    ]);
    for (const [at, log] of logs.entries())
      expect([...log.keys()].sort()).toEqual([...(caches[at]?.nodes.keys() ?? [])].sort());

    await Promise.all(caches.map((cache) => cache.close()));
    await insist(client, () => client.sync());
    if (!engine.isCorral) await expect.poll(() => watchedBelow(namespace), { timeout: 10_000 }).toEqual([]);
    severable.events = 0;
    const all = expected.map((line) => line.split(" ")[0] ?? "");
    for (const path of all) await write(b, { [path]: "after" });
    await write(b, { "/t/new": "", "/t/0/new": "" });
    await remove(b, "/t");
    await insist(client, () => client.sync());
    expect(severable.events).toBe(0);
  });

  test("can be waited for in vain, and goes on", async () => {
    await using namespace = await engine.namespace();
    await using severable = await Severable.connect(namespace);
    const b = await namespace.connectSteadily();
    await write(b, tree);
    severable.proxy.stall("toClient");
    await using cache = new TreeCache(severable.client, "/t");
    await expect(cache.start({ timeoutMs: 50 })).rejects.toSatisfy(isWaitTimeoutError);
    expect(cache.state).toEqual({ kind: "initialising" });
    severable.proxy.resume();
    await cache.start(patience);
    expect(cache.children()).toEqual(["a", "d"]);
    await severable.client.close();
    await firstValueFrom(cache.state$.pipe(filter(({ kind }) => kind === "closed")));
  });
});
