/** The commands that packages bring run from where an installer puts them. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { connect } from "@corral/client";
import { TestServer } from "@corral/testing";
import { expect, test } from "vitest";
import { makeProject, packages } from "./projects.ts";

test("corral-server serves, and ends when it is told to", async () => {
  const project = await makeProject(["@corral/server"]);
  const command = join(project, "node_modules", ".bin", "corral-server");
  const child = spawn(command, ["--client-port", "0", "--memory"], { cwd: project, stdio: ["ignore", "pipe", "pipe"] });
  const closed = once(child, "close");
  try {
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      printed += text;
    });
    child.stderr.resume();
    await expect.poll(() => printed, { timeout: 30_000 }).toMatch(/listening on \S+ /);
    const client = await connect(/listening on (\S+) /.exec(printed)?.[1] ?? "");
    expect(await client.create("/from-the-tarball")).toBe("/from-the-tarball");
    await client.close();
    child.kill("SIGTERM");
    expect(await closed).toEqual([0, null]);
  } finally {
    child.kill("SIGKILL");
  }
});

test.each(["dist", "bundle"])("corral-server needs no %s: its modules are in both", async (left) => {
  const { directory } = packages.find(({ name }) => name === "@corral/server")!;
  const copy = `${directory}-without-${left}`;
  await cp(directory, copy, { recursive: true, filter: (path) => path !== join(directory, left) });
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [join(copy, "bin", "corral-server.js"), "--version"]);
  expect(stdout).toMatch(/^\d+\.\d+\.\d+-corral-/);
});

test("the second thread's program lies beside the one file", async () => {
  const { directory } = packages.find(({ name }) => name === "@corral/server")!;
  const bundle = join(directory, "bundle");
  expect(await readFile(join(bundle, "main.js"), "utf8")).toContain('new URL("second-writer.js", import.meta.url)');
  const io = packages.find(({ name }) => name === "@corral/io")!;
  const program = await readFile(join(bundle, "second-writer.js"), "utf8");
  expect(program).toBe(await readFile(join(io.directory, "worker", "second-writer.js"), "utf8"));
});

test("corral says what it can do, and reaches a server", async () => {
  const project = await makeProject(["@corral/cli"]);
  const command = join(project, "node_modules", ".bin", "corral");
  const run = promisify(execFile);
  expect((await run(command, ["--help"], { cwd: project })).stdout).toContain("import [options]");
  await using server = await TestServer.start();
  const { stdout } = await run(command, ["ls", "/", "--connect", server.connectString], { cwd: project });
  expect(stdout).toBe("zookeeper\n");
});
