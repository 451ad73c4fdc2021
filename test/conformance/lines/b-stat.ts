/** Section B: what a write does to the Stat of a node and of its parent, and how zxids are given. And a server as it begins. */
import { OpCode, zxidEpoch } from "@corral/protocol";
import { expect } from "vitest";
import type { Caller } from "../servers/caller.ts";
import { node, onBoth } from "../servers/on-both.ts";

const statOf = async (a: Caller, path: string) => (await a.value("exists", { path, watch: false })).stat;
const any = -1;

/** Lets the server's clock go on, so that a time that moves can be told from one that stays. */
async function untilLater(a: Caller, path: string, thanMs: number): Promise<void> {
  const clock = `${path}-clock`;
  const { stat } = await a.value("create2", node(clock));
  for (let { mtime } = stat; mtime <= thanMs; ) {
    mtime = (await a.value("setData", { path: clock, data: null, version: any })).stat.mtime;
  }
  await a.value("delete", { path: clock, version: any });
}

onBoth("B. Stat and zxids", (server) => {
  server.test(
    "B.1 create: all zxids of the child are its own, of the parent only pzxid and cversion move",
    async (v) => {
      const { path } = v;
      const a = await v.caller();
      const before = await statOf(a, path);
      await untilLater(a, path, before.mtime);
      const { zxid, value } = await a.call("create2", node(`${path}/x`, 0, "abc"));
      const stat = { czxid: zxid, mzxid: zxid, pzxid: zxid, version: 0, cversion: 0, aversion: 0 };
      expect(value?.stat).toMatchObject(stat);
      expect(value?.stat.ctime).toBe(value?.stat.mtime);
      expect(await statOf(a, path)).toEqual({ ...before, pzxid: zxid, cversion: 1, numChildren: 1 });
    },
  );

  server.test("B.2 delete: of the parent only pzxid and the cversion that is seen move", async ({ caller, path }) => {
    const a = await caller();
    await a.value("create", node(`${path}/x`));
    const before = await statOf(a, path);
    await untilLater(a, path, before.mtime);
    const { zxid } = await a.call("delete", { path: `${path}/x`, version: any });
    expect(await statOf(a, path)).toEqual({ ...before, pzxid: zxid, cversion: 2, numChildren: 0 });
  });

  server.test("B.3 setData: version, mzxid, mtime, also for the same bytes; the parent stays", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    await a.value("create", node(`${path}/x`, 0, "same"));
    const [before, parent] = [await statOf(a, `${path}/x`), await statOf(a, path)];
    let lastMs = before.mtime;
    for (const version of [1, 2]) {
      await untilLater(a, path, lastMs);
      const { zxid, value } = await a.call("setData", { path: `${path}/x`, data: Buffer.from("same"), version: any });
      const mtime = value?.stat.mtime ?? 0;
      expect(value?.stat).toEqual({ ...before, version, mzxid: zxid, mtime });
      expect(mtime).toBeGreaterThan(lastMs);
      lastMs = mtime;
    }
    expect(await statOf(a, path)).toEqual(parent);
  });

  server.test("B.4 setACL moves aversion only, and no watch fires", async ({ callers, path }) => {
    const [a, watcher] = await callers(2);
    await watcher.value("getData", { path, watch: true });
    await watcher.value("getChildren", { path, watch: true });
    const before = await statOf(a, path);
    await untilLater(a, path, before.mtime);
    const { stat } = await a.value("setACL", { path, acl: node(path).acl, version: 0 });
    expect(stat).toEqual({ ...before, aversion: 1 });
    expect(await watcher.events()).toEqual([]);
  });

  server.test("B.5 pzxid is of the last create or delete of a direct child", async ({ caller, path }) => {
    const a = await caller();
    const { zxid } = await a.call("create", node(`${path}/x`));
    await a.value("setData", { path: `${path}/x`, data: null, version: any });
    await a.value("create", node(`${path}/x/y`));
    await a.value("setData", { path, data: null, version: any });
    expect((await statOf(a, path)).pzxid).toBe(zxid);
    expect((await statOf(a, `${path}/x`)).pzxid).toBe(zxid + 2);
  });

  server.test("B.6 times are the server's clock", async ({ caller, path }) => {
    const a = await caller();
    // Both run on this machine.
    const before = Date.now();
    const { stat } = await a.value("create2", node(`${path}/x`));
    expect(stat.ctime).toBeGreaterThanOrEqual(before - 1);
    expect(stat.ctime).toBeLessThanOrEqual(Date.now() + 1);
  });

  server.test("B.7 versions begin anew with a node that is made anew, czxid does not", async ({ caller, path }) => {
    const a = await caller();
    const set = (version: number) => a.error("setData", { path: `${path}/x`, data: null, version });
    await a.value("create", node(`${path}/x`));
    const first = await statOf(a, `${path}/x`);
    expect([await set(0), await set(0), await set(any), await set(1), await set(2)]).toEqual([
      "Ok",
      "BadVersion",
      "Ok",
      "BadVersion",
      "Ok",
    ]);
    await a.value("delete", { path: `${path}/x`, version: 3 });
    await a.value("create", node(`${path}/x`));
    expect(await set(0)).toBe("Ok");
    expect((await statOf(a, `${path}/x`)).czxid).toBeGreaterThan(first.czxid);
  });

  server.test("B.8 each write that is tried takes a zxid, also one that fails; a transaction takes one", async (v) => {
    const { path } = v;
    const a = await v.caller();
    const zxidNow = async () => (await a.call("ping", {})).zxid;
    const begun = await zxidNow();
    await a.error("create", node(path));
    await a.error("delete", { path: `${path}/missing`, version: any });
    await a.value("create", node(`${path}/x`));
    expect(await zxidNow()).toBe(begun + 3);
    await a.value("multi", [
      { type: OpCode.create, ...node(`${path}/y`) },
      { type: OpCode.create, ...node(`${path}/z`) },
    ]);
    expect(await zxidNow()).toBe(begun + 4);
    expect((await statOf(a, `${path}/y`)).czxid).toBe((await statOf(a, `${path}/z`)).czxid);
    const b = await v.caller();
    expect(await zxidNow()).toBe(begun + 5);
    await b.value("closeSession", {});
    expect(await zxidNow()).toBe(begun + 6);
    await a.value("getData", { path, watch: false });
    await a.value("sync", { path });
    expect(await zxidNow()).toBe(begun + 6);
  });

  server.test("B.8 a reconfig, which is refused without being tried", async (visit) => {
    const a = await visit.caller();
    const { zxid } = await a.call("ping", {});
    const request = { joiningServers: null, leavingServers: null, newMembers: "server.1=a:1:2;3", curConfigId: -1 };
    expect(await a.error("reconfig", request)).toBe("ReconfigDisabled");
    expect((await a.call("ping", {})).zxid - zxid).toBe(visit.differing("B.8"));
  });

  server.test("B.8 a write that cannot be decoded", async (visit) => {
    const a = await visit.caller();
    for (const operation of ["create", "delete", "setData", "multi"] as const) {
      const { zxid } = await a.call("ping", {});
      expect(await a.raw(OpCode[operation], Buffer.from([0, 0, 0, 9])), operation).toBe("MarshallingError");
      expect((await a.call("ping", {})).zxid - zxid, operation).toBe(visit.differing("B.8"));
    }
  });

  server.test("B.10 no reply is older than a write that the session has seen", async ({ callers, path }) => {
    const [a, b] = await callers(2);
    for (let i = 0; i < 20; i++) {
      const { zxid } = await a.call("setData", { path, data: null, version: any });
      expect((await a.call("exists", { path, watch: false })).zxid).toBeGreaterThanOrEqual(zxid);
      expect((await b.call("exists", { path, watch: false })).value?.stat.mzxid).toBe(zxid);
    }
  });
});

