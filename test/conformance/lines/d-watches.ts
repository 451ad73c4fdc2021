/** Section D: watches, what fires them, and in which order that is heard. */
import { sha1Base64 } from "@corral/io";
import { AddWatchMode, CreateMode, OpCode, operations, Permission, WatcherType, Writer } from "@corral/protocol";
import { expect } from "vitest";
import type { Caller } from "../servers/caller.ts";
import { node, onBoth, toAll } from "../servers/on-both.ts";

const { all, read } = Permission;
const { persistent, persistentRecursive } = AddWatchMode;
const set = (path: string) => ({ path, data: null, version: -1 });
const gone = (path: string) => ({ path, version: -1 });
const nobody = { relativeZxid: 0, dataWatches: [], existWatches: [], childWatches: [] };

/** All three one-shot watches on one path. */
async function watchAll(a: Caller, path: string): Promise<void> {
  await a.value("exists", { path, watch: true });
  await a.value("getData", { path, watch: true });
  await a.value("getChildren", { path, watch: true });
}

onBoth("D. Watches", (server) => {
  server.test("D.1 watches of one kind on one path are one watch", async ({ callers, path }) => {
    const [a, b] = await callers(2);
    for (let i = 0; i < 3; i++) await a.value("exists", { path, watch: true });
    await a.value("getData", { path, watch: true });
    await b.value("setData", set(path));
    expect(await a.events()).toEqual([`nodeDataChanged ${path}`]);
  });

  server.test("D.1 a read that fails leaves no watch, but for exists", async ({ callers, path }) => {
    const [a, b] = await callers(2);
    for (const operation of ["getData", "getChildren", "getChildren2"] as const) {
      expect(await a.error(operation, { path: `${path}/x`, watch: true })).toBe("NoNode");
    }
    await b.value("create", node(`${path}/x`));
    await b.value("create", node(`${path}/x/y`));
    await b.value("setData", set(`${path}/x`));
    expect(await a.events()).toEqual([]);
  });

  server.test("D.1 a create fires created at the node and children at its parent, in every mode", async (visit) => {
    const { path } = visit;
    const [a, b] = await visit.callers(2);
    const ttl = 3_600_000;
    for (const [at, [mode, flags]] of Object.entries(CreateMode).entries()) {
      const name = mode.includes("Sequential") ? `${path}/x000000000${at}` : `${path}/x${at}`;
      const request = node(mode.includes("Sequential") ? `${path}/x` : name, flags);
      await a.error("exists", { path: name, watch: true });
      await watchAll(a, path);
      if (mode.includes("Ttl")) await b.value("createTTL", { ...request, ttl });
      else if (flags === CreateMode.container) await b.value("createContainer", request);
      else await b.value("create", request);
      expect(await a.events(), mode).toEqual([`nodeCreated ${name}`, `nodeChildrenChanged ${path}`]);
      await b.value("setData", set(path));
      await a.events();
    }
  });

  server.test(
    "D.1 a delete fires deleted once at the node, for all its watches, and children at its parent",
    async (v) => {
      const { path } = v;
      const [a, b] = await v.callers(2);
      await a.value("create", node(`${path}/x`));
      await watchAll(a, `${path}/x`);
      await a.value("getChildren", { path, watch: true });
      await b.value("delete", gone(`${path}/x`));
      expect(await a.events()).toEqual([`nodeDeleted ${path}/x`, `nodeChildrenChanged ${path}`]);
    },
  );

  server.test(
    "D.1 setData fires at the node only, also for the same bytes; setACL, check and sync do not",
    async (v) => {
      const { path } = v;
      const [a, b] = await v.callers(2);
      await a.value("create", node(`${path}/x`));
      await watchAll(a, path);
      await watchAll(a, `${path}/x`);
      await b.value("setACL", { path: `${path}/x`, acl: toAll(all), version: -1 });
      await b.value("multi", [{ type: OpCode.check, path: `${path}/x`, version: 0 }]);
      await b.value("sync", { path: `${path}/x` });
      await b.error("setData", { path: `${path}/x`, data: null, version: 9 });
      expect(await a.events()).toEqual([]);
      await b.value("setData", { path: `${path}/x`, data: Buffer.alloc(0), version: 0 });
      expect(await a.events()).toEqual([`nodeDataChanged ${path}/x`]);
    },
  );

  server.test("D.2 plain watches are used up by their event, persistent ones stay", async ({ callers, path }) => {
    const [once, ever, b] = await callers(3);
    await once.value("getData", { path, watch: true });
    await ever.value("addWatch", { path, mode: persistent });
    for (let i = 0; i < 3; i++) await b.value("setData", set(path));
    expect(await once.events()).toEqual([`nodeDataChanged ${path}`]);
    expect(await ever.events()).toEqual(Array.from({ length: 3 }, () => `nodeDataChanged ${path}`));
  });

  server.test("D.3 persistent hears of a node and its list; recursive of all below, never of lists", async (visit) => {
    const { path } = visit;
    const [one, tree, b] = await visit.callers(3);
    await one.value("addWatch", { path: `${path}/x`, mode: persistent });
    await tree.value("addWatch", { path: `${path}/x`, mode: persistentRecursive });
    await b.value("create", node(`${path}/x`));
    await b.value("create", node(`${path}/x/y`));
    await b.value("create", node(`${path}/x/y/z`));
    await b.value("setData", set(`${path}/x/y/z`));
    await b.value("setData", set(`${path}/x`));
    for (const below of ["/x/y/z", "/x/y", "/x"]) await b.value("delete", gone(`${path}${below}`));
    await b.value("create", node(`${path}/xx`));
    const x = `${path}/x`;
    expect(await one.events()).toEqual([
      `nodeCreated ${x}`,
      `nodeChildrenChanged ${x}`,
      `nodeDataChanged ${x}`,
      `nodeChildrenChanged ${x}`,
      `nodeDeleted ${x}`,
    ]);
    expect(await tree.events()).toEqual([
      `nodeCreated ${x}`,
      `nodeCreated ${x}/y`,
      `nodeCreated ${x}/y/z`,
      `nodeDataChanged ${x}/y/z`,
      `nodeDataChanged ${x}`,
      `nodeDeleted ${x}/y/z`,
      `nodeDeleted ${x}/y`,
      `nodeDeleted ${x}`,
    ]);
  });

  server.test("D.3 a recursive watch of the empty path is none of the root", async ({ callers, path }) => {
    const [a, b] = await callers(2);
    await a.value("addWatch", { path: "/", mode: persistentRecursive });
    await b.value("addWatch", { path: "", mode: persistentRecursive });
    await b.value("create", node(`${path}/x`));
    expect([await a.events(), await b.events()]).toEqual([[`nodeCreated ${path}/x`], []]);
    expect(await b.error("removeWatches", { path: "", type: WatcherType.any })).toBe("Ok");
    await b.value("delete", gone(`${path}/x`));
    expect(await a.events()).toEqual([`nodeDeleted ${path}/x`]);
  });

  server.test("D.4 watches of all kinds hear of one change once", async ({ callers, path }) => {
    const [a, b] = await callers(2);
    await b.value("create", node(`${path}/x`));
    await a.value("addWatch", { path, mode: persistentRecursive });
    await a.value("addWatch", { path: `${path}/x`, mode: persistent });
    await a.value("getChildren", { path: `${path}/x`, watch: true });
    await a.value("getData", { path: `${path}/x`, watch: true });
    await b.value("setData", set(`${path}/x`));
    expect(await a.events()).toEqual([`nodeDataChanged ${path}/x`]);
    await b.value("delete", gone(`${path}/x`));
    expect(await a.events()).toEqual([`nodeDeleted ${path}/x`]);
  });

  server.test("D.5 a child watch beside a recursive one hears of the list", async ({ callers, path }) => {
    const [a, b] = await callers(2);
    await a.value("getChildren", { path, watch: true });
    await a.value("addWatch", { path: "/", mode: persistentRecursive });
    await b.value("create", node(`${path}/x`));
    expect(await a.events()).toEqual([`nodeCreated ${path}/x`, `nodeChildrenChanged ${path}`]);
  });

  server.test("D.6 addWatch needs no node and no permission", async ({ callers, path }) => {
    const [a, b] = await callers(2);
    await b.value("create", { ...node(`${path}/locked`), acl: toAll(all & ~read) });
    for (const mode of [persistent, persistentRecursive]) {
      expect(await a.value("addWatch", { path: `${path}/missing-${mode}`, mode })).toEqual({ err: 0 });
      expect(await a.value("addWatch", { path: `${path}/locked`, mode })).toEqual({ err: 0 });
      await b.value("create", node(`${path}/missing-${mode}`));
      expect(await a.events()).toEqual([`nodeCreated ${path}/missing-${mode}`]);
    }
    expect(await a.error("addWatch", { path, mode: 2 })).toBe("MarshallingError");
  });

  server.test("D.6 a plain read beside a persistent watch", async (visit) => {
    const { path } = visit;
    const [a, b] = await visit.callers(2);
    await a.value("addWatch", { path, mode: persistent });
    await a.value("getData", { path, watch: true });
    for (let i = 0; i < 3; i++) await b.value("setData", set(path));
    expect((await a.events()).length).toBe(visit.differing("D.6"));
  });

  server.test("D.6 watches of all kinds on one path: which of them are left", async (visit) => {
    const { path } = visit;
    const [a, b] = await visit.callers(2);
    await a.value("addWatch", { path, mode: persistentRecursive });
    await a.value("addWatch", { path, mode: persistent });
    await a.value("getData", { path, watch: true });
    await a.value("getChildren", { path, watch: true });
    for (let i = 0; i < 2; i++) await b.value("setData", set(path));
    for (const name of ["x", "y"]) await b.value("create", node(`${path}/${name}`));
    const heard = (await a.events()).map((event) => event.replace(path, ""));
    expect(heard).toEqual(visit.differing("D.6 kinds"));
  });

  server.test("D.7 an event has a path, a type and the state 3", async (visit) => {
    const { path } = visit;
    const [a, b] = await visit.callers(2);
    await a.value("getData", { path, watch: true });
    const { zxid } = await b.call("setData", set(path));
    const [event] = await a.fullEvents();
    expect(event).toMatchObject({ text: `nodeDataChanged ${path}`, state: 3 });
    expect(event?.zxid === zxid ? "its zxid" : event?.zxid).toBe(visit.differing("D.7"));
  });

  server.test(
    "D.8 an event comes before the reply of its write, and before whatever shows the new state",
    async (v) => {
      const { path } = v;
      const [a, b] = await v.callers(2);
      await watchAll(a, path);
      a.takeHeard();
      await a.value("create", node(`${path}/x`));
      await a.value("setData", set(path));
      expect(a.takeHeard()).toEqual([
        `nodeChildrenChanged ${path}`,
        "create: Ok",
        `nodeDataChanged ${path}`,
        "setData: Ok",
      ]);
      for (let round = 0; round < 20; round++) {
        const { stat } = await a.value("getData", { path, watch: true });
        b.connection.send("setData", set(path));
        for (let seen = stat.version; seen === stat.version; ) {
          seen = (await a.value("getData", { path, watch: false })).stat.version;
        }
        const heard = a.takeHeard();
        expect(heard.indexOf(`nodeDataChanged ${path}`)).toBeGreaterThan(0);
        expect(heard.indexOf(`nodeDataChanged ${path}`)).toBeLessThan(heard.length - 1);
        await b.answer("setData");
      }
    },
  );

  server.test("D.9 the parts of a transaction fire one by one, in order", async ({ callers, path }) => {
    const [a, b] = await callers(2);
    await a.error("exists", { path: `${path}/x`, watch: true });
    await a.value("addWatch", { path, mode: persistent });
    await b.value("multi", [
      { type: OpCode.create, ...node(`${path}/x`) },
      { type: OpCode.setData, ...set(path) },
      { type: OpCode.delete, path: `${path}/x`, version: 0 },
    ]);
    expect(await a.events()).toEqual([
      `nodeCreated ${path}/x`,
      `nodeChildrenChanged ${path}`,
      `nodeDataChanged ${path}`,
      `nodeChildrenChanged ${path}`,
    ]);
    await b.value("multi", [
      { type: OpCode.setData, ...set(path) },
      { type: OpCode.check, path, version: 9 },
    ]);
    expect(await a.events()).toEqual([]);
  });

  server.test("D.10 watches belong to the connection, not to the session", async ({ callers, connection, path }) => {
    const [a, b] = await callers(2);
    await a.value("getData", { path, watch: true });
    await a.value("addWatch", { path, mode: persistent });
    const { sessionId, passwd } = a.connection;
    const next = await connection();
    await next.connection.handshake({ sessionId, passwd });
    await b.value("setData", set(path));
    expect(await next.events()).toEqual([]);
  });

  server.test("D.11 setWatches tells what was missed, and arms the rest", async ({ callers, path }) => {
    const [a, b] = await callers(2);
    const x = (name: string) => `${path}/${name}`;
    for (const name of ["same", "set", "parent", "gone"]) await b.value("create", node(x(name)));
    const { zxid: relativeZxid } = await a.call("ping", {});
    await b.value("setData", set(x("set")));
    await b.value("create", node(x("parent/child")));
    await b.value("delete", gone(x("gone")));
    await b.value("create", node(x("made")));
    a.takeHeard();
    await a.value("setWatches", {
      relativeZxid,
      dataWatches: [x("same"), x("set"), x("gone")],
      existWatches: [x("made"), x("never")],
      childWatches: [x("parent"), x("same"), x("gone")],
    });
    const heard = a.takeHeard();
    expect(heard.at(-1)).toBe("setWatches: Ok");
    expect([...heard.slice(0, -1)].sort()).toEqual([
      `nodeChildrenChanged ${x("parent")}`,
      `nodeCreated ${x("made")}`,
      `nodeDataChanged ${x("set")}`,
      `nodeDeleted ${x("gone")}`,
      `nodeDeleted ${x("gone")}`,
    ]);
    for (const name of ["same", "set", "parent"]) await b.value("setData", set(x(name)));
    await b.value("create", node(x("same/child")));
    await b.value("create", node(x("never")));
    expect(await a.events()).toEqual([
      `nodeDataChanged ${x("same")}`,
      `nodeChildrenChanged ${x("same")}`,
      `nodeCreated ${x("never")}`,
    ]);
  });

  server.test("D.11 a list that is not there, or a path that is not, cannot be decoded", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    await a.value("setData", set(path));
    const heard: number[] = [];
    // One length of those that stand at the end is made −1: that of the last list, or of the second path of the first.
    for (const [dataWatches, fromEnd] of [
      [[path], 4],
      [[path, ""], 12],
    ] as const) {
      const w = new Writer();
      operations.setWatches.request.write(w, { ...nobody, dataWatches });
      const body = w.take();
      body.writeInt32BE(-1, body.length - fromEnd);
      a.takeHeard();
      expect(await a.raw(OpCode.setWatches, body)).toBe("MarshallingError");
      heard.push(a.takeHeard().filter((one) => one === `nodeDataChanged ${path}`).length);
    }
    expect(heard).toEqual(visit.differing("D.11"));
  });

  server.test("D.11 a list with fewer than no entries", async (visit) => {
    const a = await visit.caller();
    const w = new Writer();
    operations.setWatches.request.write(w, nobody);
    const body = w.take();
    body.writeInt32BE(-3, body.length - 4);
    expect(await a.raw(OpCode.setWatches, body)).toBe(visit.differing("D.11 lists"));
  });

  server.test("D.11 what setWatches cannot see: what came and went, and what persistent watches missed", async (v) => {
    const { path } = v;
    const [a, b] = await v.callers(2);
    await b.value("create", node(`${path}/anew`));
    const { zxid: relativeZxid } = await a.call("ping", {});
    await b.value("create", node(`${path}/passing`));
    await b.value("delete", gone(`${path}/passing`));
    await b.value("delete", gone(`${path}/anew`));
    await b.value("create", node(`${path}/anew`));
    a.takeHeard();
    await a.value("setWatches2", {
      ...nobody,
      relativeZxid,
      dataWatches: [`${path}/anew`],
      existWatches: [`${path}/passing`],
      persistentWatches: [path],
      persistentRecursiveWatches: [`${path}/anew`],
    });
    expect(a.takeHeard()).toEqual([`nodeDataChanged ${path}/anew`, "setWatches2: Ok"]);
    await b.value("create", node(`${path}/anew/x`));
    await b.value("create", node(`${path}/y`));
    expect(await a.events()).toEqual([`nodeCreated ${path}/anew/x`, `nodeChildrenChanged ${path}`]);
  });

  server.test("D.12 nobody hears of what happens to a node that may not be read", async ({ callers, path }) => {
    const [a, bob] = await callers(2);
    await bob.authenticate("bob:secret");
    const acl = [{ perms: all, id: { scheme: "digest", id: `bob:${sha1Base64("bob:secret")}` } }];
    await a.error("exists", { path: `${path}/x`, watch: true });
    await a.value("addWatch", { path: `${path}/x`, mode: persistentRecursive });
    await a.value("getChildren", { path, watch: true });
    await bob.value("create", { ...node(`${path}/x`), acl });
    await bob.value("setData", set(`${path}/x`));
    await bob.value("create", { ...node(`${path}/x/y`), acl });
    await bob.value("delete", gone(`${path}/x/y`));
    await bob.value("delete", gone(`${path}/x`));
    // The list of names is the parent's.
    expect(await a.events()).toEqual([`nodeChildrenChanged ${path}`]);
  });

  server.test("D.13 checkWatches and removeWatches: NoWatcher unless there is one of that kind", async (visit) => {
    const { path } = visit;
    const [a, b] = await visit.callers(2);
    const { children, data, any } = WatcherType;
    const check = async (type: number) => a.error("checkWatches", { path, type });
    const remove = async (type: number) => a.error("removeWatches", { path, type });
    for (const type of [children, data, any]) {
      expect([await check(type), await remove(type)]).toEqual(["NoWatcher", "NoWatcher"]);
    }
    await watchAll(a, path);
    for (const type of [children, data, any]) expect(await check(type)).toBe("Ok");
    expect([await remove(data), await check(data), await check(children)]).toEqual(["Ok", "NoWatcher", "Ok"]);
    await b.value("setData", set(path));
    expect(await a.events()).toEqual([]);
    await a.value("getData", { path, watch: true });
    expect([await remove(children), await check(children), await check(data)]).toEqual(["Ok", "NoWatcher", "Ok"]);
    await b.value("create", node(`${path}/w`));
    expect(await a.events()).toEqual([]);
    await b.value("setData", set(path));
    expect(await a.events()).toEqual([`nodeDataChanged ${path}`]);
    await watchAll(a, path);
    expect([await remove(any), await check(any)]).toEqual(["Ok", "NoWatcher"]);
    await b.value("setData", set(path));
    await b.value("create", node(`${path}/x`));
    expect(await a.events()).toEqual([]);
    for (const type of [0, 6])
      expect([await check(type), await remove(type)]).toEqual(["MarshallingError", "MarshallingError"]);
  });

  server.test("D.13 removing what is plain where there also is what is persistent", async (visit) => {
    const { path } = visit;
    const [a, b] = await visit.callers(2);
    await a.value("addWatch", { path, mode: persistent });
    expect(await a.error("removeWatches", { path, type: WatcherType.data })).toBe(visit.differing("D.13"));
    expect(await a.error("removeWatches", { path, type: WatcherType.any })).toBe("Ok");
    await b.value("setData", set(path));
    await b.value("create", node(`${path}/x`));
    expect(await a.events()).toEqual([]);
  });

  server.test("D.13 checking for a watch that only somebody else has", async (visit) => {
    const { path } = visit;
    const [a, b] = await visit.callers(2);
    await b.value("getData", { path, watch: true });
    expect(await a.error("checkWatches", { path, type: WatcherType.data })).toBe(visit.differing("D.13 others"));
    expect(await a.error("removeWatches", { path, type: WatcherType.data })).toBe("NoWatcher");
  });

  server.test("D.13 checking for half of a recursive watch", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    await a.value("addWatch", { path, mode: persistentRecursive });
    for (const type of [WatcherType.children, WatcherType.data]) {
      expect(await a.error("checkWatches", { path, type })).toBe(visit.differing("D.13 recursive"));
    }
    expect(await a.error("checkWatches", { path, type: WatcherType.any })).toBe("Ok");
  });

  server.test("D.13 naming persistent watches by types of their own", async (visit) => {
    const a = await visit.caller();
    await a.value("addWatch", { path: visit.path, mode: persistent });
    const { path } = visit;
    expect(await a.error("checkWatches", { path, type: WatcherType.persistent })).toBe(visit.differing("D.13 types"));
  });

  server.test("D.14 everybody who watches hears of it", async ({ callers, path }) => {
    const watchers = [...(await callers(3)), ...(await callers(2))];
    const [first] = watchers;
    for (const watcher of watchers) await watcher.value("getData", { path, watch: true });
    await first?.value("setData", set(path));
    for (const watcher of watchers) expect(await watcher.events()).toEqual([`nodeDataChanged ${path}`]);
  });

  server.test("D.15 an ephemeral that goes with its session is a delete like any other", async ({ callers, path }) => {
    const [a, b] = await callers(2);
    await b.value("create", node(`${path}/e`, CreateMode.ephemeral));
    await watchAll(a, `${path}/e`);
    await a.value("getChildren", { path, watch: true });
    await b.value("closeSession", {});
    expect(await a.events()).toEqual([`nodeDeleted ${path}/e`, `nodeChildrenChanged ${path}`]);
  });
});
