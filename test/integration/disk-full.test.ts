/** When the log cannot be written: nothing is acknowledged that is not durable, reads go on, and a restart finds what was. */
import { connect } from "@corral/client";
import type { Disk } from "@corral/io";
import { ErrorCode, openAcl } from "@corral/protocol";
import { startServer } from "@corral/server";
import { diskError, MemoryDisk } from "@corral/testing";
import { expect, test } from "vitest";
import { fourLetterWord } from "../support/four-letter-word.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { RecordingLogger } from "../support/recording-logger.ts";

const create = (path: string) => ({ path, data: Buffer.alloc(10_000), acl: openAcl, flags: 0 });

test.each(["a full disk", "a failed sync"])("§6.23 %s stops writes, not reads", async (what) => {
  const disk = new MemoryDisk();
  const logger = new RecordingLogger();
  const server = await startServer({ disk, dataDir: "/data", logger });
  const writer = await RawConnection.withSession(server.clientPort);
  const reader = await RawConnection.withSession(server.clientPort);
  if (what === "a full disk") {
    disk.capacityBytes = 1_500_000;
  } else {
    let syncs = 0;
    disk.onOperation = ({ kind, path }) => {
      if (kind === "sync" && path.includes("/log.") && ++syncs > 20) throw diskError("EIO", "fdatasync", path);
    };
  }
  let acknowledged = 0;
  // The write that meets the failure is cut off unanswered: its outcome is unknown.
  for (let i = 0; i < 1_000; i++) {
    try {
      const reply = await writer.call("create", create(`/n${i}`));
      expect(reply.header.err).toBe(0);
    } catch {
      break;
    }
    acknowledged++;
  }
  expect(acknowledged).toBeGreaterThan(10);
  expect(acknowledged).toBeLessThan(1_000);
  await writer.closed;
  await logger.line("the log cannot be written");
  // Others are told plainly that writes are refused, and read on.
  expect((await reader.call("create", create("/later"))).header.err).toBe(ErrorCode.SystemError);
  expect((await reader.call("exists", { path: `/n${acknowledged - 1}`, watch: false })).header.err).toBe(0);
  // And whoever looks sees it.
  expect(server.writesStopped).toBe(true);
  expect(await fourLetterWord(server.clientPort, "isro")).toBe("ro");
  expect(await fourLetterWord(server.clientPort, "srvr")).toContain("Mode: read-only");
  // Nobody new comes in, and nobody comes back: what he had in flight may still turn out to have been done.
  const cameIn = () => connect(server.connectString, { connectTimeoutMs: 500 }).then(() => "in", String);
  await expect.poll(cameIn, { timeout: 60_000 }).toContain("its log cannot be written");
  reader.destroy();
  await server.close();

  const restarted = disk.crash();
  // The operator has made room.
  restarted.capacityBytes = Number.POSITIVE_INFINITY;
  const again = await startServer({ disk: restarted, dataDir: "/data" });
  const c = await RawConnection.withSession(again.clientPort);
  for (let i = 0; i < acknowledged; i++) {
    expect((await c.call("exists", { path: `/n${i}`, watch: false })).header.err, `/n${i}`).toBe(0);
  }
  expect((await c.call("create", create("/later"))).header.err).toBe(0);
  c.destroy();
  await again.close();
});

test("a disk that is full at the start keeps the server from starting, and says so", async () => {
  const disk = new MemoryDisk();
  const first = await startServer({ disk, dataDir: "/data" });
  await first.close();
  disk.capacityBytes = 0;
  await expect(startServer({ disk, dataDir: "/data" })).rejects.toThrow(/ENOSPC|no space/i);
  disk.capacityBytes = Number.POSITIVE_INFINITY;
  await (await startServer({ disk, dataDir: "/data" })).close();
});

test("a disk that is nearly full refuses writes before the log would fail, and takes them again when there is room", async () => {
  const room = { freeBytes: 1_000_000 };
  const disk = new MemoryDisk();
  const watched: Disk = Object.assign(Object.create(disk) as Disk, { freeBytes: async () => room.freeBytes });
  for (const name of [
    "makeDirectory",
    "list",
    "open",
    "rename",
    "remove",
    "syncDirectory",
    "claimDirectory",
  ] as const) {
    Object.assign(watched, { [name]: disk[name].bind(disk) });
  }
  const limits = { minFreeDiskBytes: 10_000 };
  const adminToken = "a token of some length";
  const server = await startServer({ disk: watched, dataDir: "/data", limits, adminPort: 0, adminToken });
  const headers = { authorization: `Bearer ${adminToken}` };
  const client = await RawConnection.withSession(server.clientPort);
  const health = async () => (await fetch(`${server.adminUrl}/health/ready`)).json() as Promise<{ ready: boolean }>;
  const until = async (isReady: boolean) => {
    for (;;) if ((await health()).ready === isReady) return;
  };
  expect((await client.call("create", create("/before"))).header.err).toBe(ErrorCode.Ok);
  room.freeBytes = 9_999;
  await until(false);
  expect(JSON.stringify(await health())).toContain("20000 bytes are free (twice limits.minFreeDiskBytes)");
  expect((await client.call("create", create("/during"))).header.err).toBe(ErrorCode.SystemError);
  expect((await client.call("exists", { path: "/before", watch: false })).header.err).toBe(ErrorCode.Ok);
  const metrics = await (await fetch(`${server.adminUrl}/metrics`, { headers })).text();
  expect(metrics).toContain("corral_disk_low 1");
  expect(metrics).toContain("corral_disk_free_bytes 9999");
  const restored = await fetch(`${server.adminUrl}/commands/restore`, {
    method: "POST",
    headers,
    body: "a".repeat(5_000),
  });
  expect(restored.status).toBe(507);
  expect(await restored.text()).toMatch(/9999 bytes are free, \d+ are needed/);
  room.freeBytes = 20_000;
  await until(true);
  expect((await client.call("create", create("/after"))).header.err).toBe(ErrorCode.Ok);
  expect(server.writesStopped).toBe(false);
  client.destroy();
  await server.close();
});
