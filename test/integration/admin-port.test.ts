/** The admin port and four-letter words of a running server, over real sockets. */

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect as dial } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@corral/client";
import { ConfigError, type Server, startServer } from "@corral/server";
import { afterEach, expect, test } from "vitest";
import { fourLetterWord } from "../support/four-letter-word.ts";

let server: Server | undefined;
let directory: string | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
  if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  directory = undefined;
});

const get = async (path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(`${server?.adminUrl}${path}`, { headers });
  return { status: response.status, text: await response.text() };
};

test("a durable server under a client: health, metrics, commands and words agree", async () => {
  directory = await mkdtemp(join(tmpdir(), "corral-admin-"));
  server = await startServer({ dataDir: directory, adminPort: 0, fourLetterWords: ["*"] });
  const client = await connect(server.connectString);
  await client.create("/a", "x");
  await client.get("/a", { watch: () => undefined });

  expect(await get("/health")).toMatchObject({ status: 200, text: expect.stringContaining('"ready" : true') });
  const { text } = await get("/metrics");
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
  expect(value("corral_connections")).toBe(1);
  expect(value("corral_watches")).toBe(1);
  expect(value("corral_log_bytes")).toBeGreaterThan(0);
  // The session and the node, whether they came to the disk together or one after the other.
  expect(value("corral_log_sync_seconds_count")).toBeGreaterThan(0);
  expect(value("corral_log_sync_entries_sum")).toBe(2);
  expect(value("corral_received_bytes_total")).toBeGreaterThan(44);
  expect(JSON.parse((await get("/commands/dirs")).text).logdir_size).toBe(value("corral_log_bytes"));

  const mntr = await fourLetterWord(server.clientPort, "mntr");
  expect(mntr).toMatch(/^zk_watch_count\t1$/m);
  expect(mntr).toMatch(/^zk_znode_count\t6$/m);
  expect(await fourLetterWord(server.clientPort, "cons")).toMatch(/lop=GETD,/);
  expect(await fourLetterWord(server.clientPort, "conf")).toContain(`clientPort=${server.clientPort}\n`);
  await client.close();
});

test("stmk takes the mask that comes behind it, in whatever pieces", async () => {
  server = await startServer({ fourLetterWords: ["stmk", "gtmk"] });
  const socket = dial(server.clientPort, "127.0.0.1").setNoDelay(true);
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk.toString();
  });
  await once(socket, "connect");
  socket.write("stm");
  socket.write("k\0\0\0");
  socket.write("\0\0\0\0\x07");
  await once(socket, "close");
  expect(answer).toBe("7");
  expect(await fourLetterWord(server.clientPort, "gtmk")).toBe("7");
});

test("outside of this machine only with a token; a port in use is an error, and nothing is left open", async () => {
  const open = { adminPort: 0, adminHost: "0.0.0.0" };
  await expect(startServer(open)).rejects.toThrow(ConfigError);
  server = await startServer({ ...open, adminToken: "a token of some length" });
  const port = Number(new URL(server.adminUrl ?? "").port);
  expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(401);
  const authorization = "Bearer a token of some length";
  expect((await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { authorization } })).status).toBe(200);
  await expect(startServer({ adminPort: port })).rejects.toMatchObject({ code: "EADDRINUSE" });
});

test("without an admin port there is none", async () => {
  server = await startServer();
  expect(server.adminUrl).toBeUndefined();
});
