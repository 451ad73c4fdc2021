/**
 * Our server with `compatibility: "3.8.0"` beside Debian's Apache ZooKeeper 3.8.0: the same bytes sent to both, and what
 * comes back compared. So what the option hides, it hides as the real one does.
 */
import { connect } from "@corral/client";
import { sha1Base64 } from "@corral/io";
import { AddWatchMode, CreateMode, OpCode, openAcl, Permission, WatcherType } from "@corral/protocol";
import { TestServer } from "@corral/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApacheZooKeeper, startApacheZooKeeper } from "../support/apache-zookeeper.ts";
import { fourLetterWord } from "../support/four-letter-word.ts";
import { hasZooKeeper } from "../support/peers.ts";
import { Talk } from "../support/talk.ts";

const node = (path: string, flags = 0) => ({ path, data: Buffer.from("x"), acl: openAcl, flags });
const ofBob = [{ perms: Permission.all, id: { scheme: "digest", id: `bob:${sha1Base64("bob:secret")}` } }];
const { persistent, persistentRecursive } = AddWatchMode;
const set = (path: string) => ({ path, data: null, version: -1 });

/** What is done to one server by two clients; what it answers is in the talk. */
const scripts: Readonly<Record<string, (a: Talk, b: Talk) => Promise<unknown>>> = {
  "an operation of no server": (a) => a.callUnknown(4_711),
  "time to live, switched off": async (a) => {
    await a.call("createTTL", { ...node("/t/ttl", CreateMode.persistentWithTtl), ttl: 1_000 });
    await a.call("create", node("/t/ttl", CreateMode.persistentWithTtl));
    await a.call("createTTL", { ...node("/t/ttl", CreateMode.persistent), ttl: 1_000 });
    await a.call("multi", [
      { type: OpCode.create, ...node("/t/one") },
      { type: OpCode.createTTL, ...node("/t/ttl", CreateMode.persistentWithTtl), ttl: 1_000 },
      { type: OpCode.create, ...node("/t/three") },
    ]);
    await a.call("createContainer", node("/t/box", CreateMode.container));
    await a.call("getChildren", { path: "/t", watch: false });
  },
  "what the creates of a transaction answer": (a) =>
    a.call("multi", [
      { type: OpCode.create, ...node("/t/one") },
      { type: OpCode.create2, ...node("/t/two") },
      { type: OpCode.createContainer, ...node("/t/three", CreateMode.container) },
      { type: OpCode.setData, ...set("/t/one") },
      { type: OpCode.check, path: "/t/one", version: 1 },
      { type: OpCode.delete, path: "/t/one", version: 1 },
    ]),
  "types of watch that are asked for": async (a) => {
    await a.call("addWatch", { path: "/t", mode: persistent });
    for (const type of [...Object.values(WatcherType), 0, 6]) await a.call("checkWatches", { path: "/t", type });
    for (const type of [...Object.values(WatcherType), 0, 6]) await a.call("removeWatches", { path: "/t", type });
    await a.call("addWatch", { path: "/t", mode: 2 });
  },
  "a persistent watch whose data half is taken back": async (a, b) => {
    await a.call("addWatch", { path: "/t", mode: persistent });
    await a.call("removeWatches", { path: "/t", type: WatcherType.data });
    await a.call("checkWatches", { path: "/t", type: WatcherType.children });
    await b.call("setData", set("/t"));
    await b.call("create", node("/t/c"));
    await b.call("create", node("/t/d"));
  },
  "a persistent watch is taken away by a plain one": async (a, b) => {
    await a.call("addWatch", { path: "/t", mode: persistent });
    await a.call("getData", { path: "/t", watch: true });
    for (let i = 0; i < 2; i++) {
      await b.call("setData", set("/t"));
      await b.call("create", node(`/t/${i}`));
    }
    await a.call("getChildren", { path: "/t", watch: true });
    for (let i = 2; i < 4; i++) await b.call("create", node(`/t/${i}`));
    await a.call("addWatch", { path: "/t", mode: persistent });
    await a.call("exists", { path: "/t", watch: true });
    for (let i = 0; i < 2; i++) await b.call("setData", set("/t"));
  },
  "halves of a recursive watch": async (a, b) => {
    for (const type of [WatcherType.children, WatcherType.data, WatcherType.any]) {
      await a.call("addWatch", { path: "/t", mode: persistentRecursive });
      await a.call("checkWatches", { path: "/t", type });
      await a.call("removeWatches", { path: "/t", type });
      for (const left of [WatcherType.children, WatcherType.data, WatcherType.any]) {
        await a.call("checkWatches", { path: "/t", type: left });
      }
      for (const path of ["/t/x", "/t/x/y"]) await b.call("create", node(path));
      await b.call("setData", set("/t"));
      for (const path of ["/t/x/y", "/t/x"]) await b.call("delete", { path, version: -1 });
      await a.call("getData", { path: "/t", watch: true });
      await a.call("getChildren", { path: "/t", watch: true });
      await b.call("create", node("/t/z"));
      await b.call("setData", set("/t"));
      await b.call("delete", { path: "/t/z", version: -1 });
    }
  },
  "a recursive watch is taken away by a plain one": async (a, b) => {
    await a.call("addWatch", { path: "/t", mode: persistentRecursive });
    await a.call("getChildren", { path: "/t", watch: true });
    await b.call("create", node("/t/a"));
    await b.call("create", node("/t/b"));
    await a.call("getData", { path: "/t", watch: true });
    for (let i = 0; i < 2; i++) await b.call("setData", set("/t/a"));
    for (let i = 0; i < 2; i++) await b.call("setData", set("/t"));
  },
  "a plain watch is taken away by a lasting one, and one lasting one by the other": async (a, b) => {
    await a.call("getChildren", { path: "/t", watch: true });
    await a.call("addWatch", { path: "/t", mode: persistentRecursive });
    await b.call("create", node("/t/a"));
    await a.call("addWatch", { path: "/t", mode: persistent });
    await b.call("setData", set("/t/a"));
    await b.call("create", node("/t/b"));
    await a.call("addWatch", { path: "/t", mode: persistentRecursive });
    await b.call("create", node("/t/c"));
    await b.call("setData", set("/t/a"));
  },
  "watches of all kinds at one event": async (a, b) => {
    await b.call("create", node("/t/n"));
    await a.call("getChildren", { path: "/t/n", watch: true });
    await a.call("getData", { path: "/t/n", watch: true });
    await a.call("addWatch", { path: "/t", mode: persistentRecursive });
    await a.call("addWatch", { path: "/", mode: persistentRecursive });
    await b.call("delete", { path: "/t/n", version: -1 });
  },
  // Debian has mended its 3.8.0 (CVE-2024-23944): it withholds events as they happen, and not those of setWatches.
  "what nobody may read": async (a, b) => {
    await a.call("exists", { path: "/t/secret", watch: true });
    await a.call("addWatch", { path: "/t", mode: persistentRecursive });
    await b.call("create", { ...node("/t/secret"), acl: ofBob });
    await b.call("create", node("/t/open"));
    await a.call("getData", { path: "/t/secret", watch: true });
    await a.call("exists", { path: "/t/secret", watch: false });
    await b.call("auth", { type: 0, scheme: "digest", auth: Buffer.from("bob:secret") });
    await b.call("create", node("/t/secret/c"));
    const lists = { dataWatches: ["/t/secret"], existWatches: ["/t/secret"], childWatches: ["/t/secret"] };
    await a.call("setWatches", { relativeZxid: 0, ...lists });
    await b.call("delete", { path: "/t/secret/c", version: -1 });
    await b.call("delete", { path: "/t/secret", version: -1 });
  },
  "watches taken up again": async (a, b) => {
    await a.call("setWatches2", {
      relativeZxid: 2 ** 40,
      dataWatches: ["/t"],
      existWatches: ["/t/e"],
      childWatches: [],
      persistentWatches: [],
      persistentRecursiveWatches: ["/t/r"],
    });
    await b.call("create", node("/t/e"));
    await b.call("create", node("/t/r"));
    await b.call("create", node("/t/r/x"));
    await b.call("setData", set("/t"));
  },
  "who one is, what one has, how many there are": async (a) => {
    await a.call("create", node("/t/mine", CreateMode.ephemeral));
    await a.call("getEphemerals", { prefixPath: "/t" });
    await a.call("getAllChildrenNumber", { path: "/t" });
    await a.call("multiRead", [{ type: OpCode.getChildren, path: "/t", watch: false }]);
    await a.call("sync", { path: "/t" });
    await a.call("whoAmI", {});
  },
};

