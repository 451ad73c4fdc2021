/** A server that is told to stop, or cannot start, while strangers hold connections to it. None of them can keep it. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { openAcl } from "@corral/protocol";
import { startServer } from "@corral/server";
import { MemoryDisk } from "@corral/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ca, server as certificate } from "../support/certificates.ts";
import { NodeChild } from "../support/node-child.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { ServerProcess } from "../support/server-process.ts";

const command = fileURLToPath(new URL("../../packages/server/bin/corral-server.js", import.meta.url));
const adminToken = "a token of more than 16";
const variables = { CORRAL_ADMIN_TOKEN: adminToken };
/** Far longer than a test may take: where the server waits for it, the test fails. */
const handshakeMs = 3_600_000;

let directory: string;
const sockets: Socket[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "corral-stop-"));
});
afterEach(async () => {
  vi.useRealTimers();
  for (const socket of sockets.splice(0)) socket.destroy();
  await rm(directory, { recursive: true, force: true });
});

/** A connection that is held, and on which nothing comes after `text`. */
async function hold(port: number, text = "", isTls = false): Promise<Socket> {
  const address = { host: "127.0.0.1", port };
  const socket = isTls ? connectTls({ ...address, ca, servername: "localhost" }) : connect(address);
  sockets.push(socket);
  socket.on("error", () => socket.destroy());
  await once(socket, isTls ? "secureConnect" : "connect");
  if (text !== "") socket.write(text);
  return socket;
}

const request = (line: string, more = ""): string => `${line} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
const authorization = `Authorization: Bearer ${adminToken}\r\n`;

const adminPortOf = ({ stdout }: ServerProcess): number =>
  Number(/^Corral admin server: .*:(\d+)$/.exec(stdout[0] ?? "")?.[1]);

async function holdAtAdminPort(port: number, isTls: boolean): Promise<void> {
  await hold(port, "", isTls);
  await hold(port, "GET /health HTTP/1.1\r\nHos", isTls);
  // Wanted, and not to come.
  await hold(port, `${request("POST /commands/restore", `${authorization}Content-Length: 1000000\r\n`)}abc`, isTls);
  const idle = await hold(port, request("GET /health"), isTls);
  await once(idle, "data");
}

test.each(["none", "both"])("SIGTERM among strangers on all ports (TLS: %s)", async (tls) => {
  const auditFile = join(directory, "audit.log");
  const args = ["--memory", "--client-port", "0", "--admin-port", "0", "--limit", `handshakeMs=${handshakeMs}`];
  args.push("--audit", "true", "--audit-file", auditFile, "--log-level", "error");
  if (tls === "both") {
    await writeFile(join(directory, "cert.pem"), `${certificate.cert}\n${certificate.key}`);
    args.push("--tls-on-client-port", "true", "--admin-tls", "both", "--tls-cert", join(directory, "cert.pem"));
  }
  const server = await ServerProcess.start(args, variables);
  for (const isTls of tls === "both" ? [false, true] : [false]) {
    await holdAtAdminPort(adminPortOf(server), isTls);
    await hold(server.port, "", isTls);
    await hold(server.port, "\0\0", isTls);
  }
  if (tls === "both") {
    // No word at all, and half of the first one of a handshake.
    await hold(adminPortOf(server));
    for (const port of [adminPortOf(server), server.port]) await hold(port, "\x16\x03\x01");
  }
  const session = await RawConnection.withSession(server.port);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  await session.closed;
  expect(server.stdout.at(-1)).toBe("Corral server stopped");
  expect(await readFile(auditFile, "utf8")).toMatch(/operation=serverStop\tresult=invoked\n/);
  expect(server.stderr).toBe("");
});

/** More than the buffers between two processes hold. */
async function fill(port: number): Promise<void> {
  const client = await RawConnection.withSession(port);
  for (let i = 0; i < 40; i++) {
    const data = Buffer.alloc(1_000_000, i);
    expect((await client.call("create", { path: `/n${i}`, data, acl: openAcl, flags: 0 })).header.err).toBe(0);
  }
  await client.call("closeSession", {});
}

/** Asks for the snapshot, reads its beginning and stands still. */
async function holdSnapshot(port: number): Promise<Socket> {
  const reader = await hold(port, request("GET /commands/snapshot", authorization));
  await once(reader, "data");
  return reader.pause();
}

test("SIGTERM while a backup stands still ends it after its time; one that was left before is told at level debug", async () => {
  const data = join(directory, "data");
  const args = ["--data-dir", data, "--client-port", "0", "--admin-port", "0", "--log-level", "debug"];
  const server = await ServerProcess.start(args, variables);
  await fill(server.port);
  const leaver = await holdSnapshot(adminPortOf(server));
  leaver.resetAndDestroy();
  await holdSnapshot(adminPortOf(server));
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  const lines = server.stderr.split("\n").filter((line) => line.includes("admin port"));
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ level: 20, remote: "127.0.0.1" }),
    expect.objectContaining({ level: 20, remote: "127.0.0.1" }),
  ]);
  expect(server.stderr).not.toMatch(/"stack"|"level":50/);
});

test("the audit log is on the disk before a backup that stands still has ended", async () => {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/data");
  await disk.makeDirectory("/audit");
  const settings = { dataDir: "/data", adminPort: 0, adminToken, auditEnabled: true, auditFile: "/audit/log" };
  const server = await startServer({ ...settings, disk });
  await fill(server.clientPort);
  const reader = await holdSnapshot(Number(new URL(server.adminUrl ?? "").port));
  let onSynced = (): void => undefined;
  const synced = new Promise<void>((resolve) => {
    onSynced = resolve;
  });
  disk.onOperation = ({ kind, path }) => {
    if (kind === "sync" && path === "/audit/log") onSynced();
  };
  // The time that the backup has does not pass.
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  const closed = server.close();
  await synced;
  reader.destroy();
  await closed;
});

test("a start that fails says why and ends, though somebody is connected to the admin port", async () => {
  // The start goes on when somebody writes to this pipe, and fails then.
  const [data, pipe] = [join(directory, "data"), join(directory, "pipe")];
  execFileSync("mkfifo", [pipe]);
  const failing = new NodeChild(command, {
    args: ["--data-dir", data, "--client-port", "0", "--admin-port", "0"],
    variables: {
      NODE_OPTIONS: `--import=${new URL("processes/hung-file.mjs", import.meta.url)}`,
      HUNG_FILE: join(data, "epoch.tmp"),
      HUNG_PIPE: pipe,
    },
  });
  const portTold = () => /"port":(\d+).*"listening for administrators"/.exec(failing.stderr)?.[1];
  await expect.poll(portTold).toBeDefined();
  await hold(Number(portTold()));
  await hold(Number(portTold()), "GET /health HTTP/1.1\r\nHos");
  // It ends no start.
  failing.process.kill("SIGHUP");
  await (await open(pipe, "w")).close();
  expect(await failing.exited).toEqual({ code: 1, signal: null });
  expect(failing.stderr).toMatch(/^corral-server: .*epoch/m);
});
