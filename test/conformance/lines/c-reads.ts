/** Section C: operations that only read. */
import { sha1Base64 } from "@corral/io";
import { CreateMode, Permission } from "@corral/protocol";
import { expect } from "vitest";
import { fourLetterWord } from "../../support/four-letter-word.ts";
import { node, onBoth, toAll } from "../servers/on-both.ts";

const { all, read, admin } = Permission;
const bobsDigest = `bob:${sha1Base64("bob:secret")}`;
const ofBob = (perms: number) => ({ perms, id: { scheme: "digest", id: bobsDigest } });

onBoth("C. Reading", (server) => {
  server.test("C.1 exists of what is missing is an error, and watches all the same", async ({ callers, path }) => {
    const [a, b] = await callers(2);
    expect(await a.error("exists", { path: `${path}/x`, watch: true })).toBe("NoNode");
    await b.value("create", node(`${path}/x`));
    expect(await a.events()).toEqual([`nodeCreated ${path}/x`]);
  });

  server.test("C.1 exists of what may not be read", async (visit) => {
    const a = await visit.caller();
    await a.value("create", { ...node(`${visit.path}/x`), acl: toAll(all & ~read) });
    expect(await a.error("exists", { path: `${visit.path}/x`, watch: false })).toBe(visit.differing("C.1"));
  });

  server.test("C.2 getData and getChildren need READ, getACL needs READ or ADMIN", async ({ caller, path }) => {
    const a = await caller();
    const only = (perms: number) => a.value("setACL", { path, acl: toAll(perms), version: -1 });
    const errors = async () => [
      await a.error("getData", { path, watch: false }),
      await a.error("getChildren", { path, watch: false }),
      await a.error("getChildren2", { path, watch: false }),
      await a.error("getACL", { path }),
    ];
    await only(read | admin);
    expect(await errors()).toEqual(["Ok", "Ok", "Ok", "Ok"]);
    await only(all & ~read);
    expect(await errors()).toEqual(["NoAuth", "NoAuth", "NoAuth", "Ok"]);
    await only(all & ~read & ~admin);
    expect(await errors()).toEqual(["NoAuth", "NoAuth", "NoAuth", "NoAuth"]);
  });

  server.test("C.2 who is no ADMIN does not see the digests of passwords", async ({ callers, path }) => {
    const [stranger, bob] = await callers(2);
    const acl = [...toAll(read), ofBob(all), { perms: read, id: { scheme: "ip", id: "10.0.0.0/8" } }];
    await bob.authenticate("bob:secret");
    await bob.value("create", { ...node(`${path}/x`), acl });
    expect((await bob.value("getACL", { path: `${path}/x` })).acl).toEqual(acl);
    const seen = acl.map((entry) =>
      entry.id.scheme === "digest" ? { ...entry, id: { ...entry.id, id: "bob:x" } } : entry,
    );
    expect((await stranger.value("getACL", { path: `${path}/x` })).acl).toEqual(seen);
  });

  server.test("C.3 getChildren has every name once, in no order", async ({ caller, path }) => {
    const a = await caller();
    const names = Array.from({ length: 50 }, (_, i) => `n${i}`);
    for (const name of names) a.connection.send("create", node(`${path}/${name}`));
    for (const _ of names) await a.answer("create");
    const { children } = await a.value("getChildren", { path, watch: false });
    expect([...children].sort()).toEqual([...names].sort());
    const second = await a.value("getChildren2", { path, watch: false });
    expect([...second.children].sort()).toEqual([...names].sort());
    expect(second.stat.numChildren).toBe(50);
  });

  server.test("C.4 getAllChildrenNumber counts all descendants, and needs READ", async (visit) => {
    const { path } = visit;
    const a = await visit.caller();
    for (const name of ["x", "x/y", "x/y/z"]) await a.value("create", node(`${path}/${name}`));
    expect(await a.value("getAllChildrenNumber", { path })).toEqual({ totalNumber: 3 });
    expect(await a.value("getAllChildrenNumber", { path: `${path}/x/y/z` })).toEqual({ totalNumber: 0 });
    expect(await a.error("getAllChildrenNumber", { path: `${path}/missing` })).toBe("NoNode");
    const nodeCount = Number(/^Node count: (\d+)$/m.exec(await fourLetterWord(visit.port, "srvr"))?.[1]);
    expect(await a.value("getAllChildrenNumber", { path: "/" })).toEqual({ totalNumber: nodeCount - 2 });
    await a.value("setACL", { path, acl: toAll(all & ~read), version: -1 });
    expect(await a.error("getAllChildrenNumber", { path })).toBe("NoAuth");
  });

  server.test("C.4 getAllChildrenNumber of the empty path, which reads take for the root's", async (visit) => {
    const a = await visit.caller();
    const count = async (path: string) => (await a.value("getAllChildrenNumber", { path })).totalNumber;
    // Until nothing of other tests has gone meanwhile.
    for (;;) {
      const [before, empty, after] = [await count("/"), await count(""), await count("/")];
      if (before !== after) continue;
      return expect(empty - after).toBe(visit.differing("C.4"));
    }
  });

  server.test("C.5 getEphemerals: those of the own session, by a prefix that is only text", async (visit) => {
    const { path } = visit;
    const [a, b] = await visit.callers(2);
    await a.value("create", node(`${path}/ab`, CreateMode.ephemeral));
    await a.value("create", node(`${path}/b`, CreateMode.ephemeral));
    await b.value("create", node(`${path}/a-of-b`, CreateMode.ephemeral));
    await a.value("setACL", { path: `${path}/b`, acl: toAll(all & ~read), version: -1 });
    const of = async (prefixPath: string) => [...(await a.value("getEphemerals", { prefixPath })).ephemerals].sort();
    expect(await of(`${path}/a`)).toEqual([`${path}/ab`]);
    for (const everything of ["", "/", path]) expect(await of(everything)).toEqual([`${path}/ab`, `${path}/b`]);
    expect(await of(`${path}/x`)).toEqual([]);
    for (const everything of [" ", "/ ", "\t/\n"]) expect(await of(everything)).toEqual([`${path}/ab`, `${path}/b`]);
    for (const nothing of [` ${path}`, `${path} `, "\u00a0/"]) expect(await of(nothing)).toEqual([]);
  });

  server.test("C.6 whoAmI: the address, and everybody that the connection has proven to be", async (visit) => {
    const a = await visit.caller();
    const address = { authScheme: "ip", user: "127.0.0.1" };
    expect(await a.value("whoAmI", {})).toEqual({ clientInfo: [address] });
    for (const who of ["bob:secret", "eve:apple", "bob:secret"]) expect(await a.authenticate(who)).toBe("Ok");
    const { clientInfo } = await a.value("whoAmI", {});
    expect(clientInfo[0]?.authScheme).toBe(visit.differing("C.6"));
    const all = [address, { authScheme: "digest", user: "bob" }, { authScheme: "digest", user: "eve" }];
    expect([...clientInfo].sort((one, other) => (one.user < other.user ? -1 : 1))).toEqual(all);
  });

  server.test("C.7 sync answers with its path", async ({ caller, path }) => {
    const a = await caller();
    expect(await a.value("sync", { path })).toEqual({ path });
  });
});
