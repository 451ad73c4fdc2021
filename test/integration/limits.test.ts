/** Limits as somebody meets them who reaches them: what becomes of him, what the log says, and what the metrics say. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { nodeMachine } from "@corral/io";
import { ErrorCode, openAcl } from "@corral/protocol";
import { type Server, type ServerOptions, startServer } from "@corral/server";
import { afterEach, expect, test } from "vitest";
import { server as serverCertificate } from "../support/certificates.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { RecordingLogger } from "../support/recording-logger.ts";

let logger: RecordingLogger;
let server: Server;

async function start(limits: NonNullable<ServerOptions["limits"]>, more: ServerOptions = {}): Promise<void> {
  logger = new RecordingLogger();
  server = await startServer({ logger, adminPort: 0, maxSessionTimeoutMs: 600_000, limits, ...more });
}
afterEach(() => server.close());

const join = () => RawConnection.withSession(server.clientPort, 600_000);

/** The limit as configured, and how much of it is used, as `/metrics` says. */
async function shown(limit: string): Promise<readonly (number | undefined)[]> {
  const text = await (await fetch(`${server.adminUrl}/metrics`)).text();
  return ["corral_limit", "corral_limit_used"].map((name) => {
    const found = new RegExp(`^${name}\\{limit="${limit}"\\} (\\S+)$`, "m").exec(text)?.[1];
    return found === undefined ? undefined : Number(found);
  });
}

async function create(c: RawConnection, path: string, data = ""): Promise<number> {
  return (await c.call("create", { path, data: Buffer.from(data), acl: openAcl, flags: 0 })).header.err;
}

/** Connections that were ended, by what they are counted as. */
async function ended(): Promise<Record<string, number>> {
  const text = await (await fetch(`${server.adminUrl}/metrics`)).text();
  const found = text.matchAll(/^corral_connections_(refused|cut_off|closed)_total (\d+)$/gm);
  return Object.fromEntries([...found].map(([, name, count]) => [name, Number(count)]));
}

test("whoever is turned away for a limit is counted, and the log names the limit", async () => {
  await start({ maxSessions: 1, maxWatchesPerConnection: 2, maxFrameBytes: 2_000 });
  const one = await join();
  const refused = await RawConnection.open(server.clientPort);
  await expect(refused.handshake()).rejects.toThrow("closed the connection");
  expect(await ended()).toEqual({ refused: 0, cut_off: 0, closed: 1 });
  for (const path of ["/a", "/b", "/c"]) one.send("exists", { path, watch: true });
  await one.closed;
  await logger.line("it set more than 2 watches (limit maxWatchesPerConnection)");
  expect(await ended()).toEqual({ refused: 0, cut_off: 0, closed: 2 });
  const large = await RawConnection.open(server.clientPort);
  large.socket.write(Buffer.from([0, 0, 0x10, 0]));
  await large.closed;
  await logger.line("(limit maxFrameBytes)");
  expect(await ended()).toEqual({ refused: 0, cut_off: 1, closed: 2 });
});

test("maxSessions: the next is refused, until one has ended", async () => {
  await start({ maxSessions: 2 });
  const [one] = [await join(), await join()];
  const refused = await RawConnection.open(server.clientPort);
  await expect(refused.handshake()).rejects.toThrow("closed the connection");
  await logger.line("2 sessions exist (limit maxSessions)");
  expect(await shown("maxSessions")).toEqual([2, 2]);
  await one.call("closeSession", {});
  await join();
});

test("no more connections are taken than leave the log its files, and that is what the metrics say", async () => {
  const machine = { ...nodeMachine, files: async () => ({ open: 20, limit: 40 }) };
  await start({}, { machine });
  await logger.line("only 10 are taken: raise the limit of open files");
  const taken = await Promise.all(Array.from({ length: 10 }, join));
  const refused = await RawConnection.open(server.clientPort);
  await expect(refused.handshake()).rejects.toThrow("closed the connection");
  await logger.line("10 connections are open (limit maxConnections)");
  expect(await shown("maxConnections")).toEqual([10, 10]);
  for (const one of taken) one.socket.destroy();
});

