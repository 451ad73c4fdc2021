/** Curator, the Java library that people really use, on our server: its recipes, watches, transactions, access lists, lifetimes. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Server, startServer } from "@corral/server";
import { afterEach, describe, expect, test } from "vitest";
import { curatorJars, hasCurator } from "../support/peers.ts";

const run = promisify(execFile);

describe.runIf(hasCurator())("Curator", () => {
  let server: Server;
  afterEach(() => server.close());

  test("does what it does on Apache ZooKeeper", async () => {
    server = await startServer({ tickMs: 500, reaperIntervalMs: 100 });
    const source = join(import.meta.dirname, "CuratorRecipes.java");
    const { stdout } = await run("java", ["-cp", curatorJars, source, server.connectString]);
    const lines = stdout.trim().split("\n");
    expect(lines.at(-1)).toBe("done");
    expect(lines.filter((line) => line.startsWith("ok ")).length).toBeGreaterThan(45);
  });
});
