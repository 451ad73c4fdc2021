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

/** One start of one server that has nothing. Time in ms, memory in MiB. */
export interface EmptyRun {
  readonly coldStartMs: number;
  readonly emptyMiB: number;
}

/** One round with one server that is filled. Times in ms, memory in MiB. */
export interface FilledRun {
  readonly fillMs: number;
  readonly filledMiB: number;
  readonly restartMs: number;
  readonly restartedMiB: number;
}

/** What came of one server's rounds, in their order. */
export interface SizeRuns {
  readonly empty: EmptyRun[];
  readonly filled: FilledRun[];
}

/** A start takes half a second, and on a busy machine twice as long: so a round has several, in turn. */
const emptyStarts = 3;

/** How long a server is left alone before its memory is looked at. */
const settleMs = 3_000;

const loadProcess = fileURLToPath(new URL("../load-process.js", import.meta.url));

/** Measures, and gives the table. */
export async function measureSizes(bench: SizeBench): Promise<string> {
  const runs: Record<"ours" | "theirs", SizeRuns> = {
    ours: { empty: [], filled: [] },
    theirs: { empty: [], filled: [] },
  };
  let directories = 0;
  const inTurn = async (
    turn: number,
    measure: (whose: "ours" | "theirs", start: Start, directory: string) => unknown,
  ) => {
    for (const whose of turn % 2 === 1 ? (["theirs", "ours"] as const) : (["ours", "theirs"] as const)) {
      const start = bench.start[whose];
      if (start === undefined) continue;
      const directory = join(bench.directory, `size-${whose}-${directories++}`);
      mkdirSync(directory);
      await measure(whose, start, directory);
    }
  };
  for (let round = 0; round < bench.rounds; round++) {
    const name = `round ${round + 1} of ${bench.rounds}`;
    for (let turn = 0; turn < emptyStarts; turn++) {
      await inTurn(turn, async (whose, start, directory) =>
        runs[whose].empty.push(await measureEmpty(bench, start, directory, name)),
      );
    }
    await inTurn(round, async (whose, start, directory) =>
      runs[whose].filled.push(await measureFilled(bench, start, directory, name)),
    );
  }
  bench.progress("");
  return sizeTable(bench.nodes, runs.ours, runs.theirs);
}

type Start = (directory: string) => Promise<Running>;

async function measureEmpty(
  { progress }: SizeBench,
  start: Start,
  directory: string,
  round: string,
): Promise<EmptyRun> {
  const begun = performance.now();
  const running = await start(directory);
  const coldStartMs = performance.now() - begun;
  try {
    progress(`${round}: ${running.name}, empty`);
    await delay(settleMs);
    return { coldStartMs, emptyMiB: residentMiB(running.pid) };
  } finally {
    await running.stop();
  }
}

async function measureFilled(
  { nodes, progress }: SizeBench,
  start: Start,
  directory: string,
  round: string,
): Promise<FilledRun> {
  const first = await start(directory);
  try {
    progress(`${round}: ${first.name} is filled with ${nodes} nodes`);
    const filling = performance.now();
    fill(first.port, nodes);
    const fillMs = performance.now() - filling;
    await delay(settleMs);
    const filledMiB = residentMiB(first.pid);
    process.kill(first.pid, "SIGKILL");
    await first.stop();
    const killed = performance.now();
    progress(`${round}: ${first.name} starts again`);
    const second = await start(directory);
    const restartMs = performance.now() - killed;
    try {
      await delay(settleMs);
      return { fillMs, filledMiB, restartMs, restartedMiB: residentMiB(second.pid) };
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
export function sizeTable(nodes: number, ours: SizeRuns, theirs: SizeRuns): string {
  const many = nodes.toLocaleString("en");
  const row = <Run>(
    what: string,
    runs: (of: SizeRuns) => readonly Run[],
    of: (run: Run) => number,
    show: (value: number) => string,
  ) => {
    const shown = (whose: SizeRuns) => (runs(whose).length === 0 ? "" : show(median(runs(whose).map(of))));
    return [what, shown(ours), shown(theirs), times(ratio(runs(ours), runs(theirs), of))];
  };
  const empty = ({ empty }: SizeRuns) => empty;
  const filled = ({ filled }: SizeRuns) => filled;
  const mib = (value: number) => `${Math.round(value)} MiB`;
  return aligned([
    ["figure", "Corral", "Apache", "ratio"],
    row(
      "cold start",
      empty,
      (run) => run.coldStartMs,
      (ms) => `${Math.round(ms)} ms`,
    ),
    row(
      "memory, empty",
      empty,
      (run) => run.emptyMiB,
      (value) => `${value.toFixed(1)} MiB`,
    ),
    row(
      `filling with ${many} nodes of 100 B`,
      filled,
      (run) => run.fillMs,
      (ms) => `${(ms / 1_000).toFixed(1)} s`,
    ),
    row("memory, just filled", filled, (run) => run.filledMiB, mib),
    row(
      `start after SIGKILL with ${many} nodes`,
      filled,
      (run) => run.restartMs,
      (ms) => `${(ms / 1_000).toFixed(2)} s`,
    ),
    row("memory after that", filled, (run) => run.restartedMiB, mib),
  ]);
}
