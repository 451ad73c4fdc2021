/**
 * How large a server is and how long it takes to start: empty, with many nodes, and again after it was killed. Each server
 * alone on the machine, one after the other, every round on a directory of its own.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { DriverError } from "../drivers.ts";
import { median, ratio } from "../measurement.ts";
import { aligned, times } from "../report.ts";
import { residentMiB } from "../server-facts.ts";
import type { Running } from "../servers.ts";

/** What is measured, and with how many nodes. */
export interface SizeBench {
  readonly nodes: number;
  readonly rounds: number;
  readonly directory: string;
  /** Starts a server on a directory, which may hold what one of its kind has left. */
  readonly start: Readonly<Record<"ours" | "theirs", ((directory: string) => Promise<Running>) | undefined>>;
  progress(line: string): void;
}

/** One round with one server. Times in ms, memory in MiB. */
export interface SizeRun {
  readonly coldStartMs: number;
  readonly emptyMiB: number;
  readonly fillMs: number;
  readonly filledMiB: number;
  readonly restartMs: number;
  readonly restartedMiB: number;
}

/** How long a server is left alone before its memory is looked at. */
const settleMs = 3_000;

const loadProcess = fileURLToPath(new URL("../load-process.js", import.meta.url));

/** Measures, and gives the table. */
export async function measureSizes(bench: SizeBench): Promise<string> {
  const runs: Record<"ours" | "theirs", SizeRun[]> = { ours: [], theirs: [] };
  for (let round = 0; round < bench.rounds; round++) {
    const turn = round % 2 === 1 ? (["theirs", "ours"] as const) : (["ours", "theirs"] as const);
    for (const whose of turn) {
      const start = bench.start[whose];
      if (start === undefined) continue;
      const directory = join(bench.directory, `size-${whose}-${round}`);
      mkdirSync(directory);
      runs[whose].push(await measureOne(bench, start, directory, `round ${round + 1} of ${bench.rounds}`));
    }
  }
  bench.progress("");
  return sizeTable(bench.nodes, runs.ours, runs.theirs);
}

async function measureOne(
  { nodes, progress }: SizeBench,
  start: (directory: string) => Promise<Running>,
  directory: string,
  round: string,
): Promise<SizeRun> {
  const begun = performance.now();
  const first = await start(directory);
  const coldStartMs = performance.now() - begun;
  let killed = 0;
  try {
    progress(`${round}: ${first.name}, empty`);
    await delay(settleMs);
    const emptyMiB = residentMiB(first.pid);
    progress(`${round}: ${first.name} is filled with ${nodes} nodes`);
    const filling = performance.now();
    fill(first.port, nodes);
    const fillMs = performance.now() - filling;
    await delay(settleMs);
    const filledMiB = residentMiB(first.pid);
    process.kill(first.pid, "SIGKILL");
    await first.stop();
    killed = performance.now();
    progress(`${round}: ${first.name} starts again`);
    const second = await start(directory);
    const restartMs = performance.now() - killed;
    try {
      await delay(settleMs);
      return { coldStartMs, emptyMiB, fillMs, filledMiB, restartMs, restartedMiB: residentMiB(second.pid) };
    } finally {
      await second.stop();
    }
  } finally {
    await first.stop();
  }
}

function fill(port: number, nodes: number): void {
  const { status, stderr } = spawnSync(process.execPath, [loadProcess, JSON.stringify({ fill: port, nodes })], {
    encoding: "utf8",
  });
  if (status !== 0) throw new DriverError(stderr.trim() || `The driver ended with ${status}.`);
}

/** Memory in MiB and times in seconds or milliseconds; ratios below 1 are good. */
export function sizeTable(nodes: number, ours: readonly SizeRun[], theirs: readonly SizeRun[]): string {
  const many = nodes.toLocaleString("en");
  const rows: [string, keyof SizeRun, (value: number) => string][] = [
    ["cold start", "coldStartMs", (ms) => `${Math.round(ms)} ms`],
    ["memory, empty", "emptyMiB", (mib) => `${Math.round(mib)} MiB`],
    [`filling with ${many} nodes of 100 B`, "fillMs", (ms) => `${(ms / 1_000).toFixed(1)} s`],
    [`memory, just filled`, "filledMiB", (mib) => `${Math.round(mib)} MiB`],
    [`start after SIGKILL with ${many} nodes`, "restartMs", (ms) => `${(ms / 1_000).toFixed(2)} s`],
    [`memory after that`, "restartedMiB", (mib) => `${Math.round(mib)} MiB`],
  ];
  const body = rows.map(([what, part, show]) => [
    what,
    show(median(ours.map((run) => run[part]))),
    theirs.length === 0 ? "" : show(median(theirs.map((run) => run[part]))),
    times(ratio(ours, theirs, (run) => run[part])),
  ]);
  return aligned([["figure", "Corral", "Apache", "ratio"], ...body]);
}