test("what else is lowered for want of files is told, where it is used", async () => {
  const machine = { ...nodeMachine, files: async () => ({ open: 20, limit: 40 }) };
  await start({}, { machine });
  await logger.line("connections to the admin port are allowed than files can be opened, so only 5 are taken");
  expect(logger.lines.filter(({ message }) => message.includes("TLS handshakes"))).toEqual([]);
  await server.close();
  const directory = await mkdtemp(path.join(tmpdir(), "corral-limits-"));
  try {
    const tlsCertFile = path.join(directory, "server.pem");
    await writeFile(tlsCertFile, `${serverCertificate.cert}\n${serverCertificate.key}\n`);
    await start({}, { machine, tlsCertFile, tlsOnClientPort: true });
    await logger.line("TLS handshakes at once are allowed than files can be opened, so only 3 are taken");
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("maxConnectionsPerAddress: the next from there is refused, and the others go on", async () => {
  await start({ maxConnectionsPerAddress: 2 });
  const [one] = [await join(), await join()];
  const refused = await RawConnection.open(server.clientPort);
  await refused.closed;
  await logger.line("2 connections from 127.0.0.1 are open (limit maxConnectionsPerAddress)");
  expect(await shown("maxConnectionsPerAddress")).toEqual([2, 2]);
  expect((await one.call("exists", { path: "/", watch: false })).header.err).toBe(0);
});

test("connectionBurst: who comes too soon is refused", async () => {
  await start({ connectionBurst: 1, connectionRefillMs: 86_400_000 });
  await join();
  const refused = await RawConnection.open(server.clientPort);
  await expect(refused.handshake()).rejects.toThrow("closed the connection");
  expect((await logger.line("limit connectionBurst")).message).toBe("connection refused");
  expect(await ended()).toEqual({ refused: 1, cut_off: 0, closed: 0 });
  expect(await shown("connectionBurst")).toEqual([1, 1]);
});

test("maxWatches, and those of one connection: who sets one more is disconnected", async () => {
  await start({ maxWatches: 3, maxWatchesPerConnection: 2 });
  const [greedy, modest, late] = [await join(), await join(), await join()];
  const watch = (c: RawConnection, path: string) => c.call("exists", { path, watch: true });
  for (const path of ["/a", "/b"]) await watch(greedy, path);
  await watch(modest, "/a");
  expect(await shown("maxWatches")).toEqual([3, 3]);
  expect(await shown("maxWatchesPerConnection")).toEqual([2, 2]);
  await watch(late, "/a").catch(() => undefined);
  await late.closed;
  await logger.line("limit maxWatches");
  await watch(greedy, "/c").catch(() => undefined);
  await greedy.closed;
  await logger.line("it set more than 2 watches");
  expect((await watch(modest, "/b")).header.err).toBe(ErrorCode.NoNode);
});

test("maxIdentitiesPerConnection: who claims one more is disconnected", async () => {
  await start({ maxIdentitiesPerConnection: 2 });
  const c = await join();
  const claim = (name: string) => c.encode("auth", { type: 0, scheme: "digest", auth: Buffer.from(`${name}:pw`) }, -4);
  c.socket.write(claim("one"));
  expect((await c.reply()).header.err).toBe(0);
  expect(await shown("maxIdentitiesPerConnection")).toEqual([2, 2]);
  c.socket.write(claim("two"));
  await c.closed;
  await logger.line("it claims more than 2 identities");
});

test("maxResponseBytes: a list of children that is too long is refused, and the connection goes on", async () => {
  await start({ maxResponseBytes: 10_000 });
  const c = await join();
  expect(await create(c, "/many")).toBe(0);
  for (let i = 0; i < 40; i++) expect(await create(c, `/many/${"n".repeat(240)}${i}`)).toBe(0);
  for (const operation of ["getChildren", "getChildren2"] as const) {
    expect((await c.call(operation, { path: "/many", watch: false })).header.err).toBe(0);
  }
  for (let i = 40; i < 50; i++) expect(await create(c, `/many/${"n".repeat(240)}${i}`)).toBe(0);
  for (const operation of ["getChildren", "getChildren2"] as const) {
    expect((await c.call(operation, { path: "/many", watch: false })).header.err).toBe(ErrorCode.SystemError);
  }
  const { level, fields } = await logger.line("a read of /many would be too long (limit maxResponseBytes)");
  expect([level, fields.maxResponseBytes]).toEqual(["warn", 10_000]);
  expect(await shown("maxResponseBytes")).toEqual([10_000, undefined]);
  expect((await c.call("exists", { path: "/many", watch: false })).header.err).toBe(0);
});

test.each([
  ["count", "count=-1,bytes=-1,countHardLimit=2,byteHardLimit=-1"],
  ["bytes", "count=-1,bytes=-1,countHardLimit=-1,byteHardLimit=5"],
])("a hard quota of %s refuses what is too much; a soft one only says so", async (of, hard) => {
  await start({}, { enforcesQuota: true });
  const c = await join();
  const soft = hard.replace(/^(.*),countHardLimit=(.*),byteHardLimit=(.*)$/, "count=$2,bytes=$3");
  for (const [name, limits] of [
    ["hard", hard],
    ["soft", soft],
  ] as const) {
    expect(await create(c, `/${name}`)).toBe(0);
    expect(await create(c, `/zookeeper/quota/${name}`)).toBe(0);
    expect(await create(c, `/zookeeper/quota/${name}/zookeeper_limits`, limits)).toBe(0);
    expect(await create(c, `/zookeeper/quota/${name}/zookeeper_stats`, "count=1,bytes=0")).toBe(0);
    expect(await create(c, `/${name}/a`, "12345")).toBe(0);
  }
  expect(await create(c, "/hard/b", "1")).toBe(ErrorCode.QuotaExceeded);
  expect(await create(c, "/soft/b", "1")).toBe(0);
  const { fields } = await logger.line("goes beyond a quota");
  expect(fields.of).toBe(of);
  expect(logger.lines.flatMap((line) => (line.fields.of === of ? [line.fields.isHard] : []))).toContain(false);
  // What makes room is taken.
  expect((await c.call("delete", { path: "/hard/a", version: -1 })).header.err).toBe(0);
  expect(await create(c, "/hard/b", "1")).toBe(0);
});
