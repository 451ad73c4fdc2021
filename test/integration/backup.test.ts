/** Snapshot and restore over the admin port, on real disks: nothing lost, nothing that goes back. */
import { link, mkdtemp, open, readdir, readFile, rm, stat, statfs, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, connect } from "@corral/client";
import { silentLogger } from "@corral/io";
import { type Server, startServer } from "@corral/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

const token = "a token of some length";
const authorization = `Bearer ${token}`;
let directory: string;
const opened: AsyncDisposable[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "corral-backup-"));
});
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

async function start(name: string): Promise<Server> {
  const server = await startServer({ dataDir: join(directory, name), adminPort: 0, adminToken: token });
  opened.push(server);
  return server;
}

async function clientOf(server: Server): Promise<Client> {
  const client = await connect(server.connectString);
  opened.push(client);
  return client;
}

async function snapshotOf(server: Server): Promise<Buffer> {
  const response = await fetch(`${server.adminUrl}/commands/snapshot`, { headers: { authorization } });
  expect(response.status).toBe(200);
  const bytes = Buffer.from(await response.arrayBuffer());
  expect(response.headers.get("snapshot_size")).toBe(String(bytes.length));
  expect(response.headers.get("last_zxid")).toMatch(/^0x[0-9a-f]+$/);
  return bytes;
}

async function restore(server: Server, bytes: Uint8Array<ArrayBuffer>, query = "") {
  const url = `${server.adminUrl}/commands/restore${query}`;
  const response = await fetch(url, { method: "POST", body: bytes, headers: { authorization } });
  return { status: response.status, answer: (await response.json()) as { last_zxid?: string; error: string | null } };
}

const copyOf = (bytes: Buffer): Uint8Array<ArrayBuffer> => Uint8Array.from(bytes);

test("a server takes another one's snapshot: tree, versions and counters; sessions end, tokens only grow", async () => {
  const source = await start("source");
  const writer = await clientOf(source);
  await writer.create("/queue", "data");
  await writer.set("/queue", "newer");
  for (let i = 0; i < 3; i++) await writer.create("/queue/n-", null, { mode: "persistentSequential" });
  await writer.create("/queue/mine", null, { mode: "ephemeral" });
  // More than fits into one piece of a snapshot.
  await writer.create("/many");
  for (let at = 0; at < 2_000; at += 200) {
    const transaction = writer.transaction();
    for (let i = at; i < at + 200; i++) transaction.create(`/many/${i}`, "x".repeat(200));
    await transaction.commit();
  }
  const { stat } = await writer.get("/queue");
  const backup = await snapshotOf(source);

  const target = await start("target");
  const holder = await clientOf(target);
  await holder.create("/elsewhere");
  const held = await holder.create2("/lock", null, { mode: "ephemeral" });
  const lost = new Promise<void>((resolve) => {
    holder.on("state", ({ state }) => {
      if (state === "lost") resolve();
    });
  });
  const { status, answer } = await restore(target, copyOf(backup));
  expect({ status, error: answer.error }).toEqual({ status: 200, error: null });
  // Whoever held something learns that he does not any more.
  await lost;

  const reader = await clientOf(target);
  expect(await reader.children("/")).toEqual(["many", "queue", "zookeeper"]);
  expect(await reader.children("/many")).toHaveLength(2_000);
  const after = await reader.get("/queue");
  expect(String(after.data)).toBe("newer");
  expect(after.stat).toMatchObject({ czxid: stat.czxid, mzxid: stat.mzxid, version: 1, numChildren: 3 });
  expect(await reader.create("/queue/n-", null, { mode: "persistentSequential" })).toBe("/queue/n-0000000004");
  const next = await reader.create2("/lock", null, { mode: "ephemeral" });
  expect(next.stat.czxid).toBeGreaterThan(held.stat.czxid);
  expect(next.stat.czxid).toBeGreaterThan(BigInt(answer.last_zxid ?? "0"));

  // And so it is after a restart, from the log or from the snapshot that was taken since.
  await opened.pop()?.[Symbol.asyncDispose]();
  await target.close();
  const again = await clientOf(await start("target"));
  expect(await again.children("/queue")).toEqual(["n-0000000000", "n-0000000001", "n-0000000002", "n-0000000004"]);
  expect((await again.create2("/lock", null)).stat.czxid).toBeGreaterThan(next.stat.czxid);
});

