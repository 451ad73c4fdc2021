/** Section G: transactions, and many reads in one request. */
import {
  CreateMode,
  createRequestCodec,
  type MultiOperation,
  type MultiReadOperation,
  type MultiResult,
  multiHeaderCodec,
  OpCode,
  operations,
  Permission,
  setAclRequestCodec,
  Writer,
} from "@corral/protocol";
import { expect } from "vitest";
import type { Caller } from "../servers/caller.ts";
import { node, onBoth, toAll } from "../servers/on-both.ts";

const { all, read, write } = Permission;
const create = (path: string, flags = 0): MultiOperation => ({ type: OpCode.create, ...node(path, flags) });
const set = (path: string, version = -1): MultiOperation => ({ type: OpCode.setData, path, data: null, version });
const remove = (path: string, version = -1): MultiOperation => ({ type: OpCode.delete, path, version });
const check = (path: string, version = -1): MultiOperation => ({ type: OpCode.check, path, version });
const getData = (path: string): MultiReadOperation => ({ type: OpCode.getData, path, watch: false });
const codes = (results: readonly MultiResult[]) => results.map((r) => (r.type === OpCode.error ? r.err : r.type));
const isThere = async (a: Caller, path: string) => (await a.error("exists", { path, watch: false })) === "Ok";

