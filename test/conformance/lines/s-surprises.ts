/** Section S: what surprises in Apache ZooKeeper, most of which is not to be copied. */
import { checkVersionRequestCodec, deleteContainerRequestCodec, OpCode, Permission, Writer } from "@corral/protocol";
import { expect } from "vitest";
import { node, onBoth, toAll } from "../servers/on-both.ts";

const { all, read } = Permission;

onBoth("S. Surprises", (server) => {
  server.test("S.1 deleting a container, which is for servers to ask", async (visit) => {
    const { path } = visit;
    const [a, b] = await visit.callers(2);
    await a.value("create", node(`${path}/x`));
    const w = new Writer();
    deleteContainerRequestCodec.write(w, { path: `${path}/x` });
    expect(await a.raw(OpCode.deleteContainer, w.take())).toBe(visit.differing("S.1"));
    expect(await b.error("exists", { path: `${path}/x`, watch: false })).toBe("Ok");
  });

  server.test("S.1 an operation of the number that stands for an error", async ({ caller }) => {
    const a = await caller();
    expect(await a.raw(OpCode.error)).toBe("Unimplemented");
    await a.untilClosed();
  });

  server.test("S.2 beginning a session in the middle of one", async (visit) => {
    const a = await visit.caller();
    const body = Buffer.alloc(4);
    body.writeInt32BE(4_000);
    const answer = await a.raw(OpCode.createSession, body);
    expect(answer === "Unimplemented" ? answer : "a session").toBe(visit.differing("S.2"));
  });

  server.test("S.3 a wrong password: what becomes of the connection of who has the right one", async (visit) => {
    const [victim, thief] = [await visit.caller(), await visit.connection()];
    const { sessionId } = victim.connection;
    const { timeOut } = await thief.connection.handshake({ sessionId, passwd: Buffer.alloc(16) });
    expect(timeOut).toBe(0);
    await thief.untilClosed();
    expect(await victim.error("ping", {})).toBe(visit.differing("S.3"));
  });

  server.test("S.4 whether the password of a session follows from its id", async (visit) => {
    const [{ connection: one }, { connection: other }] = await visit.callers(2);
    expect(one.passwd).toHaveLength(16);
    expect(Buffer.from(one.passwd).equals(other.passwd)).toBe(false);
    const { sessionId, passwd } = one;
    expect(Buffer.from(passwd).equals(javaRandomBytes(sessionId ^ 0xb3415c00n))).toBe(visit.differing("S.4"));
  });

  server.test("S.5 setWatches of a node that may not be read", async (visit) => {
    const { path } = visit;
    const [a, b] = await visit.callers(2);
    const x = `${path}/x`;
    await b.value("create", { ...node(x), acl: toAll(all & ~read) });
    await b.value("create", node(`${x}/y`));
    const lists = { dataWatches: [x], existWatches: [x], childWatches: [x] };
    const lasting = { persistentWatches: [x], persistentRecursiveWatches: [x] };
    a.takeHeard();
    await a.value("setWatches", { relativeZxid: 0, ...lists });
    await a.value("setWatches2", { relativeZxid: 0, ...lists, ...lasting });
    const heard = a.takeHeard().filter((one) => one !== "setWatches: Ok" && one !== "setWatches2: Ok");
    expect(heard.map((one) => one.replace(path, ""))).toEqual(visit.differing("S.5"));
    // What it has armed is as silent as any other watch of such a node.
    await b.value("setData", { path: x, data: null, version: -1 });
    await b.value("delete", { path: `${x}/y`, version: -1 });
    await b.value("delete", { path: x, version: -1 });
    expect((await a.events()).filter((event) => event.endsWith(` ${x}`))).toEqual([]);
  });

  server.test("S.6 a check by itself", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    const w = new Writer();
    checkVersionRequestCodec.write(w, { path, version: 0 });
    // Where it is never answered, the answer that comes is the ping's.
    const isPing = a.connection.encode("ping", {}, -2);
    const check = a.raw(OpCode.check, w.take());
    a.connection.socket.write(isPing);
    expect(await check).toBe(visit.differing("S.6"));
  });

  server.test(
    "S.7 characters beyond U+FFFF in an identity are taken, and given in the server's own way",
    async (visit) => {
      const a = await visit.caller();
      expect(await a.authenticate("\u{1f600}:x")).toBe("Ok");
      const { clientInfo } = await a.value("whoAmI", {});
      expect(clientInfo).toContainEqual({ authScheme: "digest", user: "\u{1f600}" });
      a.connection.send("whoAmI", {});
      const { body } = await a.connection.reply();
      expect(body.includes("\u{1f600}") ? "UTF-8" : "CESU-8").toBe(visit.differing("S.7"));
    },
  );

  server.test("S.8 versions and numbers begin anew with a node; czxid does not, so it fences", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    const x = `${path}/x`;
    const made: number[] = [];
    for (let round = 0; round < 3; round++) {
      const { stat } = await a.value("create2", node(x));
      made.push(stat.czxid);
      expect(await a.value("create", node(`${x}/n`, 2))).toEqual({ path: `${x}/n0000000000` });
      expect(await a.value("multi", [{ type: OpCode.check, path: x, version: 0 }])).toEqual([{ type: OpCode.check }]);
      await a.value("delete", { path: `${x}/n0000000000`, version: -1 });
      await a.value("delete", { path: x, version: -1 });
    }
    expect(made).toEqual([...new Set(made)].sort((one, other) => one - other));
  });
});

/** The first 16 bytes of Java's `new Random(seed)`. */
function javaRandomBytes(seed: bigint): Buffer {
  const mask = (1n << 48n) - 1n;
  let state = (seed ^ 0x5deece66dn) & mask;
  const bytes = Buffer.alloc(16);
  for (let at = 0; at < 16; at += 4) {
    state = (state * 0x5deece66dn + 0xbn) & mask;
    bytes.writeInt32LE(Number(BigInt.asIntN(32, state >> 16n)), at);
  }
  return bytes;
}
