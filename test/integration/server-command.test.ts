/** The `corral-server` command as an operator meets it: what it says, how it ends. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { openAcl } from "@corral/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fourLetterWord } from "../support/four-letter-word.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { ServerProcess } from "../support/server-process.ts";

const command = fileURLToPath(new URL("../../packages/server/bin/corral-server.js", import.meta.url));

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "corral-command-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const quiet = ["--log-level", "silent"];
const durable = () => ["--client-port", "0", "--data-dir", join(directory, "data"), ...quiet];

test("it says where it listens, serves, and SIGTERM ends it in order with code 0", async () => {
  const server = await ServerProcess.start(durable());
  expect(server.stdout).toEqual([
    `Corral server ready: listening on 127.0.0.1:${server.port} (data in ${join(directory, "data")})`,
  ]);
  const client = await RawConnection.withSession(server.port);
  const ended = await server.stop();
  expect(ended).toEqual({ code: 0, signal: null });
  await client.closed;
  expect(server.stdout.at(-1)).toBe("Corral server stopped");
});

test("SIGHUP does not end a server that has nothing to read again, and its log says so", async () => {
  const server = await ServerProcess.start(["--client-port", "0", "--memory"]);
  server.process.kill("SIGHUP");
  await expect.poll(() => server.stderr, { timeout: 60_000 }).toContain("there is nothing to read again");
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

describe.skipIf(!existsSync("/usr/bin/script"))("in a terminal", () => {
  const file = (name: string): string => join(directory, name);
  const pids: number[] = [];
  afterEach(() => {
    for (const pid of pids.splice(0)) if (isAlive(pid)) process.kill(pid, "SIGKILL");
  });

  /**
   * Starts the server there as a job of its own, so that what closes the terminal tells the shell alone. Resolves when it is ready. Its
   * status is in a file when it has ended.
   */
  async function inTerminal() {
    const options = `start --memory --client-port 0 --audit true --audit-file ${file("audit")}`;
    const server = `'${process.execPath}' '${command}' ${options} 2>${file("errors")}`;
    const job = `(${server} & echo pid $!; wait $!; echo $? >${file("status")})`;
    const terminal = spawn("script", ["-qec", `set -m; ${job} & wait`, "/dev/null"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    pids.push(terminal.pid ?? 0);
    let pid = 0;
    let drawn = "";
    for await (const chunk of terminal.stdout) {
      drawn += String(chunk);
      const told = Number(/^pid (\d+)\r?\n/m.exec(drawn)?.[1] ?? 0);
      if (pid === 0 && told > 0) pids.push(told);
      pid = told;
      if (pid > 0 && drawn.includes("Corral server ready")) break;
    }
    return { terminal, pid };
  }

  /** With status 0, and nothing in its log but lines of its own: Node has more to say when it aborts. */
  async function endsInOrder(signal: NodeJS.Signals): Promise<void> {
    const status = () => readFile(file("status"), "utf8").catch(() => "");
    await expect.poll(status, { timeout: 30_000 }).toBe("0\n");
    expect(await readFile(file("audit"), "utf8")).toContain("operation=serverStop");
    const lines = (await readFile(file("errors"), "utf8")).trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(expect.objectContaining({ signal, msg: "stopping" }));
  }

  test.each(["SIGHUP", "SIGTERM"] as const)("%s after it is closed stops the server in order", async (signal) => {
    const { terminal, pid } = await inTerminal();
    const closed = once(terminal, "exit");
    terminal.kill("SIGKILL");
    await closed;
    process.kill(pid, signal);
    await endsInOrder(signal);
  });

  // Again, if the machine was so slow that the terminal was closed after the second look.
  test("so does SIGHUP that came before, as from a shell that ends", { retry: 3 }, async () => {
    const { terminal, pid } = await inTerminal();
    // The signal asks for a new one, so that it is there again when the server has had it.
    await rm(file("audit"));
    process.kill(pid, "SIGHUP");
    await expect.poll(() => existsSync(file("audit")), { timeout: 30_000, interval: 5 }).toBe(true);
    terminal.kill("SIGKILL");
    await endsInOrder("SIGHUP");
  });
});