test("tokens grow past what the lost server gave out after its backup, and past what the operator knows of", async () => {
  const first = await start("lost");
  const backup = await (async () => {
    await (await clientOf(first)).create("/lock");
    return snapshotOf(first);
  })();
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
  let token = 0n;
  for (let life = 0; life < 5; life++) {
    const server = await start("lost");
    const client = await clientOf(server);
    token = (await client.create2("/lock/held", null)).stat.czxid;
    await client.delete("/lock/held");
    await client.close();
    await server.close();
  }
  const server = await start("new");
  await restore(server, copyOf(backup));
  const client = await clientOf(server);
  const next = (await client.create2("/lock/held", null)).stat.czxid;
  expect(next).toBeGreaterThan(token);
  const known = next + (5_000n << 32n);
  await restore(server, copyOf(backup), `?above=0x${known.toString(16)}`);
  const later = await clientOf(server);
  expect((await later.create2("/lock/held", null)).stat.czxid).toBeGreaterThan(known);
});

test("an epoch is begun above a zxid, once", async () => {
  const server = await start("server");
  const raise = async (query: string) => {
    const url = `${server.adminUrl}/commands/raise_epoch${query}`;
    return (await (await fetch(url, { method: "POST", headers: { authorization } })).json()) as Record<string, unknown>;
  };
  expect(await raise("?above=0x700000009")).toMatchObject({ error: null, epoch: 8 });
  expect(await raise("?above=0x300000009")).toMatchObject({ error: null, epoch: 8 });
  const client = await clientOf(server);
  expect((await client.create2("/a")).stat.czxid >> 32n).toBe(8n);
  expect(await raise("?above=0x20000000000000")).toMatchObject({
    error: expect.stringContaining("is of epoch 2097152, which is beyond the last one here, 2097151"),
  });
  expect(await raise("?above=0x2000000000000000000")).toMatchObject({
    error: expect.stringContaining("is not a zxid"),
  });
  // It can be reached, and no later life would take a write.
  expect(await raise("?above=0x1ffffe00000005")).toMatchObject({
    error: expect.stringContaining("would leave only 0 of 2097151 epochs"),
  });
  expect(await raise("?above=9007199254740991")).toMatchObject({
    error: expect.stringContaining("beyond the last one"),
  });
  expect(await raise("")).toMatchObject({ error: expect.stringContaining("?above=") });
});

test("what is no whole snapshot is refused, and nothing has changed", async () => {
  const server = await start("server");
  const client = await clientOf(server);
  await client.create("/here");
  const backup = await snapshotOf(server);
  // As curl -d sends it.
  const asText = Uint8Array.from(backup.filter((byte) => ![0, 10, 13].includes(byte)));
  expect((await restore(server, asText)).answer.error).toContain("use --data-binary @FILE");
  const damaged = copyOf(backup);
  damaged[backup.length - 30] = (damaged[backup.length - 30] ?? 0) ^ 1;
  for (const bytes of [damaged, copyOf(backup.subarray(0, -1)), copyOf(Buffer.from("garbage"))]) {
    const { status, answer } = await restore(server, bytes);
    expect(status).toBe(409);
    expect(answer.error).toContain("not a whole snapshot");
  }
  expect((await restore(server, new Uint8Array(0))).status).toBe(400);
  expect(await client.exists("/here")).toBeDefined();
});

test("a server that is stopped while a restore comes in answers so, stops in order, and keeps what it had", async () => {
  const source = await start("source");
  const writer = await clientOf(source);
  for (let i = 0; i < 100; i++) await writer.create(`/large-${i}`, Buffer.alloc(100_000));
  const backup = copyOf(await snapshotOf(source));
  let comesIn = () => {};
  const coming = new Promise<void>((resolve) => {
    comesIn = resolve;
  });
  const logger = { ...silentLogger, warn: (_: object, text?: string) => text === "restoring a snapshot" && comesIn() };
  const dataDir = join(directory, "target");
  const target = await startServer({ dataDir, adminPort: 0, adminToken: token, logger });
  opened.push(target);
  const failure = target.failed.catch((error: unknown) => error);
  await (await clientOf(target)).create("/here");
  const answered = restore(target, backup);
  await coming;
  await target.close();
  expect(await answered).toMatchObject({ status: 503, answer: { error: "the server is stopping" } });
  expect(await Promise.race([failure, Promise.resolve("none")])).toBe("none");
  const again = await clientOf(await start("target"));
  expect(await again.exists("/here")).toBeDefined();
  expect(await again.exists("/large-0")).toBeUndefined();
});

