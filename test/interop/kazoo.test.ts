/** kazoo, the Python client that people really use, works against our server without noticing. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Server, startServer } from "@corral/server";
import { afterEach, describe, expect, test } from "vitest";
import { hasKazoo } from "../support/peers.ts";

const run = promisify(execFile);
const script = join(import.meta.dirname, "kazoo_basics.py");

describe.runIf(hasKazoo())("kazoo", () => {
  let server: Server;
  let dataDir: string | undefined;
  afterEach(async () => {
    await server.close();
    if (dataDir !== undefined) await rm(dataDir, { recursive: true });
    dataDir = undefined;
  });

  test.each(["in memory", "durable"])("basics, on a server %s", async (where) => {
    dataDir = where === "durable" ? await mkdtemp(join(tmpdir(), "corral-kazoo-")) : undefined;
    server = await startServer({ tickMs: 500, ...(dataDir !== undefined && { dataDir }) });
    const { stdout } = await run("/usr/bin/python3", [script, server.connectString]);
    const lines = stdout.trim().split("\n");
    expect(lines.at(-1)).toBe("done");
    expect(lines.filter((l) => l.startsWith("ok ")).length).toBeGreaterThan(30);
  });

  test("every recipe, and what else its client can do", async () => {
    server = await startServer({ tickMs: 500, fourLetterWords: ["*"] });
    const { stdout } = await run("/usr/bin/python3", [
      join(import.meta.dirname, "kazoo_recipes.py"),
      server.connectString,
    ]);
    const lines = stdout.trim().split("\n");
    expect(lines.at(-1)).toBe("done");
    expect(lines.filter((l) => l.startsWith("ok ")).length).toBeGreaterThan(40);
  });
});
