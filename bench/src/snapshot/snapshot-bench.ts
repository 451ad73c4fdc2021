/**
 * How long requests wait while snapshots of a large tree are written, next to how long they wait while none is: in turn, on the
 * same server and under the same load. What is more in the second is what snapshots cost.
 */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fill, ownDriver, type Timing } from "../drivers.ts";
import type { Figure } from "../figures.ts";
import type { Measurement } from "../measurement.ts";
import { aligned } from "../report.ts";
import { type Running, startCorral } from "../servers.ts";

/** What is measured. */
export interface SnapshotBench {
  readonly nodes: number;
  readonly sessions: number;
  readonly timing: Timing;
  readonly rounds: number;
  readonly directory: string;
  readonly signal: AbortSignal;
  /** Gets what was started, to be stopped in any case. */
  readonly started: { stop(): Promise<void> }[];
  progress(line: string): void;
}

/** One stretch of time under load. */
export interface SnapshotRun {
  readonly withSnapshots: boolean;
  readonly measured: Pick<Measurement, "operationsPerSecond" | "latencyMs">;
  /** How long the server's event loop was held up at most, ms; and the most that it computed itself before it came round. */
  readonly stall: Stall;
  /** How long each snapshot took that ended meanwhile, ms. */
  readonly snapshotsMs: readonly number[];
}

/** What the probe in the server's process tells, ms. */
export interface Stall {
  readonly stallMs: number;
  /** NaN where the system does not tell. */
  readonly computedMs: number;
}

/** The server did not do what it was asked for. */
export class SnapshotError extends Error {
  override readonly name = "SnapshotError";
}

const token = "asked-for-by-the-bench";

/** Measures, and gives the table. */
export async function measureSnapshots(bench: SnapshotBench): Promise<string> {
  const { nodes, sessions, rounds, signal, started, progress } = bench;
  const stallFile = join(bench.directory, "stall");
  const directory = join(bench.directory, "snapshot");
  mkdirSync(directory);
  // None by itself: only those that are asked for count.
  const limits = ["snapshotEntries=1000000000", "snapshotLogBytes=100000000000"].flatMap((one) => ["--limit", one]);
  const more = ["--admin-port", "0", "--max-session-timeout", "3600000", "--log-level", "silent", ...limits];
  const probe = new URL("./stall-probe.js", import.meta.url).href;
  const server = await startCorral(directory, more, {
    flags: ["--import", probe],
    env: { CORRAL_ADMIN_TOKEN: token, STALL_FILE: stallFile },
  });
  started.push(server);
  signal.throwIfAborted();
  progress(`filling with ${nodes} nodes and ${sessions} sessions`);
  await fill(server, { nodes, sessions }, signal);
  const load: Figure = {
    name: "get/set 90/10 50x1",
    mix: { get: 90, set: 10 },
    connections: 50,
    depth: 1,
    filledNodes: nodes,
  };
  progress("warming up");
  await ownDriver.measure(load, server, { warmUpSeconds: 0, seconds: bench.timing.seconds / 2 }, signal);
  // With its first answer this process compiles its HTTP client, for which it takes a core while others are to be measured.
  await (await fetch(new URL("/health", server.adminUrl), { signal })).text();
  const runs: SnapshotRun[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const withSnapshots of [false, true]) {
      progress(`round ${round + 1} of ${rounds}: ${withSnapshots ? "with" : "without"} snapshots`);
      runs.push(await run(bench, server, { load, withSnapshots, stallFile }));
    }
  }
  progress("");
  return snapshotTable(runs);
}

async function run(
  { timing, signal }: SnapshotBench,
  server: Running & { readonly adminUrl: string | undefined },
  { load, withSnapshots, stallFile }: { load: Figure; withSnapshots: boolean; stallFile: string },
): Promise<SnapshotRun> {
  const snapshotsMs: number[] = [];
  let measuring = true;
  const snapshots = async () => {
    while (withSnapshots && measuring) snapshotsMs.push(await takeSnapshot(server.adminUrl ?? "", signal));
  };
  await takeStall(server.pid, stallFile);
  const measurement = ownDriver.measure(load, server, timing, signal).finally(() => {
    measuring = false;
  });
  const [measured] = await Promise.all([measurement, snapshots()]);
  return { withSnapshots, measured, stall: await takeStall(server.pid, stallFile), snapshotsMs };
}

/** Has one taken, and waits until it is on the disk. Returns how long that took, ms. */
async function takeSnapshot(adminUrl: string, signal: AbortSignal): Promise<number> {
  const begun = performance.now();
  const response = await fetch(new URL("/commands/snapshot?streaming=false", adminUrl), {
    headers: { authorization: `Bearer ${token}` },
    signal,
  });
  if (!response.ok) throw new SnapshotError(`No snapshot: ${response.status} ${await response.text()}`);
  await response.text();
  return performance.now() - begun;
}

/** The longest stall since this was asked last. */
async function takeStall(pid: number, file: string): Promise<Stall> {
  rmSync(file, { force: true });
  process.kill(pid, "SIGUSR2");
  for (let tries = 0; tries < 1_000; tries++) {
    await delay(10);
    try {
      const { stallMs, computedMs } = JSON.parse(readFileSync(file, "latin1")) as Partial<Stall>;
      // JSON has no NaN.
      return { stallMs: stallMs ?? Number.NaN, computedMs: computedMs ?? Number.NaN };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  throw new SnapshotError("The probe in the server's process does not answer.");
}

/** A line for each run, in the order in which they were made. */
export function snapshotTable(runs: readonly SnapshotRun[]): string {
  const rows = runs.map(({ withSnapshots, measured, stall, snapshotsMs }) => [
    withSnapshots ? "with" : "without",
    Math.round(measured.operationsPerSecond).toLocaleString("en"),
    measured.latencyMs.p50.toFixed(2),
    measured.latencyMs.p99.toFixed(2),
    measured.latencyMs.max.toFixed(1),
    stall.stallMs.toFixed(1),
    Number.isNaN(stall.computedMs) ? "" : stall.computedMs.toFixed(1),
    String(snapshotsMs.length),
    snapshotsMs.length === 0 ? "" : (Math.max(...snapshotsMs) / 1_000).toFixed(1),
  ]);
  const head = [
    "snapshots",
    "op/s",
    "p50 ms",
    "p99 ms",
    "longest ms",
    "longest stall ms",
    "of own ms",
    "taken",
    "longest s",
  ];
  return aligned([head, ...rows]);
}
