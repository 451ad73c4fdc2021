/** `corral-server verify` and `dump`, as an operator runs them: on a directory that a server has left, and has. */
import { execFile } from "node:child_process";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openAcl } from "@corral/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RawConnection } from "../support/raw-connection.ts";
import { ServerProcess } from "../support/server-process.ts";

const command = fileURLToPath(new URL("../../packages/server/bin/corral-server.js", import.meta.url));

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "corral-offline-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Runs the command to its end. */
function run(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [command, ...args], (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

test("they tell what a server has left, what is damaged in it, and that one is still there", async () => {
  const server = await ServerProcess.start(["--client-port", "0", "--data-dir", directory, "--log-level", "silent"]);
  const client = await RawConnection.withSession(server.port);
  expect(
    (await client.call("create", { path: "/a", data: Buffer.from("of a"), acl: openAcl, flags: 0 })).header.err,
  ).toBe(0);
  expect(await run("verify", directory)).toMatchObject({ code: 1, stderr: expect.stringContaining("is in use") });
  await server.kill();

  const sound = await run("verify", directory);
  expect(sound).toMatchObject({ code: 0, stderr: "" });
  expect(sound.stdout).toMatch(
    /^log\.100000001: \d+ records, 0x100000001 to (0x[0-9a-f]+), up to byte \d+ \(\d+ bytes\)\nepoch: epoch 1, .*\nA server would start with the state after \1: 6 nodes, [01] sessions, digest [0-9a-f]{16}\n$/,
  );
  const dumped = await run("dump", "--from", "0x100000002", "--to", "100000002", directory);
  expect(dumped.code).toBe(0);
  expect(JSON.parse(dumped.stdout)).toMatchObject({ zxid: "0x100000002", request: { path: "/a", data: "of a" } });

  const log = await open(join(directory, "log.100000001"), "r+");
  await log.write(Buffer.from([1]), 0, 1, 120);
  await log.close();
  const damaged = await run("verify", directory);
  expect(damaged.code).toBe(1);
  expect(damaged.stdout).toContain("WRONG: at byte 64 it is damaged");
  expect(damaged.stdout).toContain("A server would not start: The log");
  expect(await run("dump", directory)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("is damaged at byte 64"),
  });
  expect(await run("verify")).toMatchObject({ code: 2 });
});
