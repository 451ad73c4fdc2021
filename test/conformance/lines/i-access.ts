/** Section I: who may do what. */
import { sha1Base64 } from "@corral/io";
import { type Acl, OpCode, Permission } from "@corral/protocol";
import { expect } from "vitest";
import type { Caller } from "../servers/caller.ts";
import { superCredentials } from "../servers/kinds.ts";
import { node, onBoth, toAll } from "../servers/on-both.ts";

const { all, read, write, create, delete: remove, admin } = Permission;
const digest = (credentials: string) => `${credentials.split(":")[0]}:${sha1Base64(credentials)}`;
const of = (scheme: string, id: string, perms: number = all): Acl => ({ perms, id: { scheme, id } });
const set = (path: string) => ({ path, data: null, version: -1 });

onBoth("I. Access", (server) => {
  server.test("I.1 which permission each operation needs, and on which node", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    const x = `${path}/x`;
    const check = async () => {
      const [result] = await a.value("multi", [{ type: OpCode.check, path: x, version: -1 }]);
      return result?.type === OpCode.error ? "NoAuth" : "Ok";
    };
    const operations: readonly (readonly [number, () => Promise<string>])[] = [
      [create, () => a.error("create", node(`${x}/new`))],
      [create, () => a.error("create2", node(`${x}/new2`))],
      [create, () => a.error("createContainer", node(`${x}/container`, 4))],
      [create, () => a.error("createTTL", { ...node(`${x}/ttl`, 5), ttl: 3_600_000 })],
      [remove, () => a.error("delete", { path: `${x}/old`, version: -1 })],
      [write, () => a.error("setData", set(x))],
      [admin, () => a.error("setACL", { path: x, acl: toAll(all), version: -1 })],
      [read, () => a.error("getData", { path: x, watch: false })],
      [read, () => a.error("getChildren", { path: x, watch: false })],
      [read, () => a.error("getChildren2", { path: x, watch: false })],
      [read, () => a.error("getAllChildrenNumber", { path: x })],
      [read, check],
    ];
    for (const [needed, operation] of operations) {
      for (const [perms, expected] of [
        [all & ~needed, "NoAuth"],
        [needed, "Ok"],
      ] as const) {
        const fresh = await visit.caller();
        await fresh.authenticate("owner:secret");
        await fresh.value("create", { ...node(x), acl: [...toAll(perms), of("digest", digest("owner:secret"))] });
        await fresh.value("create", node(`${x}/old`));
        expect(await operation(), `${needed} with ${perms}: ${operation}`).toBe(expected);
        await deleteAll(fresh, x);
      }
    }
  });

  server.test("I.1 what needs no permission at all", async ({ caller, path }) => {
    const a = await caller();
    await a.value("create", { ...node(`${path}/x`), acl: toAll(admin) });
    const x = `${path}/x`;
    expect([
      await a.error("sync", { path: x }),
      await a.error("addWatch", { path: x, mode: 0 }),
      await a.error("checkWatches", { path: x, type: 3 }),
      await a.error("removeWatches", { path: x, type: 3 }),
      await a.error("setWatches", { relativeZxid: 2 ** 40, dataWatches: [x], existWatches: [], childWatches: [] }),
      await a.error("getEphemerals", { prefixPath: x }),
      await a.error("whoAmI", {}),
    ]).toEqual(Array.from({ length: 7 }, () => "Ok"));
  });

  server.test("I.1 an entry is matched by scheme and id, an address also by its network", async (visit) => {
    const { path } = visit;
    const [a, b] = await visit.callers(2);
    await a.authenticate("bob:secret");
    const may = async (caller: Caller, ...acl: Acl[]) => {
      await a.value("create", { ...node(`${path}/x`), acl: [...acl, ...toAll(admin)] });
      const { err } = await caller.call("getData", { path: `${path}/x`, watch: false });
      await a.value("delete", { path: `${path}/x`, version: -1 });
      return err;
    };
    expect(await may(b, of("ip", "127.0.0.1"))).toBe("Ok");
    expect(await may(b, of("ip", "127.0.0.0/8"))).toBe("Ok");
    expect(await may(b, of("ip", "10.0.0.0/8"))).toBe("NoAuth");
    expect(await may(a, of("digest", digest("bob:secret")))).toBe("Ok");
    expect(await may(b, of("digest", digest("bob:secret")))).toBe("NoAuth");
    expect(await may(a, of("digest", digest("bob:other")))).toBe("NoAuth");
    expect(await may(a, of("digest", digest("bob:other")), of("digest", digest("bob:secret"), read))).toBe("Ok");
  });

  server.test("I.2 lists are not inherited, and what is above does not matter", async ({ caller, path }) => {
    const a = await caller();
    await a.value("create", node(`${path}/locked`));
    await a.value("create", node(`${path}/locked/open`));
    await a.value("setACL", { path: `${path}/locked`, acl: toAll(create | remove | admin), version: -1 });
    await a.value("create", node(`${path}/locked/new`));
    expect(await a.error("getData", { path: `${path}/locked`, watch: false })).toBe("NoAuth");
    expect(await a.error("getData", { path: `${path}/locked/open`, watch: false })).toBe("Ok");
    expect(await a.value("getACL", { path: `${path}/locked/new` })).toMatchObject({ acl: toAll(all) });
  });

  server.test("I.3 duplicates go, auth becomes who one is, and what no scheme knows is refused", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    const making = (acl: readonly Acl[] | null) => a.error("create", { ...node(`${path}/x`), acl });
    expect(await making([of("auth", "")])).toBe("InvalidAcl");
    for (const bad of [
      of("none", "x"),
      of("world", "somebody"),
      of("ip", "nowhere"),
      of("ip", "127.0.0.1/33"),
      of("digest", "nocolon"),
      of("digest", "a:b:c"),
    ]) {
      expect(await making([bad]), bad.id.id).toBe("InvalidAcl");
      expect(await making([...toAll(all), bad]), bad.id.id).toBe("InvalidAcl");
    }
    for (const empty of [null, []]) expect(await making(empty)).toBe("InvalidAcl");
    await a.authenticate("bob:secret");
    await a.authenticate("eve:apple");
    expect(await making([of("auth", "", read), ...toAll(admin), ...toAll(admin)])).toBe("Ok");
    const { acl } = await a.value("getACL", { path: `${path}/x` });
    const own = ["bob:secret", "eve:apple"].map((who) => of("digest", digest(who), read));
    const sorted = (list: readonly Acl[]) => [...list].sort((one, other) => (one.id.id < other.id.id ? -1 : 1));
    expect(sorted(acl)).toEqual(sorted([...own, ...toAll(admin)]));
  });

  server.test("I.3 ids of the scheme digest", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    const setting = (id: string) => a.error("setACL", { path, acl: [of("digest", id), ...toAll(all)], version: -1 });
    for (const id of ["a:b", ":b"]) expect(await setting(id), id).toBe("Ok");
    for (const id of ["", "::", "a", "a::", "a::b", "::b", "a:b:c", "a:b:c:"])
      expect(await setting(id), id).toBe("InvalidAcl");
    for (const id of ["a:b:", "a:b:::"]) expect(await setting(id), id).toBe(visit.differing("I.3 colons"));
    for (const id of ["a:", ":"]) expect(await setting(id), id).toBe(visit.differing("I.3 no digest"));
  });

  server.test("I.3 addresses that are spelled strangely", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    for (const id of ["0177.0.0.1", "127.0.0.1/+8"]) {
      const answer = await a.error("setACL", { path, acl: [of("ip", id), ...toAll(all)], version: -1 });
      expect(answer, id).toBe(visit.differing("I.3 spellings"));
    }
  });

  server.test("I.3 identities of schemes by which nobody can authenticate as the server was started", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    for (const [scheme, id] of [
      ["sasl", "bob"],
      ["x509", "CN=bob"],
    ] as const) {
      const acl = [of(scheme, id), ...toAll(all)];
      expect(await a.error("setACL", { path, acl, version: -1 }), scheme).toBe(visit.differing("I.3 schemes"));
    }
  });

  server.test("I.3 addresses of IPv6", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    for (const id of ["::1", "fe80::/10"]) {
      const acl = [of("ip", id), ...toAll(all)];
      expect(await a.error("setACL", { path, acl, version: -1 }), id).toBe(visit.differing("I.3 IPv6"));
    }
  });

  server.test("I.3 an entry without an id", async (visit) => {
    const a = await visit.caller();
    const frame = a.connection.encode("create", { ...node(`${visit.path}/x`), acl: [of("world", "")] });
    // Behind the id, which is empty, stand the flags.
    const body = frame.subarray(12);
    body.writeInt32BE(-1, body.length - 8);
    expect(await a.raw(OpCode.create, body)).toBe(visit.differing("I.3"));
  });

  server.test("I.4 who asks is who the connection had proven to be when the request came", async (visit) => {
    const { path } = visit;
    const [a, b] = await visit.callers(2);
    a.connection.send("create", node(`${path}/first`));
    a.connection.send("auth", { type: 0, scheme: "digest", auth: Buffer.from("bob:secret") });
    a.connection.send("create", { ...node(`${path}/mine`), acl: [of("auth", "")] });
    expect((await a.answer("create")).err).toBe("Ok");
    expect((await a.answer("auth")).err).toBe("Ok");
    expect((await a.answer("create")).err).toBe("Ok");
    expect(await b.error("setData", set(`${path}/mine`))).toBe("NoAuth");
    // Of the connection, not of the session.
    const next = await visit.connection();
    const { sessionId, passwd } = a.connection;
    await next.connection.handshake({ sessionId, passwd });
    expect(await next.error("setData", set(`${path}/mine`))).toBe("NoAuth");
    await next.authenticate("bob:secret");
    expect(await next.error("setData", set(`${path}/mine`))).toBe("Ok");
  });
});

