/**
 * `npm run bench`: starts our server and, if it is installed, Apache ZooKeeper, puts the same load on both in turn, and
 * prints what came out next to each other.
 */
import { setMaxListeners } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { type Driver, DriverError, ownDriver, prepare, type Timing, zkload } from "./drivers.ts";
import { type Figure, figures } from "./figures.ts";
import { describeMachine, javaVersion } from "./machine.ts";
import type { Measurement } from "./measurement.ts";
import { findLibraries } from "./recipes/contenders.ts";
import { recipeFigures } from "./recipes/figures.ts";
import { UnfairError } from "./recipes/holdings.ts";
import { measureRecipes } from "./recipes/recipe-bench.ts";
import { failOverTable, handOverTable, type RecipeRow } from "./recipes/report.ts";
import { type Row, table } from "./report.ts";
import { measureScenarios } from "./scenarios/scenario-bench.ts";
import { scenarios } from "./scenarios/scenarios.ts";
import { findApache, type Running, StartError, startApache, startCeiling, startCorral } from "./servers.ts";
import { measureSizes } from "./size/size-bench.ts";
import { measureSnapshots, SnapshotError } from "./snapshot/snapshot-bench.ts";

interface Options {
  readonly seconds: number;
  readonly warmUp: number;
  readonly rounds: number;
  readonly only: string | undefined;
  readonly quick: boolean;
  readonly recipes: boolean;
  readonly size: boolean;
  readonly snapshot: boolean;
  readonly nodes: number;
  readonly sessions: number;
  readonly peer: boolean;
  readonly ceiling: boolean;
  readonly dataDir: string;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("It must be a number above 0.");
  return value;
}

const options = new Command("npm run bench --")
  .description("Measures Corral's server next to Apache ZooKeeper. ZKLOAD=path also measures with that program.")
  .option("--seconds <s>", "measured time of each run", positive, 3)
  .option("--warm-up <s>", "time before it that is not measured", positive, 1)
  .option("--rounds <n>", "runs of each figure on each server; the median counts", positive, 3)
  .option("--only <text>", "only figures whose name holds the text")
  .option("--quick", "one round of one second: whether it works, not how fast", false)
  .option("--recipes", "instead: locks and elections next to Curator's and kazoo's, on each server", false)
  .option("--size", "instead: memory, and how long it takes to start, empty and with many nodes", false)
  .option("--snapshot", "instead: how long requests wait while snapshots of many nodes are written", false)
  .option("--nodes <n>", "how many, for --size and --snapshot", positive, 1_000_000)
  .option("--sessions <n>", "how many besides, for --snapshot", positive, 10_000)
  .option("--no-peer", "without Apache ZooKeeper")
  .option("--no-ceiling", "without the server that does nothing")
  .option(
    "--data-dir <dir>",
    "where the servers keep their data meanwhile; on a disk, for writes to mean something",
    tmpdir(),
  )
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
  .opts<Options>();

const stop = new AbortController();
// Each process that is started listens.
setMaxListeners(100, stop.signal);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort(signal));

const directory = makeDirectory();
const processes: { stop(): Promise<void> }[] = [];
try {
  if (options.recipes) await benchRecipes();
  else if (options.size) await benchSizes();
  else if (options.snapshot) await benchSnapshots();
  else await benchServers();
} catch (error) {
  if (stop.signal.aborted) process.exitCode = stop.signal.reason === "SIGINT" ? 130 : 143;
  else if (isFailure(error)) {
    print(error.message);
    process.exitCode = 1;
  } else throw error;
} finally {
  await Promise.all(processes.map((one) => one.stop()));
  rmSync(directory, { recursive: true, force: true });
}

function makeDirectory(): string {
  try {
    return mkdtempSync(join(resolve(options.dataDir), "corral-bench-"));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    print(`--data-dir ${options.dataDir} cannot be used (${code}). Give it a directory that can be written.`);
    process.exit(1);
  }
}

function isFailure(error: unknown): error is Error {
  return (
    error instanceof StartError ||
    error instanceof DriverError ||
    error instanceof UnfairError ||
    error instanceof SnapshotError
  );
}

/** The figures that were asked for; none, and it is said, if there are none. */
function choose<F extends { readonly name: string }>(all: readonly F[]): F[] {
  const chosen = all.filter(({ name }) => name.includes(options.only ?? ""));
  if (chosen.length > 0) return chosen;
  print(`No figure's name holds '${options.only}'. There are: ${all.map(({ name }) => name).join(", ")}.`);
  process.exitCode = 2;
  return [];
}

/** Starts the servers that are compared, and says on what and how they are measured. */
async function begin(): Promise<{ ours: Running; theirs: Running | undefined; timing: Timing; rounds: number }> {
  const timing: Timing = options.quick
    ? { warmUpSeconds: 0.3, seconds: 1 }
    : { warmUpSeconds: options.warmUp, seconds: options.seconds };
  const rounds = options.quick ? 1 : options.rounds;
  const apache = options.peer ? findApache() : undefined;

  for (const line of await describeMachine(directory)) print(line);
  if (apache !== undefined) print(javaVersion() ?? "Java of unknown version");
  if (options.peer && apache === undefined)
    print("Apache ZooKeeper is not installed (Debian: apt install zookeeper); ours alone.");
  const ours = await started(startCorral(directory));
  const theirs = apache && (await started(startApache(apache, directory)));
  print(`${[ours, theirs].flatMap((one) => one?.name ?? []).join(" and ")}: durable, standalone, data in ${directory}`);
  print(`${rounds} × ${timing.seconds} s a figure after ${timing.warmUpSeconds} s, in turn; medians`);
  return { ours, theirs, timing, rounds };
}

