/** `npm run soak`: a mixed load with sessions that come and go, for as long as one likes; prints sizes and latencies, and judges. */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { describeMachine } from "../machine.ts";
import { monitorOf, residentMiB } from "../server-facts.ts";
import { startCorral } from "../servers.ts";
import { growth } from "./flatness.ts";
import { type Interval, SoakLoad } from "./load.ts";

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("It must be a number above 0.");
  return value;
}

const { minutes, intervals, dataDir } = new Command("npm run soak --")
  .description("A mixed load with sessions that come and go. Fails when sizes or latencies grow.")
  .option("--minutes <n>", "how long", positive, 3)
  .option("--intervals <n>", "how often sizes and latencies are looked at", positive, 15)
  .option("--data-dir <dir>", "where the server keeps its data meanwhile", tmpdir())
  .parse()
  .opts<{ minutes: number; intervals: number; dataDir: string }>();

interface Sample extends Interval {
  readonly atS: number;
  readonly residentMiB: number;
  readonly diskMiB: number;
  readonly facts: ReadonlyMap<string, number>;
}

const say = (text: string): boolean => process.stdout.write(`${text}\n`);

function directoryMiB(path: string): number {
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0) / 2 ** 20;
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0; // purged meanwhile
  }
}

const heads =
  "    at s   MiB  disk  nodes sessions watches  reads/s p50 ms p99 ms  writes/s p50 ms p99 ms  sessions/s events/s";

function line(s: Sample, seconds: number): string {
  const cells: [number, number, number][] = [
    [s.atS, 8, 0],
    [s.residentMiB, 6, 0],
    [s.diskMiB, 6, 0],
    [s.facts.get("znode_count") ?? Number.NaN, 7, 0],
    [s.facts.get("global_sessions") ?? Number.NaN, 9, 0],
    [s.facts.get("watch_count") ?? Number.NaN, 8, 0],
    [s.reads / seconds, 9, 0],
    [s.readMs.p50, 7, 2],
    [s.readMs.p99, 7, 1],
    [s.writes / seconds, 10, 0],
    [s.writeMs.p50, 7, 2],
    [s.writeMs.p99, 7, 1],
    [s.sessions / seconds, 12, 0],
    [s.events / seconds, 9, 0],
  ];
  return cells.map(([value, width, digits]) => value.toFixed(digits).padStart(width)).join("");
}

const directory = mkdtempSync(join(dataDir, "corral-soak-"));
const args = ["--four-letter-words", "*", "--log-level", "silent", "--min-session-timeout", "4000"];
const server = await startCorral(directory, args);
const samples: Sample[] = [];
const seconds = (minutes * 60) / intervals;
try {
  say(`${(await describeMachine(directory)).join(", ")}\nminutes: ${minutes}\n${heads}`);
  const load = new SoakLoad(server.port);
  await load.start();
  const beganMs = performance.now();
  for (let n = 1; n <= intervals; n++) {
    const untilMs = beganMs + n * seconds * 1_000;
    await Promise.race([load.over, new Promise((resolve) => setTimeout(resolve, untilMs - performance.now()))]);
    const sample: Sample = {
      ...load.take(),
      atS: (performance.now() - beganMs) / 1_000,
      residentMiB: residentMiB(server.pid),
      diskMiB: directoryMiB(join(directory, "corral")),
      facts: await monitorOf(server.port),
    };
    samples.push(sample);
    say(line(sample, seconds));
  }
  await load.stop();
  const fact = (name: string): number[] => samples.map(({ facts }) => facts.get(name) ?? 0);
  const grown = [
    { name: "resident memory (MiB)", values: samples.map((s) => s.residentMiB), factor: 1.15, slack: 32 },
    { name: "nodes", values: fact("znode_count"), factor: 1.1, slack: 50 },
    // Those that were never closed last until they expire: there are as many as were opened in those seconds.
    {
      name: "sessions there are, by those opened in a second",
      values: samples.map(
        ({ facts, sessions }) => ((facts.get("global_sessions") ?? 0) * seconds) / Math.max(1, sessions),
      ),
      factor: 1.5,
      slack: 2,
    },
    { name: "watches", values: fact("watch_count"), factor: 1.5, slack: 50 },
    { name: "median latency of reads (ms)", values: samples.map((s) => s.readMs.p50), factor: 1.5, slack: 1 },
    { name: "median latency of writes (ms)", values: samples.map((s) => s.writeMs.p50), factor: 1.5, slack: 2 },
  ].flatMap((series) => growth(series) ?? []);
  for (const sentence of grown) say(sentence);
  say(grown.length === 0 ? "soak: sizes and latencies are flat" : "soak: failed");
  if (grown.length > 0) process.exitCode = 1;
} finally {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
}
