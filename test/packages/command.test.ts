/** The command that a package brings runs from where an installer puts it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { connect } from "@corral/client";
import { expect, test } from "vitest";
import { makeProject } from "./projects.ts";

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
