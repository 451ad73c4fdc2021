/** Section H: limits, and what becomes of those who ask for more. */
import { setTimeout as delay } from "node:timers/promises";
import { CreateMode, type MultiOperation, OpCode } from "@corral/protocol";
import { expect } from "vitest";
import { largeBytesMax } from "../servers/kinds.ts";
import { node, onBoth } from "../servers/on-both.ts";

const set = (path: string, version = -1) => ({ path, data: null, version });

onBoth("H. Limits", (server) => {
  // That nothing more is read meanwhile: packages/server/src/replica/limits.test.ts; from outside it cannot be told from slowness.
  server.test("H.1 more requests than a server takes at once are answered later, without an error", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    const many = 3_000;
    const write = a.connection.encode("setData", set(path));
    a.connection.socket.write(Buffer.concat(Array.from({ length: many }, () => write)));
    for (let i = 1; i <= many; i++) {
      expect(await a.answer("setData")).toMatchObject({ err: "Ok", value: { stat: { version: i } } });
    }
  });

  server.test("H.4 an answer may be longer than any request", async ({ caller, path }) => {
    const a = await caller();
    const long = "n".repeat(500);
    const create = (at: number): MultiOperation => ({ type: OpCode.create, ...node(`${path}/${long}${at}`) });
    const batches = 3;
    const perBatch = 800;
    for (let batch = 0; batch < batches; batch++) {
      await a.value(
        "multi",
        Array.from({ length: perBatch }, (_, i) => create(batch * perBatch + i)),
      );
    }
    const { children } = await a.value("getChildren", { path, watch: false });
    expect(children).toHaveLength(batches * perBatch);
    expect(children.join("").length).toBeGreaterThan(0xfffff);
  });
});

onBoth(
  "H. A busy server",
  (server) => {
    server.test("H.2 a write may be refused for waiting too long: in its turn, and without a trace", async (visit) => {
      const { path } = visit;
      const a = await visit.caller();
      const answers: string[] = [];
      let sent = 0;
      const seen = new Set<string>();
      const hear = async (): Promise<void> => {
        const { err } = await a.answer("setData");
        answers.push(err);
        seen.add(err);
      };
      const hearing = (async () => {
        while (seen.size < 2) await hear();
      })();
      while (seen.size < 2) {
        // Faster than it can write; what it has not answered is bounded.
        for (let i = 0; i < 10 && sent - answers.length < 900; i++, sent++) a.connection.send("setData", set(path));
        await delay(2);
      }
      await hearing;
      while (answers.length < sent) await hear();
      expect(seen).toEqual(new Set(["Ok", "ThrottledOp"]));
      // Let the last ones be through: what is asked now waits for nobody.
      const { value } = await a.patientCall("getData", { path, watch: false });
      expect(value?.stat.version).toBe(answers.filter((err) => err === "Ok").length);
    });

    server.test("H.3 a request larger than all large ones may be ends its connection", async (visit) => {
      const { path } = visit;
      const [a, b] = await visit.callers(2);
      const large = (bytes: number) => ({ path, data: Buffer.alloc(bytes), version: -1 });
      expect((await a.patientCall("setData", large(largeBytesMax / 2))).err).toBe("Ok");
      expect(await a.error("setData", large(largeBytesMax + 1))).toBe("closed");
      expect((await b.patientCall("getData", { path, watch: false })).value?.stat.version).toBe(1);
    });

    server.slow("H.3 newcomers beyond what it takes at once are closed, and let in as time goes by", async (visit) => {
      const isLetIn = async (): Promise<boolean> => {
        const { connection } = await visit.connection();
        return connection.handshake().then(
          () => true,
          () => false,
        );
      };
      while (await isLetIn());
      while (!(await isLetIn()));
    });

    server.test(
      "E.18 a server alone has no local sessions: each takes a zxid, and may have ephemerals",
      async (visit) => {
        const a = await visit.caller();
        const { zxid } = await a.call("ping", {});
        const b = await visit.caller();
        expect((await b.call("ping", {})).zxid).toBe(zxid + 1);
        expect((await b.patientCall("create", node(`${visit.path}/e`, CreateMode.ephemeral))).err).toBe("Ok");
      },
    );
  },
  "busy",
);