async function deleteAll(a: Caller, path: string): Promise<void> {
  const { children } = await a.value("getChildren", { path, watch: false });
  for (const child of children) await a.value("delete", { path: `${path}/${child}`, version: -1 });
  await a.value("delete", { path, version: -1 });
}

onBoth(
  "I. Access where everybody must authenticate",
  (server) => {
    server.test("I.5 who has not is answered SessionClosedRequireSaslAuth, and the connection ends", async (visit) => {
      for (const [operation, request] of [
        ["ping", {}],
        ["getData", { path: "/", watch: false }],
        ["create", node(visit.path)],
        ["sync", { path: "/" }],
      ] as const) {
        const a = await visit.caller();
        expect(await a.call(operation, request)).toEqual({ err: "SessionClosedRequireSaslAuth", zxid: 0 });
        await a.untilClosed();
      }
      const b = await visit.caller();
      expect(await b.authenticate("bob:secret")).toBe("Ok");
      expect(await b.error("exists", { path: visit.path, watch: false })).toBe("NoNode");
    });

    server.test("I.1 the super user may do everything", async ({ callers, path }) => {
      const [a, root] = await callers(2);
      await a.authenticate("bob:secret");
      await root.authenticate(superCredentials);
      await a.value("create", { ...node(path), acl: [of("digest", digest("nobody:x"))] });
      expect(await a.error("setData", set(path))).toBe("NoAuth");
      expect(await root.error("setData", set(path))).toBe("Ok");
      expect(await root.value("getACL", { path })).toMatchObject({ acl: [of("digest", digest("nobody:x"))] });
      expect(await root.error("setACL", { path, acl: toAll(all), version: -1 })).toBe("Ok");
    });

    server.test(
      "K.1 reaching for a time to live where there is none: Unimplemented, and the connection stays",
      async (v) => {
        const a = await v.caller();
        await a.authenticate("bob:secret");
        expect(await a.error("createTTL", { ...node(v.path, 5), ttl: 1_000 })).toBe("Unimplemented");
        expect(await a.error("ping", {})).toBe("Ok");
      },
    );

    server.test("B.8 a time to live that is off, and a quota that is used up", async (visit) => {
      const { path } = visit;
      const a = await visit.caller();
      await a.authenticate("bob:secret");
      const zxidNow = async () => (await a.call("ping", {})).zxid;
      await a.value("create", node(path));
      const quota = `/zookeeper/quota${path}`;
      await a.value("create", node(quota));
      await a.value("create", node(`${quota}/zookeeper_limits`, 0, "count=1=;countHardLimit=1"));
      const { zxid } = await a.call("create", node(`${quota}/zookeeper_stats`));
      expect(await a.error("create", node(`${path}/x`))).toBe("QuotaExceeded");
      expect(await zxidNow()).toBe(zxid + 1);
      expect(await a.error("createTTL", { ...node(`${path}/x`, 5), ttl: 1_000 })).toBe("Unimplemented");
      expect((await zxidNow()) - zxid - 1).toBe(visit.differing("B.8"));
    });

    server.test("J.4 time to live is off unless it is switched on; containers are not", async ({ caller, path }) => {
      const a = await caller();
      await a.authenticate("bob:secret");
      expect(await a.error("createTTL", { ...node(path, 5), ttl: 1_000 })).toBe("Unimplemented");
      expect(await a.error("createContainer", node(path, 4))).toBe("Ok");
    });
  },
  "strict",
);