test("only for who shows a token that is set, and not of a server in memory", async () => {
  const server = await startServer({ adminPort: 0 });
  opened.push(server);
  for (const [name, method] of [
    ["snapshot", "GET"],
    ["restore", "POST"],
    ["raise_epoch", "POST"],
  ] as const) {
    const response = await fetch(`${server.adminUrl}/commands/${name}?above=1`, { method });
    expect([response.status, await response.text()]).toEqual([403, expect.stringContaining("CORRAL_ADMIN_TOKEN")]);
  }
  const inMemory = await startServer({ adminPort: 0, adminToken: token });
  opened.push(inMemory);
  await (await clientOf(inMemory)).create("/a");
  const response = await fetch(`${inMemory.adminUrl}/commands/snap`, { headers: { authorization } });
  expect([response.status, await response.text()]).toEqual([409, expect.stringContaining("corral dump")]);
  const asked = await fetch(`${inMemory.adminUrl}/commands/restore`, { headers: { authorization } });
  expect([asked.status, await asked.text()]).toEqual([405, expect.stringContaining("POST")]);
});

test("a snapshot's file alone is a data directory to start from", async () => {
  const server = await start("server");
  await (await clientOf(server)).create("/here", "x");
  const backup = await snapshotOf(server);
  const zxid = backup.readBigUInt64BE(16).toString(16);
  const copy = await mkdtemp(join(directory, "copy-"));
  await writeFile(join(copy, `snapshot.${zxid}`), backup);
  const restored = await startServer({ dataDir: copy });
  opened.push(restored);
  expect(String((await (await clientOf(restored)).get("/here")).data)).toBe("x");
});

test("a copy of a snapshot's file that is under way, and a hard link to one, keep its bytes; what nobody reads is cut bit by bit", async () => {
  const server = await start("source");
  const client = await clientOf(server);
  for (let i = 0; i < 12; i++) await client.create(`/${i}`, Buffer.alloc(900_000, i));
  const dataDir = join(directory, "source");
  const snapshots = async () => (await readdir(dataDir)).filter((name) => /^snapshot\.[0-9a-f]+$/.test(name)).sort();
  const take = async (query = "?streaming=false"): Promise<string> => {
    await client.create("/n-", null, { mode: "persistentSequential" });
    const response = await fetch(`${server.adminUrl}/commands/snapshot${query}`, { headers: { authorization } });
    expect(response.status).toBe(200);
    await response.arrayBuffer();
    return join(dataDir, (await snapshots()).at(-1) as string);
  };
  // The last one is sent: that the server reads it is no reason to keep its bytes when it has been.
  const [copied, linked, unread] = [await take(), await take(), await take("")];
  const { size } = await stat(copied);
  const copy = await open(copied, "r");
  const witness = await open(unread, "r");
  const isTold = async (path: string): Promise<boolean> => {
    await writeFile(path, "x");
    await utimes(path, 1, 1);
    await readFile(path);
    const overlay = 0x794c_7630;
    return (
      process.platform === "linux" && (await stat(path)).atimeMs !== 1_000 && (await statfs(path)).type !== overlay
    );
  };
  try {
    const begun = await copy.read(Buffer.alloc(1_000_000), 0, 1_000_000);
    await link(linked, join(directory, "linked"));
    for (let i = 0; i < 3; i++) await take();
    await vi.waitFor(async () => {
      const left = await readdir(dataDir);
      expect(left.filter((name) => name.startsWith("snapshot."))).toEqual(await snapshots());
      expect(left.filter((name) => name.startsWith("snapshot."))).toHaveLength(3);
    }, 20_000);
    const rest = await copy.readFile();
    expect(begun.bytesRead + rest.length).toBe(size);
    expect((await readFile(join(directory, "linked"))).length).toBeGreaterThanOrEqual(size);
    // Where it cannot be known that nobody reads it, nothing is cut.
    const cut = (await witness.stat()).size;
    if (await isTold(join(directory, "probe"))) expect(cut).toBeLessThan(size);
    else expect(cut).toBeGreaterThanOrEqual(size);
  } finally {
    await Promise.all([copy.close(), witness.close()]);
  }
});
