/** Observing on a real server: through broken connections, lost sessions, silent servers; and what it costs. */
import { type Client, connect, isCoordinationError, type ObservedTree, treeChanges } from "@corral/client";
import { FaultProxy, TestServer } from "@corral/testing";
import { firstValueFrom, take } from "rxjs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

let server: TestServer;
let proxy: FaultProxy;
let client: Client;
/** Another client, that no fault concerns. */
let other: Client;
/** Requests of `client` since the test began, pings left out. */
let sent: string[];

/** Ours, and as those that have no lasting watches, or none to be relied upon: told so, the client does without. */
const servers = ["ours", "3.5", "3.8.0"] as const;

/** Describes a suite on each of these servers. */
function describeOn(
  kinds: readonly (typeof servers)[number][],
  what: string,
  suite: (recursive: boolean) => void,
): void {
  describe.each(kinds)(`${what} (server: %s)`, (kind) => {
    beforeAll(async () => {
      server = await TestServer.start(kind === "ours" ? {} : { compatibility: kind });
      other = await connect(server.connectString);
    });
    afterAll(async () => {
      await other.close();
      await server.close();
    });
    suite(kind === "ours");
  });
}

beforeEach(async () => {
  await other.delete("/t", { children: true }).catch((error: unknown) => {
    if (!isCoordinationError(error, "NoNode")) throw error;
  });
  await other.create("/t");
  proxy = await FaultProxy.start(server.connectString);
  client = await connect(proxy.connectString, { sessionTimeoutMs: 4_000 });
  sent = [];
  proxy.onFrame((frame) => {
    if (frame.kind === "request" && frame.operation !== "ping")
      sent.push(`${frame.operation} ${frame.path ?? ""}`.trim());
  });
});

afterEach(async () => {
  proxy.accept();
  proxy.resume();
  await client.close();
  await proxy.close();
});

const text = (data: Buffer | null | undefined): string => (data === undefined ? "absent" : String(data));
const count = (what: string): number => sent.filter((request) => request === what).length;

/** Cuts the client off, does something behind its back, and lets it back in. */
async function whileAway(does: () => Promise<unknown>): Promise<void> {
  proxy.refuse();
  proxy.cut();
  await expect.poll(() => client.state).toBe("suspended");
  await does();
  proxy.accept();
  await expect.poll(() => client.state).toBe("connected");
}

async function loseSession(): Promise<void> {
  const { sessionId } = client;
  await server.expireSession(sessionId);
  await expect.poll(() => client.sessionId !== sessionId && client.state === "connected").toBe(true);
}

