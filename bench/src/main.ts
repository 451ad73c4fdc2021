/**
 * `npm run bench`: starts our server and, if it is installed, Apache ZooKeeper, puts the same load on both in turn, and
 * prints what came out next to each other.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { type Driver, DriverError, ownDriver, prepare, type Timing, zkload } from "./drivers.ts";
import { type Figure, figures } from "./figures.ts";
import { describeMachine, javaVersion } from "./machine.ts";
import type { Measurement } from "./measurement.ts";
import { type Row, table } from "./report.ts";
import { findApache, type Running, StartError, startApache, startCeiling, startCorral } from "./servers.ts";

interface Options {
  readonly seconds: number;
  readonly warmUp: number;
  readonly rounds: number;
  readonly only: string | undefined;
  readonly quick: boolean;
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
  .option("--no-peer", "without Apache ZooKeeper")
  .option("--no-ceiling", "without the server that does nothing")
  .option(
    "--data-dir <dir>",
    "where the servers keep their data meanwhile; on a disk, for writes to mean something",
    tmpdir(),
  )
  .parse()
  .opts<Options>();

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort(signal));

const directory = mkdtempSync(join(resolve(options.dataDir), "corral-bench-"));
const servers: Running[] = [];
try {
  await main();
} catch (error) {
  if (stop.signal.aborted) process.exitCode = stop.signal.reason === "SIGINT" ? 130 : 143;
  else if (error instanceof StartError || error instanceof DriverError) {
    print(error.message);
    process.exitCode = 1;
  } else throw error;
} finally {
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(directory, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const chosen = figures.filter(({ name }) => name.includes(options.only ?? ""));
  if (chosen.length === 0) {
    print(`No figure's name holds '${options.only}'. There are: ${figures.map(({ name }) => name).join(", ")}.`);
    process.exitCode = 2;
    return;
  }
  const timing: Timing = options.quick
    ? { warmUpSeconds: 0.3, seconds: 1 }
    : { warmUpSeconds: options.warmUp, seconds: options.seconds };
  const rounds = options.quick ? 1 : options.rounds;
  const apache = options.peer ? findApache() : undefined;

  for (const line of describeMachine(directory)) print(line);
  if (apache !== undefined) print(javaVersion() ?? "Java of unknown version");
  if (options.peer && apache === undefined)
    print("Apache ZooKeeper is not installed (Debian: apt install zookeeper); ours alone.");
  const ours = await started(startCorral(directory));
  const theirs = apache && (await started(startApache(apache, directory)));
  const ceiling = options.ceiling ? await started(startCeiling()) : undefined;
  print(`${[ours, theirs].flatMap((one) => one?.name ?? []).join(" and ")}: durable, standalone, data in ${directory}`);
  print(`${rounds} × ${timing.seconds} s a figure after ${timing.warmUpSeconds} s, in turn; medians`);

  const loaded = [ours, ...(theirs ? [theirs] : [])];
  for (const server of loaded) await prepare(server, stop.signal);
  if (!options.quick) await warmUp(loaded);
  const drivers = [ownDriver, ...(process.env.ZKLOAD ? [zkload(resolve(process.env.ZKLOAD))] : [])];
  for (const driver of drivers) {
    const rows: Row[] = [];
    for (const figure of chosen) {
      rows.push(await measure(driver, figure, { ours, theirs, ceiling: driver === ownDriver ? ceiling : undefined }));
    }
    print(`\n${driver.name}\n\n${table(rows)}`);
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
        if (server === undefined) continue;
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
  servers.push(server);
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
