/** The audit log of a server: in a file of its own that can be rotated, or in its log; and what happens where it cannot be had. */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Client, connect } from "@corral/client";
import { OpCode } from "@corral/protocol";
import { startServer } from "@corral/server";
import { diskError, MemoryDisk } from "@corral/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RawConnection } from "../support/raw-connection.ts";
import { RecordingLogger } from "../support/recording-logger.ts";
import { ServerProcess } from "../support/server-process.ts";

let directory: string;
let auditFile: string;
const ending: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "corral-audit-"));
  auditFile = join(directory, "audit.log");
});
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
  await rm(directory, { recursive: true, force: true });
});

async function open(connectString: string): Promise<Client> {
  const client = await connect(connectString);
  ending.push(() => client.close());
  return client;
}

const inMemory = ["--memory", "--client-port", "0", "--audit", "true"];

/** Lines as objects. */
function parsed(text: string): Readonly<Record<string, string>>[] {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) =>
    Object.fromEntries(
      line.split("\t").map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
    ),
  );
}

/** Resolves with the file's text once it holds `piece`. There is nothing to wait on but the file itself. */
async function fileWith(path: string, piece: string): Promise<string> {
  for (;;) {
    const text = await readFile(path, "utf8").catch(() => "");
    if (text.includes(piece)) return text;
    await delay(20);
  }
}

test("start, writes with who and from where, and stop stand in the file; secrets and data do not", async () => {
  const server = await startServer({ auditEnabled: true, auditFile });
  ending.push(() => server.close());
  const client = await open(server.connectString);
  await client.addAuth("digest", "bob:password");
  const acl = [{ perms: 31, id: { scheme: "auth", id: "" } }];
  await client.create("/a", Buffer.from("the data"), { acl });
  await client.set("/a", Buffer.from("other data"));
  await client.close();
  const raw = await RawConnection.withSession(server.clientPort);
  await raw.call("delete", { path: "/b\n/c", version: -1 });
  await raw.call("closeSession", {});
  await server.close();
  const text = await readFile(auditFile, "utf8");
  const lines = parsed(text);
  expect(lines.map(({ operation, znode, result }) => [operation, znode, result])).toEqual([
    ["serverStart", undefined, "success"],
    ["create", "/a", "success"],
    ["setData", "/a", "success"],
    ["delete", "/b\\u000a/c", "failure"],
    ["serverStop", undefined, "invoked"],
  ]);
  expect(lines[1]).toMatchObject({
    user: "127.0.0.1,bob",
    ip: "127.0.0.1",
    znode_type: "persistent",
    acl: "auth::cdrwa",
    scheme: "ip,digest",
  });
  expect(lines[3]?.error).toBe("NoNode");
  expect(text).not.toMatch(/password|data\b|eW8r/);
});

test("without a file it goes into the server's log", async () => {
  const logger = new RecordingLogger();
  const server = await startServer({ auditEnabled: true, logger });
  ending.push(() => server.close());
  await (await open(server.connectString)).create("/a");
  const audited = logger.lines.filter(({ message }) => message === "audit").map(({ fields }) => fields.audit);
  expect(audited).toMatchObject([
    { operation: "serverStart" },
    { operation: "create", znode: "/a", user: ["127.0.0.1"] },
  ]);
});