async function benchRecipes(): Promise<void> {
  const chosen = choose(recipeFigures);
  if (chosen.length === 0) return;
  const commands = await findLibraries(directory, (what) => print(`Not installed, and left out: ${what}`));
  const { ours, theirs, timing, rounds } = await begin();
  const warmUpSeconds = options.quick ? 0 : 5;
  const bench = { commands, timing, rounds, warmUpSeconds, signal: stop.signal, started: processes, progress };
  const rows: RecipeRow[] = [];
  for (const figure of chosen) {
    for (const server of [theirs, ours]) if (server) rows.push(await measureRecipes(bench, figure, server));
  }
  const handOvers = rows.filter(({ kind }) => kind === "hand-over");
  const failOvers = rows.filter(({ kind }) => kind !== "hand-over");
  if (handOvers.length > 0) print(`\nhand-overs of a lock\n\n${handOverTable(handOvers)}`);
  if (failOvers.length > 0) print(`\nfail-over of an election, when the leader ...\n\n${failOverTable(failOvers)}`);
}

async function benchSizes(): Promise<void> {
  const apache = options.peer ? findApache() : undefined;
  for (const line of await describeMachine(directory)) print(line);
  if (apache !== undefined) print(`${apache.version}; ${javaVersion() ?? "Java of unknown version"}`);
  else if (options.peer) print("Apache ZooKeeper is not installed (Debian: apt install zookeeper); ours alone.");
  const rounds = options.quick ? 1 : options.rounds;
  print(`${rounds} rounds; medians`);
  const start = {
    ours: (directory: string) => started(startCorral(directory)),
    theirs: apache && ((directory: string) => started(startApache(apache, directory))),
  };
  print(`\n${await measureSizes({ nodes: options.nodes, rounds, directory, start, progress })}`);
}

async function benchSnapshots(): Promise<void> {
  for (const line of await describeMachine(directory)) print(line);
  const { nodes, sessions, quick } = options;
  const timing: Timing = quick ? { warmUpSeconds: 0.3, seconds: 1 } : { warmUpSeconds: 1, seconds: 10 };
  const rounds = quick ? 1 : options.rounds;
  print(`${rounds} × ${timing.seconds} s without snapshots and with one after the other, in turn`);
  const bench = { nodes, sessions, timing, rounds, directory, signal: stop.signal, started: processes, progress };
  print(`\n${await measureSnapshots(bench)}`);
}

async function benchServers(): Promise<void> {
  const all = choose([...figures, ...scenarios]);
  if (all.length === 0) return;
  const chosen = figures.filter((figure) => all.includes(figure));
  const chosenScenarios = scenarios.filter((scenario) => all.includes(scenario));
  const drivers = [ownDriver, ...(process.env.ZKLOAD ? [zkload(resolve(process.env.ZKLOAD))] : [])];
  const { ours, theirs, timing, rounds } = await begin();
  const ceiling = options.ceiling ? await started(startCeiling()) : undefined;

  const loaded = [ours, ...(theirs ? [theirs] : [])];
  for (const server of loaded) await prepare(server, stop.signal);
  if (!options.quick) await warmUp(loaded);
  for (const driver of drivers) {
    const rows: Row[] = [];
    for (const figure of chosen) {
      rows.push(await measure(driver, figure, { ours, theirs, ceiling: driver === ownDriver ? ceiling : undefined }));
    }
    if (rows.length > 0) print(`\n${driver.name}\n\n${table(rows)}`);
    const bench = { driver, ours, theirs, ceiling, timing, rounds, signal: stop.signal, progress, leftOut: print };
    const second = await measureScenarios(bench, chosenScenarios);
    if (second !== undefined) print(`\n${driver.name}\n\n${second}`);
  }

  async function measure(
    driver: Driver,
    figure: Figure,
    measured: { readonly [R in keyof Omit<Row, "figure">]: Running | undefined },
  ): Promise<Row> {
    const row = { figure: figure.name, ours: [], theirs: [], ceiling: [] } as { figure: string } & Record<
      keyof typeof measured,
      Measurement[]
    >;
    for (let round = 0; round < rounds; round++) {
      const turn = Object.entries(measured) as [keyof typeof measured, Running | undefined][];
      // Who comes first changes, so that neither always finds the machine as the other left it.
      if (round % 2 === 1) turn.reverse();
      for (const [whose, server] of turn) {
        // The ceiling moves only with the machine; once is enough to know where it is.
        if (server === undefined || (whose === "ceiling" && round > 0)) continue;
        progress(`${driver.name}: ${figure.name}, round ${round + 1} of ${rounds}: ${server.name}`);
        row[whose].push(await driver.measure(figure, server, timing, stop.signal));
      }
    }
    progress("");
    return row;
  }
}

/** A virtual machine compiles what it has run often; without this, the first figures would be of another program. */
async function warmUp(loaded: readonly Running[]): Promise<void> {
  const figure: Figure = {
    name: "warm-up",
    mix: { get: 50, set: 30, children: 10, createDelete: 10 },
    connections: 20,
    depth: 8,
  };
  for (const server of loaded) {
    progress(`warming up ${server.name}`);
    await ownDriver.measure(figure, server, { warmUpSeconds: 0, seconds: 5 }, stop.signal);
  }
}

async function started(starting: Promise<Running>): Promise<Running> {
  const server = await starting;
  processes.push(server);
  stop.signal.throwIfAborted();
  return server;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What is being done, on a terminal only; the next line takes its place. */
function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`);
}
