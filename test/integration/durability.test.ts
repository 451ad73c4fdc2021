/** What was acknowledged survives: SIGKILL of the real process, and a disk that loses everything not synced. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Server, startServer } from "@corral/server";
import { MemoryDisk, seededRandom } from "@corral/testing";
import { expect, test } from "vitest";
import { AcknowledgedLoad, type Verdict } from "../support/acknowledged-load.ts";
import { ServerProcess } from "../support/server-process.ts";

/** Kills and power cuts. More on demand: CORRAL_KILLS=300. */
const kills = Number(process.env["CORRAL_KILLS"] ?? 30);
const seed = Number(process.env["CORRAL_SEED"] ?? Date.now() % 1_000_000);

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
        // A random moment under load, and never before something was acknowledged.
        do await delay(random.fraction() * 150);
        while (load.acknowledged === before);
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
  60_000 + kills * 5_000,
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
      while (load.acknowledged === before);
      // Every third cut keeps nothing at all; the others keep a random part of what was not synced: torn records, holes.
      disk = round % 3 === 0 ? disk.crash() : disk.crash({ random });
      const dead = server;
      await dead.close();
      load.stop();
      await running;
      server = await start();
      total.add(await load.verify(server.clientPort), round);
    }
    await server.close();
    expect(total.writes).toBeGreaterThan(kills * 10);
    expect(total.ephemerals).toBeGreaterThan(0);
  },
  60_000 + kills * 5_000,
);
