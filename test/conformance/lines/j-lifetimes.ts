/** Section J: containers, time to live, quotas. */
import { CreateMode, ErrorCode, OpCode } from "@corral/protocol";
import { expect } from "vitest";
import type { Caller } from "../servers/caller.ts";
import { node, onBoth } from "../servers/on-both.ts";

const gone = (path: string) => ({ path, version: -1 });
const set = (path: string, data: Uint8Array | null, version = -1) => ({ path, data, version });
const isThere = async (a: Caller, path: string) => (await a.error("exists", { path, watch: false })) === "Ok";

onBoth("J. Lifetimes", (server) => {
  server.slow("J.1 a container goes after its last child; one that never had any stays", async ({ callers, path }) => {
    const [a, b] = await callers(2);
    for (const name of ["used", "unused", "full"]) await a.value("createContainer", node(`${path}/${name}`, 4));
    for (const name of ["used", "full"]) await a.value("create", node(`${path}/${name}/x`));
    await b.value("exists", { path: `${path}/used`, watch: true });
    await a.value("delete", gone(`${path}/used/x`));
    await b.untilEvent();
    expect(await b.events()).toEqual([`nodeDeleted ${path}/used`]);
    expect([await isThere(a, `${path}/unused`), await isThere(a, `${path}/full`)]).toEqual([true, true]);
    expect(await a.error("create", node(`${path}/used/y`))).toBe("NoNode");
  });

  server.slow("J.2 a time to live begins anew with each setData, not with what children do", async (visit) => {
    const { path } = visit;
    const [a, b] = await visit.callers(2);
    const ttl = 5_000;
    const make = (name: string) =>
      a.value("createTTL", { ...node(`${path}/${name}`, CreateMode.persistentWithTtl), ttl });
    for (const name of ["kept", "left", "parent"]) await make(name);
    await a.value("create", node(`${path}/parent/x`));
    for (const name of ["left", "parent"]) await b.value("exists", { path: `${path}/${name}`, watch: true });
    const heard: string[] = [];
    while (heard.length === 0) {
      await a.value("setData", set(`${path}/kept`, null));
      heard.push(...(await b.events()));
    }
    expect(heard).toEqual([`nodeDeleted ${path}/left`]);
    expect([await isThere(a, `${path}/kept`), await isThere(a, `${path}/parent`)]).toEqual([true, true]);
    // Its own time was over long before its child went.
    await a.value("delete", gone(`${path}/parent/x`));
    await b.untilEvent();
    expect(await b.events()).toEqual([`nodeDeleted ${path}/parent`]);
  });

  server.slow("J.3 what is reaped is heard of as a delete, by the parent's watches too", async ({ callers, path }) => {
    const [a, b] = await callers(2);
    await a.value("create", node(`${path}/p`));
    await a.value("createContainer", node(`${path}/p/c`, 4));
    await a.value("create", node(`${path}/p/c/x`));
    await b.value("getChildren", { path: `${path}/p`, watch: true });
    await a.value("delete", gone(`${path}/p/c/x`));
    await b.untilEvent();
    expect(await b.events()).toEqual([`nodeChildrenChanged ${path}/p`]);
    const { stat } = await a.value("exists", { path: `${path}/p`, watch: false });
    expect(stat).toMatchObject({ numChildren: 0, cversion: 2 });
  });

  server.test("J.5 quotas that are not enforced refuse nothing, and are counted all the same", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    const stats = await setQuota(a, path, "count=2,bytes=3=;byteHardLimit=3;countHardLimit=2");
    for (const name of ["x", "y", "z"]) await a.value("create", node(`${path}/${name}`, 0, "12345"));
    expect(await textOf(a, stats)).toBe("count=4,bytes=15");
  });
});

/** The quota of a path. Returns the path of the node in which the server counts. */
async function setQuota(a: Caller, path: string, limits: string): Promise<string> {
  const quota = `/zookeeper/quota${path}`;
  await a.value("create", node(quota));
  await a.value("create", node(`${quota}/zookeeper_limits`, 0, limits));
  await a.value("create", node(`${quota}/zookeeper_stats`));
  return `${quota}/zookeeper_stats`;
}

const creating = (path: string) => ({ type: OpCode.create, ...node(path) });

const textOf = async (a: Caller, path: string) => (await a.value("getData", { path, watch: false })).data?.toString();

