/** What was acknowledged survives: SIGKILL of the real process, and a disk that loses everything not synced. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Disk } from "@corral/io";
import { type Server, startServer } from "@corral/server";
import { MemoryDisk, seededRandom } from "@corral/testing";
import { expect, test } from "vitest";
import { AcknowledgedLoad, type Verdict } from "../support/acknowledged-load.ts";
import { ServerProcess } from "../support/server-process.ts";

/** Kills and power cuts. More on demand: CORRAL_KILLS=300. */
const kills = Number(process.env.CORRAL_KILLS ?? 12);
const seed = Number(process.env.CORRAL_SEED ?? Date.now() % 1_000_000);

class Total {
  writes = 0;
  sessions = 0;
  ephemerals = 0;
  add(v: Verdict, round: number): void {
    expect(v.broken, `round ${round}, seed ${seed}`).toEqual([]);
    this.writes += v.writesChecked;
    this.sessions += v.sessionsChecked;
    this.ephemerals += v.ephemeralsChecked;
  }
}

test(
  `${kills} SIGKILLs under load lose nothing that was acknowledged`,
  async () => {
    const random = seededRandom(seed);
    const dataDir = await mkdtemp(join(tmpdir(), "corral-kill-"));
    const args = ["--client-port", "0", "--data-dir", dataDir, "--max-session-timeout", "60000", "--log-level", "warn"];
    let server = await ServerProcess.start(args);
    try {
      const load = new AcknowledgedLoad(8);
      await load.prepare(server.port);
      const total = new Total();
      for (let round = 0; round < kills; round++) {
        const running = load.run(server.port);
        const before = load.acknowledged;
        // A random moment under load, and never before something of each kind was acknowledged.
        do await delay(random.fraction() * 150);
        while (load.acknowledged < before + 50);
        await server.kill();
        await running;
        server = await ServerProcess.start(args);
        total.add(await load.verify(server.port), round);
      }
      expect(total.writes).toBeGreaterThan(kills * 10);
      expect(total.ephemerals).toBeGreaterThan(0);
      expect(await server.stop()).toEqual({ code: 0, signal: null });
    } finally {
      server.process.kill("SIGKILL");
      await rm(dataDir, { recursive: true, force: true });
    }
  },
  // A kill and a start of the process, with room for a slow machine.
  60_000 + kills * 10_000,
);

test(
  `${kills} power cuts that lose every byte not synced lose nothing that was acknowledged`,
  async () => {
    const random = seededRandom(seed);
    let disk = new MemoryDisk();
    const start = (): Promise<Server> =>
      startServer({
        disk,
        dataDir: "/data",
        maxSessionTimeoutMs: 60_000,
        // Snapshots often, so that many cuts fall into the writing of one.
        limits: { snapshotEntries: 40 },
      });
    let server = await start();
    const load = new AcknowledgedLoad(6);
    await load.prepare(server.clientPort);
    const total = new Total();
    for (let round = 0; round < kills; round++) {
      const running = load.run(server.clientPort);
      const before = load.acknowledged;
      do await delay(random.fraction() * 60);
      while (load.acknowledged < before + 50);
      // Every third cut keeps nothing at all; the others keep a random part of what was not synced: torn records, holes.
      disk = round % 3 === 0 ? disk.crash() : disk.crash({ random });
      // Its disk is gone: it cannot stop in order, but it does let go of its clients.
      await expect(server.close()).rejects.toThrow("EIO");
      load.stop();
      await running;
      server = await start();
      total.add(await load.verify(server.clientPort), round);
    }
    await server.close();
    expect(total.writes).toBeGreaterThan(kills * 10);
    expect(total.ephemerals).toBeGreaterThan(0);
  },
  60_000 + kills * 10_000,
);

test("the check can fail: a disk that only says that it syncs is found out at the first power cut", async () => {
  const disk = new MemoryDisk();
  let server = await startServer({ disk: neverSyncing(disk), dataDir: "/data" });
  const load = new AcknowledgedLoad(2);
  await load.prepare(server.clientPort);
  const running = load.run(server.clientPort);
  while (load.acknowledged < 10) await delay(1);
  const afterCut = disk.crash();
  await expect(server.close()).rejects.toThrow("EIO");
  load.stop();
  await running;
  server = await startServer({ disk: afterCut, dataDir: "/data" });
  await expect(load.verify(server.clientPort)).rejects.toThrow("acknowledged session of /writer-0 is lost");
  await server.close();
});

/** The same disk, but log files are not synced when asked, once they are made: a file that is not there would be missed. */
function neverSyncing(disk: MemoryDisk): Disk {
  return {
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (path) => disk.list(path),
    open: async (path, mode) => {
      const file = await disk.open(path, mode);
      let syncs = mode === "create" ? 0 : 1;
      return {
        size: () => file.size(),
        read: (position, length) => file.read(position, length),
        write: (position, bytes) => file.write(position, bytes),
        truncate: (length) => file.truncate(length),
        sync: async () => {
          if (!path.includes("/log.") || syncs++ === 0) await file.sync();
        },
        close: () => file.close(),
      };
    },
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncDirectory: (path) => disk.syncDirectory(path),
    claimDirectory: (path) => disk.claimDirectory(path),
  };
}
