/** Section E: sessions, and what becomes of them when their connection ends. */
import {
  AddWatchMode,
  CreateMode,
  connectRequestCodec,
  connectResponseCodec,
  Reader,
  SpecialXid,
  Writer,
} from "@corral/protocol";
import { expect } from "vitest";
import type { Caller } from "../servers/caller.ts";
import { strictConnections, tickMs } from "../servers/kinds.ts";
import { node, onBoth, type Visit } from "../servers/on-both.ts";

const zeros = Buffer.alloc(16);
const isThere = async (a: Caller, path: string) => (await a.error("exists", { path, watch: false })) === "Ok";

/** Another connection for the session of `old`. */
async function reconnect(visit: Visit, old: Caller) {
  const next = await visit.connection();
  const { sessionId, passwd } = old.connection;
  const response = await next.connection.handshake({ sessionId, passwd });
  return { next, response };
}

/** All events up to this one. */
async function hearUntil(a: Caller, event: string): Promise<readonly string[]> {
  const heard: string[] = [];
  while (!heard.includes(event)) {
    await a.untilEvent();
    heard.push(...(await a.events()));
  }
  return heard;
}

onBoth("E. Sessions", (server) => {
  server.test("E.1 ids begin with the server's and grow by one", async ({ callers, caller }) => {
    const one = await caller();
    const two = await caller();
    const [first, second] = [one.connection.sessionId, two.connection.sessionId];
    expect(second).toBe(first + 1n);
    const others = await callers(2);
    // Both servers stand alone, as number 1.
    for (const { connection } of [one, two, ...others]) expect(connection.sessionId >> 56n).toBe(1n);
  });

  server.test("E.2 a session is written down before its client hears of it", async ({ caller }) => {
    const a = await caller();
    const { zxid } = await a.call("ping", {});
    const b = await caller();
    // One zxid for the session, and the first thing it hears is not older.
    expect((await b.call("ping", {})).zxid).toBe(zxid + 1);
  });

  server.test("E.3 the timeout is clamped to 2 … 20 ticks, and negotiated anew at each reconnect", async (visit) => {
    for (const [asked, granted] of [
      [-1, 2 * tickMs],
      [0, 2 * tickMs],
      [1, 2 * tickMs],
      [3_333, 3_333],
      [60_000, 20 * tickMs],
    ] as const) {
      const a = await visit.connection();
      expect((await a.connection.handshake({ timeOut: asked })).timeOut, String(asked)).toBe(granted);
      const next = await visit.connection();
      const { sessionId, passwd } = a.connection;
      expect((await next.connection.handshake({ timeOut: 4_000, sessionId, passwd })).timeOut).toBe(4_000);
    }
  });

  server.slow("E.4 any request keeps the session; being sent to does not", async (visit) => {
    const { path } = visit;
    const watcher = await visit.caller();
    const [talks, listens] = [await visit.caller(6_000), await visit.caller(6_000)];
    await talks.value("create", node(`${path}/talks`, CreateMode.ephemeral));
    await listens.value("create", node(`${path}/listens`, CreateMode.ephemeral));
    await listens.value("addWatch", { path, mode: 1 });
    await watcher.value("exists", { path: `${path}/listens`, watch: true });
    // Both would be over by now if nothing was heard of them; one of them only hears.
    for (let gone = false; !gone; ) {
      await talks.call("exists", { path, watch: false });
      await watcher.value("setData", { path, data: null, version: -1 });
      gone = (await watcher.events()).length > 0;
    }
    expect(await isThere(watcher, `${path}/talks`)).toBe(true);
    await listens.untilClosed();
  });

  // How late it may be: packages/server/src/replica/session-clock.test.ts, where the time is not that of a busy machine.
  server.slow("E.5 a session is never over early, and over when nothing is heard of it", async (visit) => {
    const { path } = visit;
    const watcher = await visit.caller();
    const timeoutMs = 4 * tickMs;
    const a = await visit.caller(timeoutMs);
    await watcher.value("addWatch", { path: `${path}/e`, mode: AddWatchMode.persistent });
    const lastHeardMs = performance.now();
    await a.value("create", node(`${path}/e`, CreateMode.ephemeral));
    a.connection.destroy();
    const heard = await hearUntil(watcher, `nodeDeleted ${path}/e`);
    expect(performance.now() - lastHeardMs).toBeGreaterThan(timeoutMs);
    expect(heard).toEqual([`nodeCreated ${path}/e`, `nodeDeleted ${path}/e`]);
  });

  server.slow("E.8 what expires ends at one zxid too", async (visit) => {
    const { path } = visit;
    const b = await visit.caller();
    await b.value("addWatch", { path: `${path}/q/e`, mode: AddWatchMode.persistent });
    const a = await visit.caller(6 * tickMs);
    for (const name of ["p", "q"]) {
      await a.value("create", node(`${path}/${name}`));
      await a.value("create", node(`${path}/${name}/e`, CreateMode.ephemeral));
    }
    await hearUntil(b, `nodeDeleted ${path}/q/e`);
    const stat = async (name: string) => (await b.value("exists", { path: `${path}/${name}`, watch: false })).stat;
    expect(await stat("p")).toMatchObject({ numChildren: 0, pzxid: (await stat("q")).pzxid });
  });

  server.test("E.7 a connection that ends does not end the session", async (visit) => {
    const { path } = visit;
    const [a, b] = await visit.callers(2);
    await a.value("create", node(`${path}/e`, CreateMode.ephemeral));
    a.connection.destroy();
    await a.untilClosed();
    expect(await isThere(b, `${path}/e`)).toBe(true);
    const { next } = await reconnect(visit, a);
    expect(await next.value("getEphemerals", { prefixPath: path })).toEqual({ ephemerals: [`${path}/e`] });
  });

  server.test("E.8 closing it ends all ephemerals at one zxid; then the reply, then the connection", async (visit) => {
    const { path } = visit;
    const [a, b] = await visit.callers(2);
    for (const name of ["p", "q"]) {
      await a.value("create", node(`${path}/${name}`));
      await a.value("create", node(`${path}/${name}/e`, CreateMode.ephemeral));
      await b.value("exists", { path: `${path}/${name}/e`, watch: true });
    }
    const { err, zxid } = await a.call("closeSession", {});
    expect(err).toBe("Ok");
    await a.untilClosed();
    expect([...(await b.events())].sort()).toEqual([`nodeDeleted ${path}/p/e`, `nodeDeleted ${path}/q/e`]);
    for (const name of ["p", "q"]) {
      expect((await b.value("exists", { path: `${path}/${name}`, watch: false })).stat.pzxid).toBe(zxid);
    }
  });

  server.test("E.9 an ephemeral asked for just before the end does not outlive it", async (visit) => {
    const { path } = visit;
    const b = await visit.caller();
    for (let round = 0; round < 10; round++) {
      const a = await visit.caller();
      for (let i = 0; i < 5; i++) a.connection.send("create", node(`${path}/e${i}`, CreateMode.ephemeral));
      a.connection.send("closeSession", {});
      a.connection.send("create", node(`${path}/late`, CreateMode.ephemeral));
      await a.untilClosed();
      expect(await b.value("getChildren", { path, watch: false })).toEqual({ children: [] });
    }
  });

  server.test("E.10 a reconnect: the same id and password, and the old connection is ended", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    await a.value("create", node(`${path}/e`, CreateMode.ephemeral));
    const { sessionId, passwd } = a.connection;
    const { next, response } = await reconnect(visit, a);
    expect({ ...response, passwd: Buffer.from(response.passwd ?? zeros) }).toMatchObject({
      sessionId,
      passwd: Buffer.from(passwd),
    });
    await a.untilClosed();
    expect(await isThere(next, `${path}/e`)).toBe(true);
  });

  server.test("E.11 a wrong password, an unknown id, an id that is over: all zeros, then the end", async (visit) => {
    const a = await visit.caller();
    const over = await visit.caller();
    await over.value("closeSession", {});
    await over.untilClosed();
    for (const [sessionId, passwd] of [
      [a.connection.sessionId, zeros],
      [a.connection.sessionId, new Uint8Array(3)],
      [0x7777n, zeros],
      [over.connection.sessionId, over.connection.passwd],
    ] as const) {
      const next = await visit.connection();
      const response = await next.connection.handshake({ sessionId, passwd });
      expect(response).toMatchObject({ protocolVersion: 0, timeOut: 0, sessionId: 0n, passwd: zeros });
      await next.untilClosed();
    }
  });

  server.test("E.12 who has seen a zxid that is still to come is sent away without a word", async (visit) => {
    const a = await visit.caller();
    const { zxid } = await a.call("ping", {});
    const { sessionId, passwd } = a.connection;
    for (const session of [{}, { sessionId, passwd }]) {
      const b = await visit.connection();
      await expect(b.connection.handshake({ ...session, lastZxidSeen: zxid + 1_000 })).rejects.toThrow("closed");
    }
    const c = await visit.connection();
    expect((await c.connection.handshake({ lastZxidSeen: zxid })).timeOut).toBeGreaterThan(0);
  });

  server.test("E.12 nor is the greatest number taken for a zxid that was seen; the least is", async (visit) => {
    const helloAfter = async (zxid: bigint) => {
      const { connection } = await visit.connection();
      const w = new Writer();
      const mark = w.beginFrame();
      const hello = {
        protocolVersion: 0,
        lastZxidSeen: 0,
        timeOut: 4_000,
        sessionId: 0n,
        passwd: zeros,
        readOnly: false,
      };
      connectRequestCodec.write(w, hello);
      w.endFrame(mark);
      const bytes = w.take();
      bytes.writeBigInt64BE(zxid, 8);
      connection.socket.write(bytes);
      return connectResponseCodec.read(new Reader(await connection.frame())).timeOut;
    };
    await expect(helloAfter(2n ** 63n - 1n)).rejects.toThrow("closed");
    expect(await helloAfter(-(2n ** 63n))).toBe(4_000);
  });

  server.test("E.17 a ping is answered with the last zxid, in its turn", async ({ caller, path }) => {
    const a = await caller();
    a.connection.send("setData", { path, data: null, version: -1 });
    a.connection.send("ping", {});
    a.connection.send("setData", { path, data: null, version: -1 });
    const first = await a.answer("setData");
    expect((await a.answer("ping")).zxid).toBeGreaterThanOrEqual(first.zxid);
    expect((await a.answer("setData")).zxid).toBeGreaterThan(first.zxid);
    expect(a.takeHeard()).toEqual(["setData: Ok", "ping: Ok", "setData: Ok"]);
    // Whatever xid it was asked with.
    expect((await a.connection.call("ping", {})).header.xid).toBe(SpecialXid.ping);
  });
});

onBoth(
  "E. Connections",
  (server) => {
    server.test("E.16 more connections from one address than it takes are closed at once", async (visit) => {
      const letIn = async (): Promise<Caller | undefined> => {
        try {
          const caller = await visit.connection();
          await caller.connection.handshake();
          return caller;
        } catch {
          return undefined;
        }
      };
      const taken: Caller[] = [];
      for (let next = await letIn(); next !== undefined; next = await letIn()) taken.push(next);
      expect(taken).toHaveLength(strictConnections);
      taken[0]?.connection.destroy();
      // The one that ended is counted until the server has seen its end.
      while ((await letIn()) === undefined);
    });
  },
  "strict",
);