onBoth(
  "A server as it begins",
  (server) => {
    server.test("A.16 the nodes that are there from the beginning, and the root under its two names", async (visit) => {
      const a = await visit.caller();
      const own = visit.path.slice(1);
      for (const path of ["/", "", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"]) {
        const { data, stat } = await a.value("getData", { path, watch: false });
        expect(data).toEqual(Buffer.alloc(0));
        expect(stat).toMatchObject({ czxid: 0, ctime: 0, mzxid: 0, mtime: 0, ephemeralOwner: 0n });
      }
      expect(await a.value("getACL", { path: "/" })).toMatchObject({ acl: node("/").acl });
      const { children } = await a.value("getChildren", { path: "/", watch: false });
      expect([...children].sort()).toEqual([own, "zookeeper"]);
      const { totalNumber } = await a.value("getAllChildrenNumber", { path: "/" });
      expect(totalNumber).toBe(4);
    });

    server.test("A.6 the counters of the first nodes begin below zero", async ({ caller, path }) => {
      const a = await caller();
      await a.value("delete", { path, version: any });
      const { stat } = await a.value("create2", node(path));
      const made = (await statOf(a, "/")).cversion;
      expect((await statOf(a, "/zookeeper")).cversion).toBe(-2);
      // Nothing but the nodes of these tests was ever made below the root, which began at −1.
      await a.value("create", node(`${path}-more`));
      expect((await statOf(a, "/")).cversion).toBe(made + 1);
      expect(stat.cversion).toBe(0);
      const sequential = await a.value("create", node("/n", 2));
      // Visible: creates + deletes − 1. Two deletes less than that are the creates.
      expect(Number(sequential.path.slice(2))).toBeLessThan(made + 2);
      await a.value("delete", { ...sequential, version: any });
    });

    server.test("B.9 the first zxids: one after the other, in the first epoch", async (visit) => {
      const a = await visit.caller();
      const { zxid } = await a.call("ping", {});
      expect(zxidEpoch(zxid)).toBe(visit.differing("B.9"));
    });

    server.slow(
      "E.15 a connection that never begins a session is closed; one that has begun one stays",
      async (visit) => {
        const [silent, a] = [await visit.connection(), await visit.caller()];
        await silent.untilClosed();
        expect(silent.takeHeard()).toEqual([]);
        expect(await a.error("ping", {})).toBe("Ok");
      },
    );
  },
  "fresh",
);