onBoth(
  "J. Quotas that are enforced",
  (server) => {
    const begin = async (visit: { caller(): Promise<Caller>; path: string }, limits: string) => {
      const a = await visit.caller();
      await a.authenticate("bob:secret");
      await a.value("create", node(visit.path, 0, "12345"));
      await a.value("create", node(`${visit.path}/x`, 0, "123"));
      const stats = await setQuota(a, visit.path, limits);
      return { a, stats, path: visit.path };
    };

    server.test("J.5 the count is of the node itself and all below it, the bytes of all data", async (visit) => {
      const { a, stats, path } = await begin(visit, "count=100,bytes=-1");
      expect(await textOf(a, stats)).toBe("count=2,bytes=8");
      await a.value("create", node(`${path}/x/y`, 0, "12"));
      expect(await textOf(a, stats)).toBe("count=3,bytes=10");
      await a.value("setData", set(`${path}/x`, Buffer.alloc(20)));
      expect(await textOf(a, stats)).toBe("count=3,bytes=27");
      await a.value("setData", set(`${path}/x`, null));
      await a.value("delete", gone(`${path}/x/y`));
      expect(await textOf(a, stats)).toBe("count=2,bytes=5");
      const { stat } = await a.value("exists", { path: stats, watch: false });
      expect(stat).toMatchObject({ version: 0, mzxid: stat.czxid });
      const other = await visit.caller();
      await other.authenticate("eve:apple");
      await other.value("create", node(`${path}/e`, CreateMode.ephemeral, "1"));
      expect(await textOf(a, stats)).toBe("count=3,bytes=6");
      await other.value("closeSession", {});
      expect(await textOf(a, stats)).toBe("count=2,bytes=5");
    });

    server.test("J.5 beyond a soft limit nothing is refused, beyond a hard one QuotaExceeded", async (visit) => {
      const { a, stats, path } = await begin(visit, "count=1,bytes=1=;byteHardLimit=30;countHardLimit=4");
      expect(await a.error("create", node(`${path}/b`, 0, "1"))).toBe("Ok");
      expect(await a.error("create", node(`${path}/c`, 0, "1"))).toBe("Ok");
      expect(await a.error("create", node(`${path}/d`, 0, "1"))).toBe("QuotaExceeded");
      expect(await a.error("create", node(`${path}/d`, CreateMode.ephemeral, "1"))).toBe("QuotaExceeded");
      expect(await a.error("setData", set(`${path}/b`, Buffer.alloc(22)))).toBe("QuotaExceeded");
      expect(await a.error("setData", set(`${path}/b`, Buffer.alloc(20)))).toBe("Ok");
      expect(await textOf(a, stats)).toBe("count=4,bytes=29");
      await a.value("delete", gone(`${path}/c`));
      const parts = ["m", "n"].map((name) => ({ type: OpCode.create, ...node(`${path}/${name}`) }));
      const results = await a.value("multi", parts.slice(0, 1));
      expect(results).toEqual([{ type: OpCode.create, path: `${path}/m` }]);
      const refused = await a.value("multi", [{ type: OpCode.delete, ...gone(`${path}/none`) }, ...parts.slice(1)]);
      expect(refused).toMatchObject([{ err: -101 }, { err: -2 }]);
      expect(await textOf(a, stats)).toBe("count=4,bytes=28");
    });

    server.test("J.5 while its text cannot be read, what might be beyond is refused", async (visit) => {
      const { a, path } = await begin(visit, "count=100=;countHardLimit=100");
      const limits = `/zookeeper/quota${path}/zookeeper_limits`;
      for (const text of ["garbage", " count = 1 ", "count=x", "count="]) {
        await a.value("setData", set(limits, Buffer.from(text)));
        expect(await a.error("create", node(`${path}/y`)), text).toBe("MarshallingError");
        expect(await a.error("setData", set(`${path}/x`, null)), text).toBe("MarshallingError");
      }
      await a.value("setData", set(limits, Buffer.from("other=3,count=-1")));
      expect(await a.error("create", node(`${path}/y`))).toBe("Ok");
      expect(await a.error("delete", gone(`${path}/y`))).toBe("Ok");
    });

    server.test("J.5 what a multi makes counts for what comes behind in it", async (visit) => {
      const { a, path, stats } = await begin(visit, "count=1=;countHardLimit=3");
      const results = await a.value(
        "multi",
        ["k", "l", "m"].map((name) => creating(`${path}/${name}`)),
      );
      const err = results
        ?.map((part) => ("err" in part ? part.err : ErrorCode.Ok))
        .find((code) => code !== ErrorCode.Ok);
      const counted = Number(/count=(\d+)/.exec((await textOf(a, stats)) ?? "")?.[1]);
      const shown = err === undefined ? "Ok" : err === ErrorCode.QuotaExceeded ? "QuotaExceeded" : err;
      expect([shown, counted]).toEqual(visit.differing("J.5"));
    });

    server.test("J.5 a multi while the text cannot be read", async (visit) => {
      const { a, path } = await begin(visit, "garbage");
      const answer = await a.error("multi", [creating(`${path}/y`)]);
      expect(answer).toBe(visit.differing("J.5 unreadable"));
      expect(await isThere(a, `${path}/y`)).toBe(false);
    });

    server.test("A.7 the quota comes last in a create", async (visit) => {
      const { a, path } = await begin(visit, "count=1=;countHardLimit=1");
      expect(await a.error("create", node(`${path}/x`))).toBe("NodeExists");
      expect(await a.error("create", node(`${path}/y`))).toBe("QuotaExceeded");
    });

    server.test("A.9 the quota comes before the version in a setData", async (visit) => {
      const { a, path } = await begin(visit, "bytes=1=;byteHardLimit=10");
      expect(await a.error("setData", set(path, Buffer.alloc(9), 7))).toBe("QuotaExceeded");
      expect(await a.error("setData", set(path, null, 7))).toBe("BadVersion");
    });

    server.test("J.5 the nearest quota counts, and none once its limits are deleted", async (visit) => {
      const { a, path, stats } = await begin(visit, "count=1=;countHardLimit=2");
      const inner = await setQuota(a, `${path}/x`, "count=1=;countHardLimit=3");
      expect(await a.error("create", node(`${path}/x/y`))).toBe("Ok");
      expect(await a.error("create", node(`${path}/y`))).toBe("QuotaExceeded");
      expect([await textOf(a, stats), await textOf(a, inner)]).toEqual(["count=2,bytes=8", "count=2,bytes=3"]);
      await a.value("delete", gone(`/zookeeper/quota${path}/zookeeper_limits`));
      expect(await a.error("create", node(`${path}/y`))).toBe("Ok");
    });
  },
  "strict",
);