test("no line of a write is lost on a disk that takes them, however many a transaction has", async () => {
  const server = await startServer({ auditEnabled: true, auditFile, limits: { maxAuditBytes: 4_096 } });
  ending.push(() => server.close());
  const raw = await RawConnection.withSession(server.clientPort);
  const change = { type: OpCode.setData, path: "/", data: null, version: -1 } as const;
  const look = { type: OpCode.check, path: "/", version: 7 } as const;
  const changes = Array.from({ length: 2_000 }, () => change);
  for (let i = 0; i < 4; i++) raw.send("multi", changes);
  raw.send("multi", [...changes, look]);
  for (let i = 0; i < 900; i++) raw.send("setData", { path: "/", data: null, version: -1 });
  for (let i = 0; i < 905; i++) await raw.reply();
  raw.socket.destroy();
  await server.close();
  const lines = parsed(await readFile(auditFile, "utf8"));
  expect(lines.filter(({ operation }) => operation === "auditLinesLost")).toEqual([]);
  const written = lines.filter(({ operation, result }) => operation === "setData" && result === "success");
  expect(written.filter(({ multi }) => multi === undefined)).toHaveLength(900);
  const parts = written.filter(({ multi }) => multi !== undefined);
  expect(new Set(parts.map(({ zxid, multi }) => `${zxid} ${multi}`)).size).toBe(8_000);
  expect(lines.filter(({ result }) => result === "failure").map(({ operation, multi }) => [operation, multi])).toEqual([
    ["check", "2001/2001"],
  ]);
});

test("a full disk of the audit log stops nobody, and is told of", async () => {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/audit");
  const logger = new RecordingLogger();
  const limits = { maxAuditBytes: 1_000 };
  const settings = { auditEnabled: true, auditFile: "/audit/log", adminPort: 0, limits } as const;
  const server = await startServer({ ...settings, disk, logger });
  ending.push(() => server.close());
  const client = await open(server.connectString);
  disk.onOperation = ({ kind, path }) => {
    if (kind === "write" && path === "/audit/log") throw diskError("ENOSPC", "write", path);
  };
  for (let i = 0; i < 20; i++) await client.create(`/a${i}`);
  await logger.line("the audit log cannot be written");
  await logger.line("lines of the audit log are lost");
  const health = await (await fetch(`${server.adminUrl}/health`)).json();
  expect(health).toMatchObject({
    ready: true,
    warnings: expect.arrayContaining([expect.stringContaining("the audit log cannot be written")]),
  });
  const metrics = await (await fetch(`${server.adminUrl}/metrics`)).text();
  expect(metrics).toContain("corral_audit_records_total 21\n");
  expect(metrics).toContain("corral_audit_failing 1\n");
  expect(metrics).toMatch(/corral_audit_lost_total 1\d\n/);
  disk.onOperation = undefined;
  await logger.line("the audit log is written again");
});

test("a file that cannot be had keeps the server from starting, with the setting's name", async () => {
  await expect(startServer({ auditEnabled: true, auditFile: join(directory, "no", "such") })).rejects.toMatchObject({
    name: "ConfigError",
    message: expect.stringMatching(/^Wrong settings: auditFile: .* cannot be opened \(ENOENT\)$/),
  });
});

test.skipIf(process.platform === "win32")("what is no file is refused, and what to do instead is said", async () => {
  execFileSync("mkfifo", [auditFile]);
  expect(await ServerProcess.fails([...inMemory, "--audit-file", auditFile])).toEqual({
    code: 2,
    stderr: expect.stringMatching(
      /^corral-server: --audit-file: .* is no regular file; without one .* standard error\n$/m,
    ),
  });
});

test("lines that are lost at the end make the exit code 1", async () => {
  const server = await ServerProcess.start([...inMemory, "--audit-file", auditFile]);
  ending.push(() => server.kill());
  await fileWith(auditFile, "operation=serverStart\t");
  await rename(auditFile, `${auditFile}.1`);
  await mkdir(auditFile);
  server.process.kill("SIGHUP");
  await expect.poll(() => server.stderr).toContain("the audit log cannot be written");
  expect(await server.stop()).toEqual({ code: 1, signal: null });
  expect(server.stderr).toMatch(/"lines":1,"msg":"the end of the audit log could not be written"/);
  expect(server.stdout.at(-1)).toBe("Corral server stopped");
});

