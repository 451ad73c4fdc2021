/** `corral-server verify`, `dump` and `repair`, as an operator runs them: on a directory that a server has left, and has. */
import { execFile, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { constants, existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { crc32 } from "@corral/io";
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
  return runProgram(process.execPath, [command, ...args]);
}

function runProgram(program: string, args: readonly string[]): ReturnType<typeof run> {
  return new Promise((resolve) => {
    execFile(program, [...args], (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

/** Runs it with a standard error whose reader has gone. Resolves with how it exits. */
async function runUnread(...args: readonly string[]): Promise<unknown> {
  const path = join(directory, "..", `${basename(directory)}.pipe`);
  execFileSync("mkfifo", [path]);
  try {
    const reader = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stderr = await open(path, constants.O_WRONLY);
    await reader.close();
    const child = spawn(process.execPath, [command, ...args], { stdio: ["ignore", "ignore", stderr.fd] });
    const exited = once(child, "exit");
    await stderr.close();
    return await exited;
  } finally {
    await rm(path);
  }
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
    stdout: "",
    stderr: expect.stringContaining("is damaged at byte 64"),
  });
  expect(await run("verify")).toMatchObject({ code: 2 });
  expect(await run("dump", "--from", "0x5", "--to", "0x4", directory)).toEqual({
    code: 2,
    stdout: "",
    stderr: "corral-server: --from 0x5 is after --to 0x4: there is nothing between them.\n",
  });
});

test.each(["verify", "dump", "repair"])("%s of a file names it, and what to give instead", async (verb) => {
  const file = join(directory, "log.100000001");
  await writeFile(file, "");
  expect(await run(verb, file)).toEqual({
    code: 1,
    stdout: "",
    stderr: `corral-server: ${file} is not a directory. Give the data directory that holds the server's files.\n`,
  });
});

test("of a directory without a server's files each says so", async () => {
  const sentence = `${directory} holds nothing of a Corral server.\n`;
  for (const args of [["dump"], ["repair"], ["repair", "--yes"]]) {
    expect(await run(...args, directory)).toEqual({ code: 1, stdout: "", stderr: `corral-server: ${sentence}` });
  }
  expect(await run("verify", directory)).toMatchObject({ code: 1, stdout: expect.stringContaining(sentence) });
});

test.each([
  ["a directory", "log.200000001"],
  ["a pipe", "log.200000001"],
  ["a pipe", "snapshot.200000001"],
])("%s called %s is named, with what to do, and not waited for", async (what, name) => {
  const start = ["start", "--client-port", "0", "--log-level", "silent", "--data-dir", directory];
  await (await ServerProcess.start(start)).stop();
  const path = join(directory, name);
  if (what === "a pipe") execFileSync("mkfifo", [path]);
  else await mkdir(path);
  const stderr = `corral-server: ${path} is no file, but has the name of one of the server's. Move it out of the directory.\n`;
  for (const args of [["verify", directory], ["dump", directory], ["repair", directory], start]) {
    expect(await run(...args)).toEqual({ code: 1, stdout: "", stderr });
  }
});

test("what the user may not read is named, and as whom to run the command", async () => {
  await chmod(directory, 0o777);
  const path = join(directory, "log.100000001");
  await writeFile(path, "", { mode: 0 });
  // Root may read everything: then the command runs as somebody who may not.
  expect(await ServerProcess.fails(["verify", directory], process.getuid?.() === 0 ? { uid: 65_534 } : {})).toEqual({
    code: 1,
    stderr: `corral-server: ${path} may not be used by this user (EACCES). Run the command as the user that the server runs as.\n`,
  });
});

test("the data of an Apache ZooKeeper is told by name, and a server does not start with it", async () => {
  const files = join(directory, "version-2");
  await mkdir(files);
  const start = ["start", "--client-port", "0", "--log-level", "silent", "--data-dir"];
  const said = (data: string, what: string, remedy = "") => ({
    code: 1,
    stdout: "",
    stderr: `corral-server: ${data} holds the data of an Apache ZooKeeper (${what}), which Corral does not read. ${remedy}Copy the tree over with corral import.\n`,
  });
  const verbs = ["verify", "dump", "repair"];
  for (const verb of verbs) expect(await run(verb, directory)).toEqual(said(directory, "version-2"));
  const remedy = "Choose another directory with --data-dir. ";
  expect(await run(...start, directory)).toEqual(said(directory, "version-2", remedy));
  for (const [name, head] of [
    ["log.1", "ZKLG\0\0\0\x02"],
    ["snapshot.0", "ZKSN\0\0\0\x02"],
  ] as const) {
    await writeFile(join(files, name), head);
    for (const verb of verbs) expect(await run(verb, files)).toEqual(said(files, name));
    expect(await run(...start, files)).toEqual(said(files, name, remedy));
    await rm(join(files, name));
  }
});

test("a repair says what is lost, and does nothing until it is told to", async () => {
  const start = () => ServerProcess.start(["--client-port", "0", "--data-dir", directory, "--log-level", "silent"]);
  let server = await start();
  const client = await RawConnection.withSession(server.port);
  for (const path of ["/a", "/b"]) {
    await client.call("create", { path, data: Buffer.from(`of ${path}`), acl: openAcl, flags: 0 });
  }
  expect(await run("repair", "--yes", directory)).toMatchObject({ code: 1, stderr: expect.stringContaining("in use") });
  await server.kill();
  expect(await run("repair", directory)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("is to be repaired"),
  });

  const path = join(directory, "log.100000001");
  const whole = await readFile(path);
  const damaged = Buffer.from(whole);
  damaged.write("on", damaged.indexOf("of /b"));
  await writeFile(path, damaged);
  const said = await run("repair", directory);
  expect(said.code).toBe(1);
  expect(said.stdout).toMatch(/^LOST log\.100000001: all after 0x100000002, \d+ bytes from byte \d+ on: /);
  expect(said.stdout).toContain("KEPT the state after 0x100000002: 6 nodes, 1 sessions, digest ");
  expect(said.stdout).toMatch(/\nNothing has been changed\. .* repair --yes .*\n$/);
  expect((await readFile(path)).equals(damaged)).toBe(true);

  const done = await run("repair", "--yes", directory);
  expect(done).toMatchObject({ code: 0, stderr: "" });
  expect((await readFile(join(directory, "set-aside-1", "log.100000001"))).equals(damaged)).toBe(true);
  expect((await run("verify", directory)).code).toBe(0);
  server = await start();
  const again = await RawConnection.withSession(server.port);
  expect((await again.call("exists", { path: "/a", watch: false })).header.err).toBe(0);
  expect((await again.call("exists", { path: "/b", watch: false })).header.err).toBe(-101);
  await server.kill();
});

/** Runs the command where nothing in the directory can be written. */
async function runReadOnly(...args: readonly string[]): ReturnType<typeof run> {
  const mounted = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';
  return runProgram("unshare", ["-Urm", "sh", "-c", mounted, directory, process.execPath, command, ...args, directory]);
}

const canMount = spawnSync("unshare", ["-Urm", "mount", "--bind", "/tmp", "/tmp"]).status === 0;

test.skipIf(!canMount)(
  "on a read-only file system they do without a claim; a repair says that it cannot be",
  async () => {
    const server = await ServerProcess.start(["--client-port", "0", "--data-dir", directory, "--log-level", "silent"]);
    await RawConnection.withSession(server.port);
    // What is read-only here may be written elsewhere.
    expect(await runReadOnly("verify")).toMatchObject({ code: 1, stderr: expect.stringContaining("is in use") });
    await server.stop();
    expect(await runReadOnly("verify")).toMatchObject({ code: 0, stderr: "" });
    expect(await runReadOnly("dump")).toMatchObject({ code: 0, stderr: "" });
    expect(await runReadOnly("repair", "--yes")).toMatchObject({ code: 0, stderr: "" });

    await writeFile(join(directory, "epoch"), "damaged");
    const said = await runReadOnly("repair");
    expect(said).toMatchObject({ code: 1, stderr: "", stdout: expect.stringContaining("Nothing has been changed. ") });
    expect(await runReadOnly("repair", "--yes")).toMatchObject({
      code: 1,
      stderr: `corral-server: ${directory} is on a read-only file system: nothing has been changed. Make it writable, or repair a copy of it.\n`,
    });
  },
);

test("an epoch file of another version is left to that version, and a reader who has seen enough is no error", async () => {
  const server = await ServerProcess.start(["--client-port", "0", "--data-dir", directory, "--log-level", "silent"]);
  await server.stop();
  const lines = "corral-epoch 2\nepoch 1\n";
  const checksum = crc32(Buffer.from(lines)).toString(16).padStart(8, "0");
  await writeFile(join(directory, "epoch"), `${lines}crc32 ${checksum}\n`);
  const refusal = "its format has version 2, this program knows 1";
  const verified = await run("verify", directory);
  expect(verified.stdout).toContain(`WRONG: ${refusal}`);
  expect(verified.stdout).toContain("A server would not start: Nothing is wrong with the file");
  expect(await run("repair", "--yes", directory)).toMatchObject({ code: 1, stderr: expect.stringContaining(refusal) });
  expect(await readFile(join(directory, "epoch"), "utf8")).toContain(lines);

  const child = spawn(process.execPath, [command, "verify", directory], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  const errors = await text(child.stderr);
  expect(errors).toBe("");
});

test("a dump warns of a damaged snapshot, and of a damaged log shows what a repair would keep", async () => {
  const server = await ServerProcess.start(["--client-port", "0", "--data-dir", directory, "--log-level", "silent"]);
  const client = await RawConnection.withSession(server.port);
  for (const path of ["/a", "/b"]) {
    await client.call("create", { path, data: Buffer.from(`of ${path}`), acl: openAcl, flags: 0 });
  }
  await server.kill();
  const snapshot = join(directory, "snapshot.100000002");
  await writeFile(snapshot, "no snapshot");
  const dumped = await run("dump", directory);
  expect(dumped).toMatchObject({ code: 0, stderr: expect.stringContaining(`The snapshot ${snapshot} is damaged`) });
  expect(dumped.stdout).toContain('"data":"of /b"');
  expect(await runUnread("dump", directory), "who has read enough, as head does, is no failure").toEqual([0, null]);
  await rm(snapshot);

  const path = join(directory, "log.100000001");
  const damaged = await readFile(path);
  damaged.write("on", damaged.indexOf("of /b"));
  await writeFile(path, damaged);
  const { code, stdout, stderr } = await run("dump", directory);
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^corral-server: The log .* is damaged/) });
  const entries = stdout.trim().split("\n");
  expect(entries).toHaveLength(2);
  expect(JSON.parse(entries[1] ?? "")).toMatchObject({ zxid: "0x100000002", request: { path: "/a", data: "of /a" } });
  expect(await run("dump", "--to", "0x100000001", directory)).toEqual({ code, stdout: `${entries[0]}\n`, stderr });
});

