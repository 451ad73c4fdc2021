/** Section A: creating nodes, sequence numbers, paths, and the order of checks. */
import { AddWatchMode, CreateMode, maxTtlMs, OpCode, Permission } from "@corral/protocol";
import { expect } from "vitest";
import { node, onBoth, toAll } from "../servers/on-both.ts";

const { all, read, create, write, delete: remove, admin } = Permission;
const sequential = CreateMode.persistentSequential;
const badCharacters = ["\u0001", "\u001f", "\u007f", "\u009f", "\ue000", "\uf8ff", "\ufff0", "\uffff", "\u{1f600}"];

onBoth("A. Creating nodes", (server) => {
  server.test("A.1 a sequence number is the count of all creates below the parent", async ({ caller, path }) => {
    const a = await caller();
    for (let i = 0; i < 7; i++) await a.value("create", node(`${path}/plain-${i}`));
    expect(await a.value("create", node(`${path}/s-`, sequential))).toEqual({ path: `${path}/s-0000000007` });
    await a.value("create", node(`${path}/p`));
    for (let i = 0; i < 3; i++) await a.value("create", node(`${path}/p/${i}`));
    for (let i = 0; i < 3; i++) await a.value("delete", { path: `${path}/p/${i}`, version: -1 });
    expect(await a.value("create", node(`${path}/p/`, sequential))).toEqual({ path: `${path}/p/0000000003` });
  });

  server.test("A.2 a create that fails uses up no number", async ({ caller, path }) => {
    const a = await caller();
    await a.value("create", node(`${path}/n-0000000001`));
    for (let i = 0; i < 3; i++) expect(await a.error("create", node(`${path}/n-`, sequential))).toBe("NodeExists");
    expect(await a.value("create", node(`${path}/m-`, sequential))).toEqual({ path: `${path}/m-0000000001` });
  });

  server.test("A.3 the counter lives and dies with the parent", async ({ caller, path }) => {
    const a = await caller();
    const parent = `${path}/p`;
    for (let i = 0; i < 2; i++) {
      await a.value("create", node(parent));
      const made = await a.value("create", node(`${parent}/s-`, sequential));
      expect(made).toEqual({ path: `${parent}/s-0000000000` });
      await a.value("delete", { ...made, version: -1 });
      await a.value("delete", { path: parent, version: -1 });
    }
  });

  server.slow("A.3 also when the parent is a container that was reaped and made anew", async ({ caller, path }) => {
    const a = await caller();
    const parent = `${path}/c`;
    for (let round = 0; round < 2; round++) {
      await a.value("createContainer", node(parent, CreateMode.container));
      await a.value("exists", { path: parent, watch: true });
      for (const number of ["0000000000", "0000000001"]) {
        expect(await a.value("create", node(`${parent}/s-`, sequential))).toEqual({ path: `${parent}/s-${number}` });
      }
      for (const number of ["0000000000", "0000000001"]) {
        await a.value("delete", { path: `${parent}/s-${number}`, version: -1 });
      }
      await a.untilEvent();
      expect(await a.events()).toEqual([`nodeDeleted ${parent}`]);
    }
  });

  server.test("A.5 the path is checked once the number is on it", async ({ caller, path }) => {
    const a = await caller();
    expect(await a.error("create", node(`${path}/`))).toBe("BadArguments");
    expect(await a.value("create", node(`${path}/`, sequential))).toEqual({ path: `${path}/0000000000` });
  });

  server.test("A.6 the cversion that is seen counts creates and deletes, the number only creates", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    for (let i = 0; i < 3; i++) await a.value("create", node(`${path}/${i}`));
    await a.value("delete", { path: `${path}/0`, version: -1 });
    expect((await a.value("exists", { path, watch: false })).stat).toMatchObject({ cversion: 4, numChildren: 2 });
    expect(await a.value("create", node(`${path}/s`, sequential))).toEqual({ path: `${path}/s0000000003` });
  });

  server.test("A.7 create: flags, then the list, the parent, its permission, the path, the node", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    const noAcl = { acl: [] };
    const ttl = (request: ReturnType<typeof node>, ms: number) => a.error("createTTL", { ...request, ttl: ms });
    const withTtl = CreateMode.persistentWithTtl;
    for (const flags of [-1, 7, 99]) {
      expect(await a.error("create", { ...node(`${path}/missing/x`, flags), ...noAcl })).toBe("BadArguments");
    }
    for (const ms of [0, -1, maxTtlMs + 1]) {
      expect(await ttl({ ...node(`${path}/missing/x`, withTtl), ...noAcl }, ms)).toBe("BadArguments");
    }
    for (const bad of ["none", `${path}/\0`]) {
      expect(await a.error("create", { ...node(bad), ...noAcl })).toBe("BadArguments");
    }
    expect(await a.error("create", { ...node(`${path}/missing/x`), ...noAcl })).toBe("InvalidAcl");
    expect(await a.error("create", node(`${path}/missing/x\u0001`))).toBe("NoNode");
    await a.value("create", { ...node(`${path}/locked`), acl: toAll(all & ~create) });
    expect(await a.error("create", node(`${path}/locked/x\u0001`))).toBe("NoAuth");
    expect(await a.error("create", node(`${path}/x\u0001`))).toBe("BadArguments");
    expect(await a.error("create", node(path))).toBe("NodeExists");
    await a.value("create", node(`${path}/e`, CreateMode.ephemeral));
    expect(await a.error("create", node(`${path}/e/..`))).toBe("BadArguments");
    expect(await a.error("create", node(`${path}/e/x`))).toBe("NoChildrenForEphemerals");
  });

  server.test("A.7 what stands before a bad segment is missed first", async ({ caller, path }) => {
    const a = await caller();
    for (const bad of [`${path}//x`, `${path}/./x`, `${path}/../x`]) {
      expect(await a.error("create", node(bad))).toBe("NoNode");
    }
    for (const bad of [`${path}/.`, `${path}/..`]) expect(await a.error("create", node(bad))).toBe("BadArguments");
  });

  server.test(
    "A.8 delete: the path, the parent, its permission, the node, its version, its children",
    async (visit) => {
      const { path } = visit;
      const a = await visit.caller();
      const deleting = (what: string, version = -1) => a.error("delete", { path: what, version });
      for (const special of ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "none"]) {
        expect(await deleting(special)).toBe("BadArguments");
      }
      expect(await deleting(`${path}/missing/x`)).toBe("NoNode");
      await a.value("create", node(`${path}/locked`));
      await a.value("create", node(`${path}/locked/x`));
      await a.value("setACL", { path: `${path}/locked`, acl: toAll(all & ~remove), version: -1 });
      for (const there of ["x", "missing"]) expect(await deleting(`${path}/locked/${there}`)).toBe("NoAuth");
      expect(await deleting(`${path}/missing`)).toBe("NoNode");
      expect(await deleting(`${path}/locked`, 1)).toBe("BadVersion");
      expect(await deleting(`${path}/locked`, 0)).toBe("NotEmpty");
    },
  );

  server.test("A.9 setData: the path, the node, the permission, the version", async ({ caller, path }) => {
    const a = await caller();
    const setting = (what: string, version: number) => a.error("setData", { path: what, data: null, version });
    for (const bad of ["none", "", `${path}/`, `${path}//x`, `${path}/\0`]) {
      expect(await setting(bad, 5)).toBe("BadArguments");
    }
    expect(await setting(`${path}/missing`, 5)).toBe("NoNode");
    await a.value("create", { ...node(`${path}/locked`), acl: toAll(all & ~write) });
    expect(await setting(`${path}/locked`, 5)).toBe("NoAuth");
    expect(await setting(path, 5)).toBe("BadVersion");
    expect(await setting(path, 0)).toBe("Ok");
  });

  server.test("A.9 setACL: the path, the list, the node, the permission, the version", async ({ caller, path }) => {
    const a = await caller();
    const setting = (what: string, acl: ReturnType<typeof toAll>, version: number) =>
      a.error("setACL", { path: what, acl, version });
    expect(await setting(`${path}//x`, [], 5)).toBe("BadArguments");
    expect(await setting(`${path}/missing`, [], 5)).toBe("InvalidAcl");
    expect(await setting(`${path}/missing`, toAll(all), 5)).toBe("NoNode");
    await a.value("create", { ...node(`${path}/locked`), acl: toAll(all & ~admin) });
    expect(await setting(`${path}/locked`, toAll(all), 5)).toBe("NoAuth");
    expect(await setting(path, toAll(all), 5)).toBe("BadVersion");
    expect(await setting(path, toAll(all), 0)).toBe("Ok");
  });

  server.test("A.9 check: the node, READ, the version", async ({ caller, path }) => {
    const a = await caller();
    const checking = async (what: string, version: number) => {
      const [result] = await a.value("multi", [{ type: OpCode.check, path: what, version }]);
      return result?.type === OpCode.error ? result.err : 0;
    };
    expect(await checking(`${path}/missing`, 5)).toBe(-101);
    await a.value("create", { ...node(`${path}/locked`), acl: toAll(all & ~read) });
    expect(await checking(`${path}/locked`, 5)).toBe(-102);
    expect(await checking(path, 5)).toBe(-103);
    expect(await checking(path, 0)).toBe(0);
    expect(await checking(path, -1)).toBe(0);
  });

  server.test("A.10 the characters and segments that no path may have", async ({ caller, path }) => {
    const a = await caller();
    for (const bad of badCharacters) expect(await a.error("create", node(`${path}/x${bad}`)), bad).toBe("BadArguments");
    for (const bad of ["", "x", `${path}/`, `${path}/.`, `${path}/..`]) {
      expect(await a.error("create", node(bad)), bad).toBe("BadArguments");
    }
    for (const good of [" ", "\u00a0", "...", ".x", "x.", "ä", "\ud7ff", "\uf900", "\uffef", "日本"]) {
      expect(await a.error("create", node(`${path}/${good}`)), good).toBe("Ok");
    }
  });

  server.test("A.11 reads do not check paths: what no node can be called is just not there", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    for (const bad of ["none", `${path}/`, `${path}//x`, `${path}/..`, `${path}/x\u0001`]) {
      expect(await a.error("exists", { path: bad, watch: false }), bad).toBe("NoNode");
      expect(await a.error("getData", { path: bad, watch: false }), bad).toBe("NoNode");
      expect(await a.error("getChildren", { path: bad, watch: false }), bad).toBe("NoNode");
      expect(await a.error("getACL", { path: bad }), bad).toBe("NoNode");
    }
    expect(await a.error("exists", { path: `${path}/\0`, watch: false })).toBe("BadArguments");
    expect(await a.error("getData", { path: `${path}/\0`, watch: false })).toBe(visit.differing("A.11"));
    for (const any of ["", "none", `${path}/\0`, "//"]) {
      expect(await a.call("sync", { path: any })).toMatchObject({ err: "Ok", value: { path: any } });
    }
  });

  server.test("A.12 what a create answers: the path, and the Stat unless it is the oldest", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    const stat = { version: 0, cversion: 0, aversion: 0, dataLength: 3, numChildren: 0, ephemeralOwner: 0n };
    expect(await a.value("create", node(`${path}/one`, 0, "abc"))).toEqual({ path: `${path}/one` });
    expect(await a.value("create2", node(`${path}/two`, 0, "abc"))).toMatchObject({ path: `${path}/two`, stat });
    expect(await a.value("createContainer", node(`${path}/c`, CreateMode.container, "abc"))).toMatchObject({
      path: `${path}/c`,
      stat,
    });
    const lasting = { ...node(`${path}/t-`, CreateMode.persistentSequentialWithTtl, "abc"), ttl: 3_600_000 };
    expect(await a.value("createTTL", lasting)).toMatchObject({ path: `${path}/t-0000000003`, stat });
    const mine = await a.value("create2", node(`${path}/e`, CreateMode.ephemeral, "abc"));
    expect(mine).toMatchObject({ stat: { ...stat, ephemeralOwner: a.connection.sessionId } });
  });

  server.test("A.13 no data and empty data are two things", async ({ caller, path }) => {
    const a = await caller();
    await a.value("create", node(`${path}/none`, 0, null));
    await a.value("create", node(`${path}/empty`, 0, ""));
    const get = async (name: string) => a.value("getData", { path: `${path}/${name}`, watch: false });
    expect(await get("none")).toMatchObject({ data: null, stat: { dataLength: 0 } });
    expect(await get("empty")).toMatchObject({ data: Buffer.alloc(0), stat: { dataLength: 0 } });
    await a.value("setData", { path: `${path}/empty`, data: null, version: 0 });
    expect(await get("empty")).toMatchObject({ data: null, stat: { dataLength: 0, version: 1 } });
  });

  server.slow("A.14 operation 19 makes a container whatever the flags; the flags alone do not", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    await a.value("createContainer", node(`${path}/container`, CreateMode.persistent));
    await a.value("create", node(`${path}/plain`, CreateMode.container));
    await a.value("exists", { path: `${path}/container`, watch: true });
    for (const name of ["plain", "container"]) {
      await a.value("create", node(`${path}/${name}/x`));
      await a.value("delete", { path: `${path}/${name}/x`, version: -1 });
    }
    await a.untilEvent();
    expect(await a.events()).toEqual([`nodeDeleted ${path}/container`]);
    expect(await a.error("exists", { path: `${path}/plain`, watch: false })).toBe("Ok");
  });

  server.test("A.15 ephemerals have no children; containers and nodes with a time to live can", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    await a.value("create", node(`${path}/e`, CreateMode.ephemeral));
    await a.value("createContainer", node(`${path}/c`, CreateMode.container));
    await a.value("createTTL", { ...node(`${path}/t`, CreateMode.persistentWithTtl), ttl: 3_600_000 });
    expect(await a.error("create", node(`${path}/e/x`))).toBe("NoChildrenForEphemerals");
    expect(await a.error("create", node(`${path}/c/x`))).toBe("Ok");
    expect(await a.error("create", node(`${path}/t/x`))).toBe("Ok");
    const both = { ...node(`${path}/et`, CreateMode.ephemeral), ttl: 3_600_000 };
    expect(await a.error("createTTL", both)).toBe("BadArguments");
  });

  server.test("A.17 the configuration can be read by all and set by no client", async ({ caller }) => {
    const a = await caller();
    const path = "/zookeeper/config";
    expect(await a.value("getData", { path, watch: false })).toMatchObject({ stat: { version: 0, aversion: -1 } });
    expect(await a.value("getACL", { path })).toMatchObject({ acl: toAll(read) });
    expect(await a.error("setData", { path, data: null, version: -1 })).toBe("NoAuth");
  });

  server.test("A.18 data has no limit but the frame's, path and all: 1,048,575 bytes", async ({ caller, path }) => {
    const a = await caller();
    const request = (frameBytes: number) => ({ path, data: Buffer.alloc(frameBytes - 20 - path.length), version: -1 });
    expect(a.connection.encode("setData", request(0xfffff)).length - 4).toBe(0xfffff);
    expect(await a.error("setData", request(0xfffff))).toBe("Ok");
    expect(await a.error("setData", request(0x100000))).toBe("closed");
  });

  server.test("A.18 what becomes of paths of more than 8,192 characters", async (visit) => {
    const a = await visit.caller();
    const long = `${visit.path}/${"n".repeat(8_192)}`;
    const errors = [
      await a.error("create", node(long)),
      await a.error("exists", { path: long, watch: true }),
      await a.error("addWatch", { path: long, mode: AddWatchMode.persistent }),
    ];
    expect(errors).toEqual(visit.differing("A.18"));
  });
});