describe.runIf(hasZooKeeper())("as 3.8.0", () => {
  let apache: ApacheZooKeeper;
  let ours: TestServer;

  beforeAll(async () => {
    [apache, ours] = await Promise.all([
      startApacheZooKeeper({ extendedTypes: false }),
      TestServer.start({ compatibility: "3.8.0" }),
    ]);
    // It answers `ruok` a moment before it lets anybody in.
    await (await connect(apache.connectString)).close();
  });
  afterAll(() => Promise.all([apache.close(), ours.close()]));

  test.each(Object.entries(scripts))("%s", async (_, script) => {
    expect(await heard(ours.port, script)).toEqual(await heard(apache.port, script));
  });

  test("the version that it says it is", async () => {
    const version = /^Zookeeper version: 3\.8\.0\b/;
    expect(await fourLetterWord(ours.port, "srvr")).toMatch(version);
    expect(await fourLetterWord(apache.port, "srvr")).toMatch(version);
  });
});

async function heard(port: number, script: (a: Talk, b: Talk) => Promise<unknown>): Promise<readonly string[]> {
  const [a, b] = await Promise.all([Talk.with(port), Talk.with(port)]);
  await b.call("create", node("/t"));
  await script(a, b);
  const all = [...(await a.end()).map((line) => `a ${line}`), ...(await b.end()).map((line) => `b ${line}`)];
  const cleaner = await Talk.with(port);
  await cleaner.deleteAll("/t");
  await cleaner.end();
  return all;
}