describeOn(["ours", "3.5"], "watchNode", () => {
  test("tells every change of a node that comes, changes and goes", async () => {
    const seen: string[] = [];
    client.watchNode("/t/n").subscribe((node) => seen.push(text(node?.data)));
    await expect.poll(() => seen).toEqual(["absent"]);
    for (const value of ["1", "2"]) {
      await other.setOrCreate("/t/n", value);
      await expect.poll(() => seen.at(-1)).toBe(value);
    }
    await other.delete("/t/n");
    await expect.poll(() => seen).toEqual(["absent", "1", "2", "absent"]);
  });

  test("§6.7 no change is lost between a watch that fires and the next: the last state always comes", async () => {
    await other.create("/t/n", "0");
    const loop = (async () => {
      for await (const node of client.watchNode("/t/n")) if (text(node?.data) === "500") return node;
      return undefined;
    })();
    for (let i = 1; i <= 500; i++) void other.set("/t/n", String(i));
    expect((await loop)?.stat.version).toBe(500);
  });

  test("§6.9 deleted and recreated while away, at the same version with the same data: told, by its czxid", async () => {
    await other.create("/t/n", "same");
    const seen: (bigint | undefined)[] = [];
    client.watchNode("/t/n").subscribe((node) => seen.push(node?.stat.czxid));
    await expect.poll(() => seen.length).toBe(1);
    await whileAway(async () => {
      await other.delete("/t/n");
      await other.create("/t/n", "same");
    });
    const { stat } = await other.get("/t/n");
    await expect.poll(() => seen.at(-1)).toBe(stat.czxid);
    expect(stat.version).toBe(0);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test("created and deleted while away leaves no trace, and nothing is told twice", async () => {
    const seen: string[] = [];
    client.watchNode("/t/n").subscribe((node) => seen.push(text(node?.data)));
    await expect.poll(() => seen).toEqual(["absent"]);
    await whileAway(async () => {
      await other.create("/t/n", "x");
      await other.delete("/t/n");
    });
    await loseSession();
    await other.create("/t/n", "y");
    await expect.poll(() => seen).toEqual(["absent", "y"]);
  });

  test("§6.21 goes on when the node is deleted, when the session expires, and when the server stalls", async () => {
    await other.create("/t/n", "0");
    const seen: string[] = [];
    client.watchNode("/t/n").subscribe((node) => seen.push(text(node?.data)));
    await expect.poll(() => seen.at(-1)).toBe("0");
    await loseSession();
    await other.set("/t/n", "1");
    await expect.poll(() => seen.at(-1)).toBe("1");
    proxy.stall("toClient");
    await other.delete("/t/n");
    await expect.poll(() => client.state).not.toBe("connected");
    proxy.resume();
    proxy.cut();
    await expect.poll(() => seen.at(-1)).toBe("absent");
    await other.create("/t/n", "2");
    await expect.poll(() => seen.at(-1)).toBe("2");
  });

  test("§6.10 the client can be called, and waited for, from within a subscriber and a watcher", async () => {
    await other.create("/t/n", "0");
    const copied = new Promise<string>((resolve, reject) => {
      client
        .watchNode("/t/n")
        .pipe(take(1))
        .subscribe((node) => {
          client
            .setOrCreate("/t/copy", text(node?.data))
            .then(async () => resolve(text((await client.get("/t/copy", { linearizable: true })).data)), reject);
        });
    });
    expect(await copied).toBe("0");
    let wake = (_: Promise<string>): void => {};
    const woken = new Promise<string>((resolve) => {
      wake = resolve;
    });
    await client.get("/t/n", { watch: () => wake(client.get("/t/n").then(({ data }) => text(data))) });
    await other.set("/t/n", "1");
    expect(await woken).toBe("1");
  });

  test("§6.11 one watch on the server however many watch, and none when the last has gone", async () => {
    await other.create("/t/n", "0");
    const subscriptions = Array.from({ length: 50 }, () => client.watchNode("/t/n").subscribe());
    const other50 = Array.from({ length: 50 }, () => client.namespace("/t").watchNode("/n").subscribe());
    await firstValueFrom(client.watchNode("/t/n"));
    expect(count("getData /t/n")).toBe(1);
    for (const subscription of [...subscriptions, ...other50]) subscription.unsubscribe();
    await client.sync();
    expect(count("removeWatches /t/n")).toBe(1);
    let events = 0;
    proxy.onFrame((frame) => {
      if (frame.kind === "event") events++;
    });
    await other.set("/t/n", "1");
    await client.sync();
    expect(events).toBe(0);
  });
});

describeOn(["ours", "3.5"], "watchChildren", () => {
  test("names in order, through disconnection and expiry", async () => {
    const seen: (readonly string[] | undefined)[] = [];
    client.watchChildren("/t/c").subscribe((names) => seen.push(names));
    await expect.poll(() => seen).toEqual([undefined]);
    await other.create("/t/c/b", null, { createParents: true });
    await expect.poll(() => seen.at(-1)).toEqual(["b"]);
    await whileAway(() => other.create("/t/c/a"));
    await expect.poll(() => seen.at(-1)).toEqual(["a", "b"]);
    await loseSession();
    await other.delete("/t/c", { children: true });
    await expect.poll(() => seen.at(-1)).toBeUndefined();
  });

  test("a slow loop sees the latest", async () => {
    const lengths: number[] = [];
    let rounds = 0;
    for await (const names of client.watchChildren("/t")) {
      lengths.push(names?.length ?? -1);
      if (names?.length === 30) break;
      if (rounds < 3) await Promise.all(Array.from({ length: 10 }, (_, i) => other.create(`/t/${rounds}-${i}`)));
      rounds++;
      await client.sync();
    }
    expect(lengths.at(-1)).toBe(30);
    expect(lengths.length).toBeLessThan(20);
  });
});

describeOn(servers, "watchTree", (recursive) => {
  const paths = (tree: ObservedTree | undefined): string[] | undefined => tree && [...tree.keys()].sort();

  test("the whole tree, and every change of it", async () => {
    const seen: (ObservedTree | undefined)[] = [];
    const subscription = client.watchTree("/t/r").subscribe((tree) => seen.push(tree));
    await expect.poll(() => seen).toEqual([undefined]);
    await other.create("/t/r/a/b", "x", { createParents: true });
    await other.create("/t/r/c");
    await expect.poll(() => paths(seen.at(-1))).toEqual(["/t/r", "/t/r/a", "/t/r/a/b", "/t/r/c"]);
    const before = seen.at(-1);
    await other.set("/t/r/a/b", "y");
    await expect.poll(() => text(seen.at(-1)?.get("/t/r/a/b")?.data)).toBe("y");
    expect(seen.at(-1)?.get("/t/r/c")).toBe(before?.get("/t/r/c"));
    await other.delete("/t/r/a", { children: true });
    await expect.poll(() => paths(seen.at(-1))).toEqual(["/t/r", "/t/r/c"]);
    expect(treeChanges(before, seen.at(-1)).map(({ type, path }) => `${type} ${path}`)).toEqual([
      "deleted /t/r/a/b",
      "deleted /t/r/a",
    ]);
    await other.delete("/t/r", { children: true });
    await expect.poll(() => seen.at(-1)).toBeUndefined();
    subscription.unsubscribe();
    expect(count("addWatch /t/r")).toBe(recursive ? 1 : 0);
  });

  test("§6.8 what was missed while away is found, by a walk", async () => {
    await other.create("/t/r/stays", "x", { createParents: true });
    await other.create("/t/r/goes/deep", "x", { createParents: true });
    await other.create("/t/r/again", "x");
    const seen: (ObservedTree | undefined)[] = [];
    client.watchTree("/t/r").subscribe((tree) => seen.push(tree));
    await expect.poll(() => seen.at(-1)?.size).toBe(5);
    const before = seen.at(-1);
    await whileAway(async () => {
      await other.delete("/t/r/goes", { children: true });
      await other.delete("/t/r/again");
      await other.create("/t/r/again", "x");
      await other.create("/t/r/comes/deep", "x", { createParents: true });
    });
    await expect
      .poll(() => treeChanges(before, seen.at(-1)).map(({ type, path }) => `${type} ${path}`))
      .toEqual([
        "deleted /t/r/goes/deep",
        "deleted /t/r/goes",
        "recreated /t/r/again",
        "created /t/r/comes",
        "created /t/r/comes/deep",
      ]);
    await loseSession();
    await other.create("/t/r/new");
    await expect.poll(() => seen.at(-1)?.has("/t/r/new")).toBe(true);
    expect(seen.at(-1)?.size).toBe(6);
  });

  test("converges while many write and connections break, and leaves no watch behind", async () => {
    let latest: ObservedTree | undefined;
    const subscription = client.watchTree("/t/r").subscribe((tree) => {
      latest = tree;
    });
    const writers = Array.from({ length: 4 }, async (_, w) => {
      for (let i = 0; i < 60; i++) {
        const path = `/t/r/${(w + i) % 5}/${(i * 7) % 6}`;
        if (i % 3 === 2) await other.delete(path).catch(() => undefined);
        else await other.setOrCreate(path, `${w}.${i}`, { createParents: true });
        if (i % 5 === 4) await other.delete(`/t/r/${i % 5}`, { children: true }).catch(() => undefined);
        if (w === 0 && i % 20 === 10) proxy.cut();
      }
    });
    await Promise.all(writers);
    const truth = await readTree("/t/r");
    await expect
      .poll(() => Object.fromEntries([...(latest ?? [])].map(([path, node]) => [path, text(node.data)])))
      .toEqual(truth);
    subscription.unsubscribe();
    await client.sync();
    let events = 0;
    proxy.onFrame((frame) => {
      if (frame.kind === "event") events++;
    });
    await other.setOrCreate("/t/r/0", "after", { createParents: true });
    await client.sync();
    expect(events).toBe(0);
  });

  async function readTree(path: string, into: Record<string, string> = {}): Promise<Record<string, string>> {
    into[path] = text((await other.get(path)).data);
    for (const name of await other.children(path)) await readTree(`${path}/${name}`, into);
    return into;
  }
});
