/** Trees from Apache ZooKeeper to our server and back: everything that a client can copy, and tokens that only grow. */
import { createHash } from "node:crypto";
import { checkDump, copyTree, dumpTree, loadTree, openDump, raiseEpoch } from "@corral/cli";
import { type Client, connect, readOnlyAcl } from "@corral/client";
import { type Clock, nodeClock } from "@corral/io";
import { type Server, startServer } from "@corral/server";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type ApacheZooKeeper, startApacheZooKeeper } from "../support/apache-zookeeper.ts";
import { hasZooKeeper } from "../support/peers.ts";

/** Nodes of the tree that is copied; more of them in a measurement. */
const nodeCount = Number(process.env.CORRAL_COPIED ?? 1_000);

const superPassword = "super:secret";
const superDigest = `super:${createHash("sha1").update(superPassword).digest("base64")}`;
const bobs = [
  { perms: 31, id: { scheme: "digest", id: `bob:${createHash("sha1").update("bob:pw").digest("base64")}` } },
];
const adminToken = "a token of some length";

describe.runIf(hasZooKeeper())("between Apache ZooKeeper and Corral", () => {
  let apache: ApacheZooKeeper;
  let source: Client;
  const opened: AsyncDisposable[] = [];

  beforeAll(async () => {
    apache = await startApacheZooKeeper({
      tickMs: 2_000,
      properties: { "zookeeper.DigestAuthenticationProvider.superDigest": superDigest },
    });
    source = await connect(apache.connectString);
    await source.addAuth("digest", superPassword);
    await source.createParents("/app/many/x");
    const paths = Array.from({ length: nodeCount }, (_, i) => `/app/many/node-${i}`);
    for (let at = 0; at < paths.length; at += 200) {
      const transaction = source.transaction();
      for (const path of paths.slice(at, at + 200)) transaction.create(path, `data of ${path}`);
      await transaction.commit();
    }
    await source.create("/app/queue");
    for (let i = 0; i < 5; i++) await source.create("/app/queue/n-", `${i}`, { mode: "persistentSequential" });
    await source.delete("/app/queue/n-0000000001");
    await source.delete("/app/queue/n-0000000004");
    await source.create("/app/bytes", Uint8Array.of(0, 255, 254, 10, 13));
    await source.create("/app/empty", "");
    await source.create("/app/none", null);
    await source.create("/app/grüße ☃", 'ünïcode\n"quoted"');
    await source.create("/app/large", "x".repeat(900_000));
    await source.create("/app/bobs", "secret", { acl: bobs });
    await source.create("/app/bobs/child", "also", { acl: [...bobs, ...readOnlyAcl] });
    await source.create("/app/holder", null, { mode: "ephemeral" });
    await source.create("/app/containers");
    await source.create("/app/containers/c1", null, { mode: "container" });
    await source.create("/app/containers/c1/child");
    await source.create("/app/sessions");
    await source.create("/app/sessions/s1", null, { mode: "persistentWithTtl", ttlMs: 3_600_000 });
  });
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
  });
  afterAll(async () => {
    await source?.close();
    await apache?.close();
  });

  async function corral(): Promise<Server> {
    const server = await startServer({ superDigest, adminPort: 0, adminToken });
    opened.push(server);
    return server;
  }

  async function asSuper(connectString: string): Promise<Client> {
    const client = await connect(connectString);
    opened.push(client);
    await client.addAuth("digest", superPassword);
    return client;
  }

  /** Path, data, access list and children of everything that is not ephemeral. */
  async function picture(client: Client, path = "/"): Promise<unknown[]> {
    const [{ data, stat }, { acl }, names] = await Promise.all([
      client.get(path),
      client.getAcl(path),
      client.children(path),
    ]);
    if (stat.ephemeralOwner !== 0n) return [];
    const own = names.filter((name) => name !== "zookeeper");
    const children = own.filter((name) => !name.startsWith("node-"));
    const below = await Promise.all(
      children.map((name) => picture(client, path === "/" ? `/${name}` : `${path}/${name}`)),
    );
    return [{ path, data: data?.toString("base64") ?? null, acl, many: own.length - children.length }, ...below.flat()];
  }

  test("data, access lists and counters arrive, and come back to Apache as they were", async () => {
    const from = await asSuper(`${apache.connectString}/app`);
    const server = await corral();
    const ours = await asSuper(`${server.connectString}/taken/over`);
    const report = await copyTree(from, ours);
    // /app itself, and what is below it but for the ephemeral node.
    expect(report).toMatchObject({ nodes: nodeCount + 18, ephemerals: 1, skipped: 0, different: [] });
    expect(report.verified).toBe(report.nodes);
    expect(await picture(ours)).toEqual(await picture(from));
    expect(await ours.create("/queue/n-", null, { mode: "persistentSequential" })).toBe("/queue/n-0000000005");
    // What was there at the source before, a holder of a token cannot outdo now.
    const token = (await source.create2("/app/token", null, { mode: "ephemeral" })).stat.czxid;
    expect((await ours.create2("/token", null, { mode: "ephemeral" })).stat.czxid).toBeGreaterThan(token);
    await source.delete("/app/token");

    const back = await asSuper(`${apache.connectString}/back`);
    await expect(copyTree(ours, back)).rejects.toMatchObject({ code: "smaller-tokens" });
    await ours.delete("/queue/n-0000000005");
    const returned = await copyTree(ours, back, { smallerTokens: "allow" });
    expect([returned.nodes, returned.digest]).toEqual([report.nodes, report.digest]);
    expect(await picture(back)).toEqual(await picture(from));
    expect(await back.create("/queue/n-", null, { mode: "persistentSequential" })).toBe("/queue/n-0000000006");
    await source.delete("/back", { children: true });
  });

  test("what kind a node is, servers do not show: containers and TTL nodes are those that are named", async () => {
    const from = await asSuper(`${apache.connectString}/app`);
    let laterMs = 0;
    const clock: Clock = {
      wallMs: () => nodeClock.wallMs() + laterMs,
      elapsedMs: () => nodeClock.elapsedMs(),
      setTimer: (ms, then) => nodeClock.setTimer(ms, then),
    };
    const server = await startServer({
      superDigest,
      tickMs: 500,
      maxSessionTimeoutMs: 60_000,
      reaperIntervalMs: 100,
      clock,
    });
    opened.push(server);
    const ours = await asSuper(server.connectString);
    const ttlMs = new Map([["/sessions/*", 3_600_000]]);
    await copyTree(from, ours, { containers: ["/containers/*"], ttlMs, exclude: ["/many", "/large"] });
    expect(await ours.exists("/many")).toBeUndefined();
    await ours.delete("/containers/c1/child");
    await expect.poll(() => ours.exists("/containers/c1"), { timeout: 30_000 }).toBeUndefined();
    expect(await ours.exists("/sessions/s1")).toBeDefined();
    laterMs = 3_700_000;
    await expect.poll(() => ours.exists("/sessions/s1"), { timeout: 30_000 }).toBeUndefined();
  });

  test("a dump is the same tree, whichever way it goes, and a damaged one is refused", async () => {
    const from = await asSuper(`${apache.connectString}/app`);
    const lines: string[] = [];
    const dump = dumpTree(from);
    let end = await dump.next();
    for (; end.done !== true; end = await dump.next()) lines.push(end.value);
    const text = lines.join("");
    expect(end.value).toMatchObject({ nodes: nodeCount + 18, ephemerals: 1 });
    const bytes = (from: string | Buffer) => chunksOf(Buffer.from(from), 10_007);

    const ours = await asSuper((await corral()).connectString);
    const report = await loadTree(await openDump(bytes(text)), ours);
    expect(report).toMatchObject({ nodes: end.value.nodes, digest: end.value.digest, verified: end.value.nodes });
    expect(await picture(ours)).toEqual(await picture(from));
    // Once more changes nothing.
    const again = await loadTree(await openDump(bytes(text)), ours, { conflict: "overwrite" });
    expect(again).toMatchObject({ created: 0, overwritten: 0, unchanged: report.nodes });

    await expect(checkDump(bytes(text))).resolves.toMatchObject({ nodeCount: report.nodes, root: "/app" });
    const damaged = [
      [text.replace('data of /app/many/node-7"', 'DATA of /app/many/node-7"'), "checksum"],
      [text.slice(0, -20), "breaks off"],
      [text.split("\n").slice(0, -2).join("\n").concat("\n"), "breaks off"],
      [`${text}{}\n`, "follows"],
      ["hello\n", "not JSON"],
      ["", "no dump"],
    ] as const;
    for (const [wrong, why] of damaged) await expect(checkDump(bytes(wrong))).rejects.toThrow(why);
  });

  test("a target that has something is refused, kept or overwritten, as one says", async () => {
    const from = await asSuper(`${apache.connectString}/app`);
    const ours = await asSuper((await corral()).connectString);
    await ours.create("/empty", "not empty");
    await ours.create("/mine");
    const exclude = ["/many", "/large"];
    await expect(copyTree(from, ours, { exclude })).rejects.toMatchObject({ code: "not-empty" });
    expect(await ours.children("/")).toEqual(["empty", "mine", "zookeeper"]);
    expect(await copyTree(from, ours, { exclude, conflict: "skip", dryRun: true })).toMatchObject({ created: 0 });
    expect(await ours.children("/")).toEqual(["empty", "mine", "zookeeper"]);
    // The root and one node differ.
    expect(await copyTree(from, ours, { exclude, conflict: "skip" })).toMatchObject({ skipped: 2 });
    expect(String((await ours.get("/empty")).data)).toBe("not empty");
    expect(await copyTree(from, ours, { exclude, conflict: "overwrite" })).toMatchObject({
      overwritten: 2,
      created: 0,
    });
    expect(String((await ours.get("/empty")).data)).toBe("");
    expect(await ours.exists("/mine")).toBeDefined();
  });

  test("who may not read an access list is told so", async () => {
    const anybody = await connect(`${apache.connectString}/app`);
    opened.push(anybody);
    const ours = await asSuper((await corral()).connectString);
    const exclude = ["/many", "/large"];
    await expect(copyTree(anybody, ours, { exclude })).rejects.toMatchObject({ code: "unreadable" });
    const report = await copyTree(anybody, ours, { exclude, unreadable: "skip", conflict: "overwrite" });
    expect(report).toMatchObject({ unreadable: 1, different: [] });
    expect(await ours.exists("/bobs")).toBeUndefined();
    const stranger = await connect(`${ours.connectString}/strangers`);
    opened.push(stranger);
    await expect(copyTree(await asSuper(`${apache.connectString}/app`), stranger, { exclude })).rejects.toMatchObject({
      code: "unreadable",
      message: expect.stringMatching(/^\/bobs was written, but could not be read back .* superuser/),
    });
  });

  test("a target whose tokens would be smaller begins a later epoch, or refuses", async () => {
    const former = await corral();
    const admin = { url: former.adminUrl ?? "", token: adminToken };
    await raiseEpoch(admin, 41n << 32n);
    const from = await asSuper(former.connectString);
    const token = (await from.create2("/lock")).stat.czxid;
    expect(token >> 32n).toBe(42n);
    const server = await corral();
    const to = await asSuper(server.connectString);
    await expect(copyTree(from, to)).rejects.toMatchObject({ code: "smaller-tokens" });
    expect(await to.children("/")).toEqual(["zookeeper"]);
    const url = server.adminUrl ?? "";
    await copyTree(from, to, { raise: (zxid) => raiseEpoch({ url, token: adminToken }, zxid) });
    expect((await to.create2("/lock/holder", null, { mode: "ephemeral" })).stat.czxid).toBeGreaterThan(token);
    await expect(raiseEpoch({ url, token: "another token, a wrong one" }, 1n)).rejects.toThrow("show the admin token");
    await expect(raiseEpoch({ url: "http://127.0.0.1:1", token: undefined }, 1n)).rejects.toThrow("is the URL right");
  });
});

async function* chunksOf(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