test.skipIf(process.platform === "win32")("a disk that hangs for ever does not keep the process", async () => {
  const pipe = join(directory, "pipe");
  execFileSync("mkfifo", [pipe]);
  const preload = new URL("processes/hung-file.mjs", import.meta.url);
  const server = await ServerProcess.start([...inMemory, "--audit-file", auditFile], {
    NODE_OPTIONS: `--import=${preload}`,
    HUNG_FILE: auditFile,
    HUNG_PIPE: pipe,
  });
  ending.push(() => server.kill());
  expect(await server.stop()).toEqual({ code: null, signal: "SIGKILL" });
  expect(server.stderr).toMatch(/"lines":2,"msg":"the end of the audit log could not be written"/);
  expect(server.stdout.at(-1)).toBe("Corral server stopped");
});

test("in the server's log a reader who takes all misses nothing, however small the bound; one of 0 is refused, and told", async () => {
  const stderr = expect.stringMatching(/^corral-server: .*maxAuditBytes: .*\n$/m);
  expect(await ServerProcess.fails([...inMemory, "--limit", "maxAuditBytes=0"])).toEqual({ code: 2, stderr });
  const server = await ServerProcess.start([...inMemory, "--limit", "maxAuditBytes=1"]);
  ending.push(() => server.kill());
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  const told = [...server.stderr.matchAll(/"(?:lost|operation)":[^,]*/g)].map(String);
  expect(told).toEqual(['"operation":"serverStart"', '"operation":"serverStop"']);
});

test("a zoo.cfg asks for it by Apache's key; SIGHUP goes on in a new file after the old one was renamed", async () => {
  const config = join(directory, "zoo.cfg");
  await writeFile(
    config,
    `dataDir=${join(directory, "data")}\nclientPort=0\nclientPortAddress=127.0.0.1\naudit.enable=true\n`,
  );
  const server = await ServerProcess.start(["--config", config, "--audit-file", auditFile]);
  ending.push(() => server.kill());
  const client = await open(`127.0.0.1:${server.port}`);
  await client.create("/before");
  await fileWith(auditFile, "znode=/before\t");
  await rename(auditFile, `${auditFile}.1`);
  server.process.kill("SIGHUP");
  await fileExists(auditFile);
  await client.create("/after");
  await client.close();
  expect((await server.stop()).code).toBe(0);
  const [old, now] = [await readFile(`${auditFile}.1`, "utf8"), await readFile(auditFile, "utf8")];
  expect(parsed(old).map(({ operation }) => operation)).toEqual(["serverStart", "create"]);
  expect(parsed(now).map(({ operation, znode }) => [operation, znode])).toEqual([
    ["create", "/after"],
    ["serverStop", undefined],
  ]);
});

test.each([true, false])(
  "a file for an audit log that is not switched on is warned of (by a flag: %s)",
  async (isFlag) => {
    const config = join(directory, "corral.json");
    await writeFile(config, JSON.stringify({ auditFile }));
    const args = isFlag ? ["--audit-file", auditFile] : ["--config", config];
    const server = await ServerProcess.start(["--memory", "--client-port", "0", ...args]);
    ending.push(() => server.kill());
    await server.stop();
    const warning = {
      level: 40,
      auditFile,
      msg: "there is a file for an audit log, but no audit log: set auditEnabled",
    };
    const lines = server.stderr.split("\n").filter((line) => line !== "");
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(expect.objectContaining(warning));
  },
);

test("an audit log that nobody would see is refused", async () => {
  const { code, stderr } = await ServerProcess.fails(["--memory", "--audit", "true", "--log-level", "warn"]);
  expect([code, stderr]).toEqual([
    2,
    "corral-server: --audit wants an audit log in the server's log, which log level warn keeps silent. Give it a file with --audit-file.\n",
  ]);
});

/** Resolves once there is such a file. */
async function fileExists(path: string): Promise<void> {
  for (;;) {
    const isThere = await readFile(path).then(
      () => true,
      () => false,
    );
    if (isThere) return;
    await delay(20);
  }
}
