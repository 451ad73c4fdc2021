/** The two programs that put load on a server: our own, and optionally zkload, written in C by others than us. */
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Figure, type LoadOperation, tree } from "./figures.ts";
import type { LoadSpec } from "./load/load.ts";
import type { Measurement } from "./measurement.ts";
import type { Scenario, ScenarioSpec } from "./scenarios/scenarios.ts";
import { ceilingName, type Running } from "./servers.ts";

/** How long to measure. */
export interface Timing {
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** A program that measures one figure on one server. */
export interface Driver {
  readonly name: string;
  measure(figure: Figure, server: Running, timing: Timing, signal: AbortSignal): Promise<Measurement>;
  /** Answers the figure in the scenario's unit. */
  measureScenario(scenario: Scenario, server: Running, timing: Timing, signal: AbortSignal): Promise<number>;
}

/** How often watchers see a change in one run. */
const changes = 5;

/** A run that failed: the server answered wrongly, or the driver could not be started. */
export class DriverError extends Error {
  override readonly name = "DriverError";
}

const loadProcess = fileURLToPath(new URL("./load-process.js", import.meta.url));

/** Builds the tree on a fresh server. */
export async function prepare(server: Running, signal: AbortSignal): Promise<void> {
  await output(process.execPath, [loadProcess, JSON.stringify({ prepare: server.port })], signal);
}

/** Fills a fresh server with nodes, and then with sessions that nobody is connected to. */
export async function fill(
  { port }: Running,
  { nodes, sessions }: { readonly nodes: number; readonly sessions: number },
  signal: AbortSignal,
): Promise<void> {
  await output(process.execPath, [loadProcess, JSON.stringify({ fill: port, nodes })], signal);
  await output(process.execPath, [loadProcess, JSON.stringify({ sessions: port, count: sessions })], signal);
}

/** Our own driver: one process of Node, raw sockets. */
export const ownDriver: Driver = {
  name: "own driver",
  async measure(figure, { port, pid }, timing, signal) {
    const spec: LoadSpec = { port, pid, figure, ...timing };
    return JSON.parse(await output(process.execPath, [loadProcess, JSON.stringify(spec)], signal)) as Measurement;
  },
  async measureScenario(scenario, { port }, timing, signal) {
    const spec: ScenarioSpec = { scenario, port, changes, ...timing };
    return JSON.parse(await output(process.execPath, [loadProcess, JSON.stringify(spec)], signal)) as number;
  },
};

const zkloadNames: Readonly<Record<LoadOperation, string>> = {
  get: "get",
  set: "set",
  setKib: "set",
  children: "children",
  create: "create",
  createEphemeralSequential: "createes",
  delete: "delete",
  createDelete: "createdelete",
};

const zkloadModes: Readonly<Record<Scenario["kind"], string>> = {
  sessions: "connect",
  watchers: "watch",
  lock: "lock",
};

/** The part that we read of what zkload prints; times are in microseconds. */
interface ZkloadOutput {
  readonly ops_per_sec: number;
  readonly lat_us: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly server_cpu_us_per_op?: number;
  readonly client_cpu_pct?: number;
  /** Only of watchers. */
  readonly fanout_ms?: { readonly p50: number };
}

/**
 * The program zkload at `path`. It counts a create and its delete as it likes; ratios are not touched by that.
 * @throws DriverError when there is no such program
 */
export function zkload(path: string): Driver {
  try {
    accessSync(path, constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new DriverError(`ZKLOAD=${path} cannot be run (${code}). Give it the path of a program, or leave it out.`);
  }
  const run = async (mode: string, options: Readonly<Record<string, string | number | true>>, signal: AbortSignal) => {
    const args = Object.entries(options).flatMap(([name, value]) => [
      `--${name}`,
      ...(value === true ? [] : [`${value}`]),
    ]);
    return JSON.parse(await output(path, [mode, "--json", ...args], signal)) as ZkloadOutput;
  };
  return {
    name: "zkload",
    async measure({ mix, connections, depth }, { port, pid }, { warmUpSeconds, seconds }, signal) {
      const shares = Object.entries(mix).map(([name, share]) => `${zkloadNames[name as LoadOperation]}:${share}`);
      const options = {
        hosts: `127.0.0.1:${port}`,
        conns: connections,
        depth,
        mix: shares.join(","),
        size: "setKib" in mix ? tree.largeBytes : tree.dataBytes,
        // It deletes each once, and then stops.
        keys: "delete" in mix ? 400_000 : tree.keys,
        children: tree.children,
        warmup: warmUpSeconds,
        seconds,
        pid,
      };
      const found = await run("bench", options, signal);
      return {
        operationsPerSecond: found.ops_per_sec,
        latencyMs: { p50: found.lat_us.p50 / 1000, p99: found.lat_us.p99 / 1000, max: found.lat_us.max / 1000 },
        serverCpuUs: found.server_cpu_us_per_op,
        driverCpuPercent: found.client_cpu_pct,
      };
    },
    async measureScenario({ kind, connections, watchers }, { port, name }, { warmUpSeconds, seconds }, signal) {
      const options = {
        // What is in the nodes of a server that keeps nothing is not to be looked at.
        ...(name === ceilingName && { lax: true as const }),
        hosts: `127.0.0.1:${port}`,
        conns: connections,
        ...(kind === "watchers"
          ? { watchers: watchers ?? connections, rounds: changes }
          : { warmup: warmUpSeconds, seconds }),
      };
      const found = await run(zkloadModes[kind], options, signal);
      return found.fanout_ms?.p50 ?? found.ops_per_sec;
    },
  };
}

/** What the program prints, once it has ended well. */
function output(file: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], signal, killSignal: "SIGKILL" });
    let printed = "";
    let complaint = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      printed += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      complaint += text;
    });
    child.once("error", (error) => reject(signal.aborted ? signal.reason : new DriverError(error.message)));
    child.once("close", (code) => {
      if (code === 0) resolve(printed);
      else reject(new DriverError((complaint + printed).trim() || `The driver ended with ${code}.`));
    });
  });
}
