/** A stronger digest for scheme `digest`, from end to end: the command prints it, access lists and the superuser go by it. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { type Client, connect } from "@corral/client";
import { type Server, startServer } from "@corral/server";
import { afterEach, expect, test } from "vitest";

const command = fileURLToPath(new URL("../../packages/server/bin/corral-server.js", import.meta.url));

function digest(args: readonly string[], password: string): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [command, "digest", ...args], (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(password);
  });
}

let server: Server | undefined;
const clients: Client[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await server?.close();
  server = undefined;
});

async function connected(credentials: string): Promise<Client> {
  const client = await connect(server?.connectString ?? "");
  clients.push(client);
  await client.addAuth("digest", credentials);
  return client;
}

test("access lists and superDigest by SHA-256", async () => {
  const { stdout: superDigest } = await digest(["root", "--algorithm", "SHA-256"], "top secret\n");
  const { stdout: bobs } = await digest(["bob", "--algorithm", "SHA-256"], "secret\n");
  expect(bobs).toBe("bob:huAluaVu3uER4LIpielGv9Qqk5x3YVDr6I2R/mXf2wE=\n");
  server = await startServer({ digestAlgorithm: "SHA-256", superDigest: superDigest.trim() });
  const bob = await connected("bob:secret");
  await bob.create("/bobs", Buffer.from("x"), { acl: [{ perms: 31, id: { scheme: "digest", id: bobs.trim() } }] });
  await bob.set("/bobs", Buffer.from("y"));
  await expect((await connected("bob:other")).get("/bobs")).rejects.toMatchObject({ code: "NoAuth" });
  await expect((await connected("root:other")).delete("/bobs")).resolves.toBeUndefined();
  await bob.create("/more", Buffer.from("x"), { acl: [{ perms: 1, id: { scheme: "auth", id: "" } }] });
  expect((await bob.getAcl("/more")).acl[0]?.id.id).toBe("bob:x");
  await expect(bob.set("/more", Buffer.from("y"))).rejects.toMatchObject({ code: "NoAuth" });
  await (await connected("root:top secret")).set("/more", Buffer.from("y"));
});

test.each([
  [["a:b"], "x\n", "A user's name is not empty and has no colon."],
  [["bob"], "\n", "There is no password on standard input."],
  [["bob", "--algorithm", "MD5"], "x\n", "Allowed choices are SHA1, SHA-256"],
])("corral-server digest %j is refused", async (args, password, said) => {
  const { code, stdout, stderr } = await digest(args, password);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(said);
});

test.skipIf(!existsSync("/dev/full"))("a prompt that cannot be written keeps nobody from it", async () => {
  const full = await open("/dev/full", "w");
  const asTerminal = "--import=data:text/javascript,process.stdin.isTTY=true";
  const child = spawn(process.execPath, [asTerminal, command, "digest", "bob"], { stdio: ["pipe", "pipe", full.fd] });
  const said = text(child.stdout as Readable);
  child.stdin?.end("secret\n");
  expect(await once(child, "close"), "for the prompt is lost").toEqual([1, null]);
  expect(await said).toMatch(/^bob:.*=\n$/);
  await full.close();
});
