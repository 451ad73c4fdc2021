/** Section F, the lines that hold for one server: order and consistency. */
import { expect } from "vitest";
import { node, onBoth } from "../servers/on-both.ts";

const set = (path: string, version = -1) => ({ path, data: null, version });

onBoth("F. Order", (server) => {
  server.test("F.1 requests are carried out and answered in the order in which they were sent", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    const many = 100;
    for (let i = 0; i < many; i++) {
      a.connection.send("setData", set(path, i));
      a.connection.send("getData", { path, watch: false });
      a.connection.send("exists", { path: `${path}/missing`, watch: false });
    }
    for (let i = 0; i < many; i++) {
      expect(await a.answer("setData")).toMatchObject({ err: "Ok", value: { stat: { version: i + 1 } } });
      expect(await a.answer("getData")).toMatchObject({ err: "Ok", value: { stat: { version: i + 1 } } });
      expect((await a.answer("exists")).err).toBe("NoNode");
    }
  });

  server.test("F.2 one order for all writes: of those that ask for the same version one succeeds", async (visit) => {
    const { path } = visit;
    const callers = await visit.callers(3);
    for (let version = 0; version < 20; version++) {
      const errors = await Promise.all(callers.map((caller) => caller.error("setData", set(path, version))));
      expect(errors.sort()).toEqual(["BadVersion", "BadVersion", "Ok"]);
    }
  });

  server.test("F.3 a read behind a write of its session sees it", async ({ caller, path }) => {
    const a = await caller();
    for (let i = 0; i < 50; i++) {
      a.connection.send("create", node(`${path}/${i}`));
      a.connection.send("getChildren2", { path, watch: false });
      await a.answer("create");
      expect((await a.answer("getChildren2")).value?.stat.numChildren).toBe(i + 1);
    }
  });

  server.test("F.4 after a sync one reads what others had written", async ({ callers, path }) => {
    const [a, b] = await callers(2);
    for (let i = 1; i <= 20; i++) {
      await a.value("setData", set(path));
      await b.value("sync", { path });
      expect((await b.value("getData", { path, watch: false })).stat.version).toBe(i);
    }
  });
});