onBoth("G. Transactions", (server) => {
  server.test("G.1 all of it at one zxid, each part seeing what the ones before it did", async ({ caller, path }) => {
    const a = await caller();
    const { zxid, value } = await a.call("multi", [
      create(`${path}/p`),
      create(`${path}/p/s-`, CreateMode.persistentSequential),
      create(`${path}/p/s-`, CreateMode.persistentSequential),
      set(`${path}/p`, 0),
      check(`${path}/p`, 1),
      create(`${path}/q`),
      remove(`${path}/q`, 0),
    ]);
    expect(codes(value ?? [])).toEqual([1, 1, 1, 5, 13, 1, 2]);
    expect(value?.slice(1, 3)).toEqual([
      { type: OpCode.create, path: `${path}/p/s-0000000000` },
      { type: OpCode.create, path: `${path}/p/s-0000000001` },
    ]);
    const { stat } = await a.value("exists", { path: `${path}/p`, watch: false });
    expect(stat).toMatchObject({ czxid: zxid, mzxid: zxid, pzxid: zxid, version: 1, numChildren: 2 });
    expect(await isThere(a, `${path}/q`)).toBe(false);
  });

  server.test("G.1 what a create in it makes, its flags say, whichever of the operations it is", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    const { persistent, ephemeral, container } = CreateMode;
    const { create, createContainer, createTTL } = OpCode;
    const made: (readonly [MultiOperation["type"], number])[] = [];
    for (const type of [create, createContainer, createTTL]) {
      for (const flags of [persistent, ephemeral, container]) {
        const part = { type, ...node(`${path}/${made.length}-`, flags), ttl: 1_000 };
        const [result] = await a.value("multi", [part as MultiOperation]);
        expect(result?.type, `${type} with flags ${flags}`).toBe(flags === container ? OpCode.create2 : OpCode.create);
        made.push([type, flags]);
      }
    }
    await a.value("multi", [{ type: OpCode.create2, ...node(`${path}/${made.length}-`, container) }]);
    for (const [at, [type, flags]] of made.entries()) {
      const { stat } = await a.value("exists", { path: `${path}/${at}-`, watch: false });
      const isOwn = stat.ephemeralOwner === a.connection.sessionId;
      expect(isOwn, `${type} with flags ${flags}`).toBe(flags === ephemeral);
    }
  });

  server.slow("G.1 a container that its flags alone make one in a transaction goes as any other", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    const { create, create2, createTTL } = OpCode;
    const types = [create, create2, createTTL];
    await a.value(
      "multi",
      types.map((type) => ({ type, ...node(`${path}/${type}`, CreateMode.container), ttl: 1 }) as MultiOperation),
    );
    for (const type of types) {
      await a.value("exists", { path: `${path}/${type}`, watch: true });
      await a.value("create", node(`${path}/${type}/x`));
      await a.value("delete", { path: `${path}/${type}/x`, version: -1 });
    }
    const heard: string[] = [];
    while (heard.length < types.length) {
      await a.untilEvent();
      heard.push(...(await a.events()));
    }
    expect(heard.sort()).toEqual(types.map((type) => `nodeDeleted ${path}/${type}`).sort());
  });

  server.test("G.1 what a create2 in it answers", async (visit) => {
    const a = await visit.caller();
    const results = await a.value("multi", [{ type: OpCode.create2, ...node(`${visit.path}/x`) }]);
    expect(results.map(({ type }) => type)).toEqual([visit.differing("G.1")]);
  });

  server.test("G.4 the flags of a time to live where none is given", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    const answers: unknown[] = [];
    for (const type of [OpCode.create, OpCode.create2, OpCode.createContainer]) {
      for (const flags of [CreateMode.persistentWithTtl, CreateMode.persistentSequentialWithTtl]) {
        const part: MultiOperation = { type, ...node(`${path}/x`, flags) };
        const { err, value } = await a.call("multi", [create(`${path}/y`), part]);
        answers.push(value === undefined ? err : codes(value).at(-1));
        expect(await a.value("multi", [remove(`${path}/missing`), part]).then(codes)).toEqual([-101, -2]);
      }
    }
    expect([...new Set(answers)]).toEqual([visit.differing("G.4")]);
    expect(await isThere(a, `${path}/y`)).toBe(false);
  });

  server.test("G.2 one that fails: 0 before, its error, −2 after, and nothing has happened", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    const { err, value } = await a.call("multi", [
      create(`${path}/x`),
      set(path),
      check(path, 7),
      create(`${path}/y`),
      remove(`${path}/missing`),
    ]);
    expect(err).toBe("Ok");
    expect(codes(value ?? [])).toEqual([0, 0, -103, -2, -2]);
    expect((await a.value("exists", { path, watch: false })).stat).toMatchObject({ version: 0, cversion: 0 });
    expect(await a.value("create", node(`${path}/s`, CreateMode.persistentSequential))).toEqual({
      path: `${path}/s0000000000`,
    });
  });

  server.test("G.2 one that cannot be decoded is MarshallingError, and the connection stays", async ({ caller }) => {
    const a = await caller();
    expect(await a.raw(OpCode.multi, Buffer.from([0, 0, 0, 1]))).toBe("MarshallingError");
    expect(await a.error("ping", {})).toBe("Ok");
  });

  server.test("G.3 the header of the reply does not tell that it failed", async ({ caller, path }) => {
    const a = await caller();
    expect((await a.call("multi", [create(path)])).err).toBe("Ok");
    expect((await a.call("multi", [])).value).toEqual([]);
  });

  server.test("G.4 permissions, versions and paths are checked part by part", async ({ caller, path }) => {
    const a = await caller();
    await a.value("create", { ...node(`${path}/locked`), acl: toAll(all & ~write) });
    const failing = async (operation: MultiOperation) =>
      codes(await a.value("multi", [create(`${path}/p`), operation, create(`${path}/p`)]));
    expect(await failing(set(`${path}/locked`))).toEqual([0, -102, -2]);
    expect(await failing(create(`${path}/p/.`))).toEqual([0, -8, -2]);
    expect(await failing(create(`${path}/p`))).toEqual([0, -110, -2]);
    expect(await failing(remove(`${path}/locked`, 3))).toEqual([0, -103, -2]);
    expect(await failing(check(`${path}/none`))).toEqual([0, -101, -2]);
  });

  server.test("G.5 a check makes a write depend on another node", async ({ callers, path }) => {
    const [master, worker] = await callers(2);
    await master.value("create", node(`${path}/master`));
    await master.value("create", node(`${path}/task`));
    const guarded = async () => codes(await worker.value("multi", [check(`${path}/master`, 0), set(`${path}/task`)]));
    expect(await guarded()).toEqual([13, 5]);
    await master.value("setData", { path: `${path}/master`, data: null, version: 0 });
    expect(await guarded()).toEqual([-103, -2]);
  });

  server.test("G.6 closing the session, sync, setACL and reconfig cannot be parts of one", async ({ caller, path }) => {
    const a = await caller();
    const newMembers = { joiningServers: null, leavingServers: null, newMembers: "server.1=a:1:2;3", curConfigId: -1 };
    for (const type of [OpCode.closeSession, OpCode.sync, OpCode.setACL, OpCode.reconfig]) {
      const w = new Writer();
      multiHeaderCodec.write(w, { type: OpCode.create, done: false, err: -1 });
      createRequestCodec.write(w, node(`${path}/x`));
      multiHeaderCodec.write(w, { type, done: false, err: -1 });
      if (type === OpCode.setACL) setAclRequestCodec.write(w, { path, acl: toAll(all), version: -1 });
      if (type === OpCode.sync) operations.sync.request.write(w, { path });
      // The end of a session is asked for without a word more.
      if (type === OpCode.reconfig) operations.reconfig.request.write(w, newMembers);
      multiHeaderCodec.write(w, { type: -1, done: true, err: -1 });
      expect(await a.raw(OpCode.multi, w.take())).toBe("MarshallingError");
    }
    expect(await isThere(a, `${path}/x`)).toBe(false);
  });

  server.test("G.7 many reads in one request: each for itself, and no watches", async ({ callers, path }) => {
    const [a, b] = await callers(2);
    await a.value("create", node(`${path}/x`, 0, "data"));
    await a.value("create", { ...node(`${path}/locked`), acl: toAll(all & ~read) });
    const results = await a.value("multiRead", [
      { type: OpCode.getData, path: `${path}/x`, watch: true },
      { type: OpCode.getData, path: `${path}/missing`, watch: true },
      { type: OpCode.getChildren, path: `${path}/locked`, watch: true },
      { type: OpCode.getChildren, path: `${path}/x`, watch: true },
    ]);
    expect(results).toMatchObject([
      { type: OpCode.getData, data: Buffer.from("data"), stat: { version: 0 } },
      { type: OpCode.error, err: -101 },
      { type: OpCode.error, err: -102 },
      { type: OpCode.getChildren, children: [] },
    ]);
    await b.value("setData", { path: `${path}/x`, data: null, version: -1 });
    await b.value("create", node(`${path}/x/y`));
    expect(await a.events()).toEqual([]);
  });

  server.test("G.7 many reads that cannot be decoded: MarshallingError, and nothing more", async ({ caller, path }) => {
    const a = await caller();
    const whole = a.connection.encode("multiRead", [getData(path), getData(path)]);
    // Nothing, half of a header, the parts without an end, and a part that breaks off.
    for (const length of [12, 16, whole.length - 9, whole.length - 12]) {
      const cut = Buffer.from(whole.subarray(0, length));
      cut.writeInt32BE(length - 4);
      a.connection.socket.write(cut);
      const { header, body } = await a.connection.reply();
      expect([header.err, body.toString("hex")], String(length)).toEqual([-5, ""]);
    }
    expect(await a.error("ping", {})).toBe("Ok");
  });

  server.test("G.7 what stands behind MarshallingError where a write is among the reads", async (visit) => {
    const a = await visit.caller();
    const frame = a.connection.encode("multi", [set(visit.path)]);
    frame.writeInt32BE(OpCode.multiRead, 8);
    a.connection.socket.write(frame);
    const { header, body } = await a.connection.reply();
    expect(header.err).toBe(-5);
    expect(body.toString("hex")).toBe(visit.differing("G.7"));
    expect((await a.value("exists", { path: visit.path, watch: false })).stat.version).toBe(0);
  });

  server.test("G.7 many reads in one request are of one moment", async ({ callers, path }) => {
    const [a, b] = await callers(2);
    const many = 300;
    const paths = [`${path}/x`, `${path}/y`, `${path}/z`];
    await a.value(
      "multi",
      paths.map((each) => create(each)),
    );
    const change = b.connection.encode(
      "multi",
      paths.map((each) => set(each)),
    );
    b.connection.socket.write(Buffer.concat(Array.from({ length: many }, () => change)));
    const reads = paths.map((each) => ({ type: OpCode.getData, path: each, watch: false }));
    for (let last = 0; last < many; ) {
      const results = await a.value("multiRead", reads);
      const seen = results.map((result) => (result.type === OpCode.getData ? result.stat.mzxid : result));
      expect(new Set(seen).size).toBe(1);
      const [first] = results;
      last = first?.type === OpCode.getData ? first.stat.version : many;
    }
    expect(await b.answer("multi")).toMatchObject({ err: "Ok" });
  });

  server.test("G.8 a transaction is one frame, with one frame's limit", async ({ caller, path }) => {
    const a = await caller();
    const half = Buffer.alloc(520_000);
    const halves = (size: number) => [
      { type: OpCode.create, ...node(`${path}/x`), data: half },
      { type: OpCode.create, ...node(`${path}/y`), data: half.subarray(0, size) },
    ];
    expect(codes(await a.value("multi", halves(520_000)))).toEqual([1, 1]);
    const b = await caller();
    expect(
      await b.error("multi", [...halves(520_000), { type: OpCode.create, ...node(`${path}/z`), data: half }]),
    ).toBe("closed");
  });
});