test.skipIf(!existsSync("/dev/full"))("what cannot be printed is told in one line", async () => {
  await (await ServerProcess.start(["--client-port", "0", "--data-dir", directory, "--log-level", "silent"])).stop();
  const full = await open("/dev/full", "w");
  try {
    for (const args of [
      ["verify", directory],
      ["repair", directory],
      ["scram", "bob"],
      ["digest", "bob"],
      ["--help"],
    ]) {
      const child = spawn(process.execPath, [command, ...args], { stdio: ["pipe", full.fd, "pipe"] });
      child.stdin?.end("password\n");
      const [errors, [code]] = await Promise.all([text(child.stderr as Readable), once(child, "close")]);
      const stderr = "corral-server: Standard output cannot be written: ENOSPC: no space left on device, write.\n";
      expect({ args, code, errors }).toEqual({ args, code: 1, errors: stderr });
    }
  } finally {
    await full.close();
  }
});

test("snapshots that were written while their nodes changed are what they say, all of them", async () => {
  const options = ["--client-port", "0", "--data-dir", directory, "--log-level", "silent"];
  // So many nodes of such a length that a snapshot has some twenty chunks, and each ends at a node that changes.
  const paths = Array.from({ length: 300 }, (_, i) => `/n${i}`);
  for (let kills = 0; kills < 3; kills++) {
    const server = await ServerProcess.start([...options, "--limit", "snapshotEntries=500"]);
    const client = await RawConnection.withSession(server.port);
    const dataOf = (round: number) => Buffer.alloc(6_000 + 500 * (round % 9), round);
    if (kills === 0) {
      for (const path of paths) await client.call("create", { path, data: dataOf(0), acl: openAcl, flags: 0 });
    }
    for (let round = 0; round < 8; round++) {
      const replies = paths.map((path, i) => {
        // In another order each time, for a snapshot goes through them in one.
        const at = (i * 7 + round * 11) % paths.length;
        return client.call("setData", { path: paths[at] ?? path, data: dataOf(round + i), version: -1 });
      });
      for (const { header } of await Promise.all(replies)) expect(header.err).toBe(0);
    }
    await server.kill();
    expect(await run("verify", directory)).toMatchObject({ code: 0, stdout: expect.stringContaining("snapshot.") });
  }
});
