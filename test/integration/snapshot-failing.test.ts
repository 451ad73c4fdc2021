/** Snapshots that cannot be written: told of, counted, the older ones kept, and none of the clients' business. */
import { connect } from "@corral/client";
import { startServer } from "@corral/server";
import { diskError, MemoryDisk } from "@corral/testing";
import { expect, test } from "vitest";
import { RecordingLogger } from "../support/recording-logger.ts";

const entriesBetween = 50;

test("a snapshot that fails is told of and counted; writes go on, the one before is kept, the next one succeeds", async () => {
  const disk = new MemoryDisk();
  const logger = new RecordingLogger();
  const limits = { snapshotEntries: entriesBetween };
  const server = await startServer({ disk, dataDir: "/data", logger, adminPort: 0, limits });
  const client = await connect(server.connectString);
  let created = 0;
  const writeOn = async () => {
    for (let i = 0; i < entriesBetween; i++) await client.create(`/n${created++}`, "x");
  };
  const get = async (path: string) => await (await fetch(`${server.adminUrl}${path}`)).text();
  const counted = async (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(await get("/metrics"))?.[1]);
  const snapshots = () => disk.paths().filter((path) => path.includes("/snapshot."));

  await writeOn();
  await logger.line("snapshot written");
  const before = snapshots();
  expect(before.length).toBeGreaterThan(0);
  expect(await get("/health")).not.toContain("snapshot");

  disk.onOperation = ({ kind, path }) => {
    if (kind === "sync" && path.includes("snapshot.")) throw diskError("EIO", "fsync", path);
  };
  // One may have been under way already.
  await writeOn();
  await writeOn();
  const { level, fields } = await logger.line("writing a snapshot failed");
  expect(level).toBe("error");
  expect(String((fields.err as Error).cause ?? fields.err)).toContain("EIO");
  expect(await counted("corral_snapshot_failures_total")).toBeGreaterThan(0);
  expect(await get("/health")).toMatch(/snapshot/);
  expect(snapshots()).toEqual(expect.arrayContaining(before));
  expect(server.writesStopped).toBe(false);

  disk.onOperation = undefined;
  const written = await counted("corral_snapshots_total");
  await expect
    .poll(
      async () => {
        await writeOn();
        return await counted("corral_snapshots_total");
      },
      { timeout: 60_000 },
    )
    .toBeGreaterThan(written);
  await expect.poll(() => get("/health"), { timeout: 60_000 }).not.toContain("snapshot");
  await client.close();
  await server.close();

  const again = await startServer({ disk: disk.crash(), dataDir: "/data" });
  const reader = await connect(again.connectString);
  expect((await reader.children("/")).length).toBe(created + 1);
  await reader.close();
  await again.close();
});