/** Whether a process is there that is not ours to wait for. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("it goes on when nobody reads what it says any more", async () => {
  const server = await ServerProcess.start(durable());
  server.process.stdout?.destroy();
  const client = await RawConnection.withSession(server.port);
  await client.call("create", { path: "/a", data: Buffer.alloc(0), acl: openAcl, flags: 0 });
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  expect(server.stderr).toBe("");
});

test.skipIf(!existsSync("/dev/full"))("it goes on when nothing of what it says can be written", async () => {
  const command = fileURLToPath(new URL("../../packages/server/bin/corral-server.js", import.meta.url));
  const full = await open("/dev/full", "w");
  const options = [
    "--data-dir",
    join(directory, "data"),
    "--client-port",
    "0",
    "--admin-port",
    "0",
    "--log-level",
    "debug",
  ];
  const child = spawn(process.execPath, [command, ...options], { stdio: ["ignore", "pipe", full.fd] });
  const ended = once(child, "exit");
  try {
    const lines = createInterface({ input: child.stdout as Readable });
    let port: number | undefined;
    for await (const line of lines) {
      port = Number(/^Corral server ready: listening on .*:(\d+) /.exec(line)?.[1]);
      if (port > 0) break;
    }
    const client = await RawConnection.withSession(port ?? 0);
    expect((await client.call("create", { path: "/a", data: null, acl: openAcl, flags: 0 })).header.err).toBe(0);
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  } finally {
    child.kill("SIGKILL");
    await full.close();
  }
});

test("SIGTERM in the middle of a flood of writes is a clean stop too, and loses nothing that was acknowledged", async () => {
  const server = await ServerProcess.start(durable());
  const client = await RawConnection.withSession(server.port);
  const create = (i: number) => ({ path: `/n${i}`, data: Buffer.alloc(500), acl: openAcl, flags: 0 });
  const writes = 20_000;
  client.socket.write(Buffer.concat(Array.from({ length: writes }, (_, i) => client.encode("create", create(i)))));
  let acknowledged = 0;
  const ended = (async () => {
    for (; acknowledged < writes; acknowledged++) {
      if (acknowledged === 100) void server.stop();
      await client.reply();
    }
  })();
  await expect(ended).rejects.toThrow("closed");
  expect(await server.exited).toEqual({ code: 0, signal: null });
  expect(acknowledged).toBeGreaterThanOrEqual(100);

  const again = await ServerProcess.start(durable());
  const reader = await RawConnection.withSession(again.port);
  for (let i = 0; i < acknowledged; i++) reader.send("exists", { path: `/n${i}`, watch: false });
  for (let i = 0; i < acknowledged; i++) expect((await reader.reply()).header.err, `/n${i}`).toBe(0);
  await again.stop();
});

test("a second server on the same data is refused while the first runs, and welcome after it was killed", async () => {
  const first = await ServerProcess.start(durable());
  const second = await ServerProcess.fails(durable());
  expect(second.code).toBe(1);
  expect(second.stderr).toContain("is in use by another running server, or by a corral-server verify, dump or repair");
  await first.kill();
  const third = await ServerProcess.start(durable());
  await third.stop();
});

test("a port in use is named, with what to do", async () => {
  const first = await ServerProcess.start(durable());
  const args = ["--client-port", String(first.port), "--memory", ...quiet];
  const { code, stderr } = await ServerProcess.fails(args);
  expect(code).toBe(1);
  expect(stderr).toBe(
    `corral-server: Port ${first.port} is in use by another program. Stop it, or choose another port with --client-port.\n`,
  );
  await first.stop();
});

test("a data directory that is a file is named", async () => {
  const file = join(directory, "file");
  await writeFile(file, "");
  const { code, stderr } = await ServerProcess.fails(["--client-port", "0", "--data-dir", file, ...quiet]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^corral-server: .*file is not a directory\. Choose another place with --data-dir\.\n$/);
});

test.each([
  ["the data directory", () => directory],
  ["the directory in which to make it", () => join(directory, "data")],
])("%s cannot be written: it is named", async (_what, dataDir) => {
  await chmod(directory, 0o555);
  // Root may write anywhere: then the command runs as somebody who may not.
  const args = ["--client-port", "0", "--data-dir", dataDir(), ...quiet];
  const { code, stderr } = await ServerProcess.fails(args, process.getuid?.() === 0 ? { uid: 65_534 } : {});
  await chmod(directory, 0o755);
  expect(stderr).toBe(
    `corral-server: ${dataDir()} cannot be written (EACCES). Make it writable for this user, or choose another directory with --data-dir.\n`,
  );
  expect(code).toBe(1);
});

test("--compatibility serves as an older server, for tests of clients", async () => {
  const server = await ServerProcess.start(["--client-port", "0", "--memory", "--compatibility", "3.5", ...quiet]);
  expect(await fourLetterWord(server.port, "srvr")).toMatch(/^Zookeeper version: 3\.5\.\d+\b/);
  await server.stop();
});

test.runIf(process.platform === "linux")("a place where no directory can be made is named", async () => {
  const { code, stderr } = await ServerProcess.fails(["--client-port", "0", "--data-dir", "/proc/corral", ...quiet]);
  expect(stderr).toBe("corral-server: /proc/corral cannot be made there. Choose another place with --data-dir.\n");
  expect(code).toBe(1);
});

describe("wrong usage ends with code 2 and names what is wrong", () => {
  test.each([
    [["--client-port", "x", "--memory"], "--client-port"],
    [["--client-port", "70000", "--memory"], "--client-port: must be 0 … 65535"],
    [["--client-port", "0"], "--data-dir DIR"],
    [["--memory", "--tick", "0"], "--tick: must be at least 1 ms"],
    [["--memory", "--data-dir", "x"], "exclude each other"],
    [["--memory", "--frobnicate"], "--frobnicate"],
    [["--memory", "--compatibility", "3.4"], "Allowed choices are 3.5, 3.8.0"],
    [["--memory", "--log-level", "loud"], "debug, info, warn, error, silent"],
  ])("%j", async (args, text) => {
    const { code, stderr } = await ServerProcess.fails(args);
    expect(stderr).toContain(text);
    expect(code).toBe(2);
  });
});
