/** A server is killed while it restores a snapshot: it starts again with the one tree or the other, whole. */
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@corral/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ServerProcess } from "../support/server-process.ts";

const token = "a token of some length";
const authorization = `Bearer ${token}`;
const nodes = 3_000;

let directory: string;
let backup: Uint8Array<ArrayBuffer>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "corral-restore-"));
  const server = await start("source");
  await fill(server.port, "/new");
  const response = await fetch(`${adminOf(server)}/commands/snapshot`, { headers: { authorization } });
  backup = new Uint8Array(await response.arrayBuffer());
  await server.kill();
});
afterAll(() => rm(directory, { recursive: true, force: true }));

function start(name: string): Promise<ServerProcess> {
  const args = ["--client-port", "0", "--data-dir", join(directory, name), "--admin-port", "0"];
  return ServerProcess.start(args, { CORRAL_ADMIN_TOKEN: token });
}

function adminOf(server: ServerProcess): string {
  return /^Corral admin server: (\S+)$/m.exec(server.stdout.join("\n"))?.[1] ?? "";
}

async function fill(port: number, root: string): Promise<void> {
  await using client = await connect(`127.0.0.1:${port}`);
  await client.create(root);
  for (let at = 0; at < nodes; at += 100) {
    const transaction = client.transaction();
    for (let i = at; i < at + 100; i++) transaction.create(`${root}/${i}`, "x".repeat(1_000));
    await transaction.commit();
  }
}

async function logBytes(name: string): Promise<number> {
  const files = (await readdir(join(directory, name))).filter((file) => file.startsWith("log."));
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(directory, name, file))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** How much of the restore is in the log when the server is killed. */
const moments = process.env.CORRAL_KILLS === undefined ? [0.3] : [0, 0.1, 0.3, 0.5, 0.7, 0.9, 1];

test.each(moments)("killed when %d of it are in the log", async (part) => {
  const name = `target-${part}`;
  const server = await start(name);
  await fill(server.port, "/old");
  const before = await logBytes(name);
  const restoring = { isOver: false };
  const url = `${adminOf(server)}/commands/restore`;
  const answered = fetch(url, { method: "POST", body: backup, headers: { authorization } })
    .then(({ status }) => status === 200)
    .catch(() => false)
    .finally(() => {
      restoring.isOver = true;
    });
  while (!restoring.isOver && (await logBytes(name)) < before + part * backup.length);
  await server.kill();
  const wasAnswered = await answered;

  const again = await start(name);
  try {
    await using client = await connect(`127.0.0.1:${again.port}`);
    const [root = ""] = await client.children("/");
    expect(wasAnswered ? ["new"] : ["new", "old"]).toContain(root);
    expect(await client.children("/")).toEqual([root, "zookeeper"]);
    expect(await client.children(`/${root}`)).toHaveLength(nodes);
    expect((await client.get(`/${root}/${nodes - 1}`)).data?.length).toBe(1_000);
    // What was left of the restore is in nobody's way.
    const response = await fetch(`${adminOf(again)}/commands/restore`, {
      method: "POST",
      body: backup,
      headers: { authorization },
    });
    expect(response.status).toBe(200);
  } finally {
    await again.kill();
  }
});
