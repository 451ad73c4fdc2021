/** Puts a figure's load on a server, closed loop, and measures. */
import { readFileSync } from "node:fs";
import * as hdr from "hdr-histogram-js";
import type { Figure } from "../figures.ts";
import type { Measurement } from "../measurement.ts";
import { LoadConnection } from "./connection.ts";
import { building, filling, type Request, requestsOf } from "./requests.ts";

/** One run. */
export interface LoadSpec {
  readonly port: number;
  /** The server's process, for its CPU time. */
  readonly pid: number;
  readonly figure: Figure;
  /** Not measured. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** Builds the tree that all figures use. The server must not have it yet. */
export async function prepare(port: number): Promise<void> {
  const connection = await LoadConnection.open(port);
  const requests = building().values();
  await connection.run({ next: () => requests.next().value, depth: 100, onReply() {} });
  await connection.close();
}

/** Fills a fresh server with so many nodes of 100 bytes, below a hundred parents. */
export async function fill(port: number, nodes: number): Promise<void> {
  const connection = await LoadConnection.open(port);
  const requests = filling(nodes);
  await connection.run({ next: () => requests.next().value ?? undefined, depth: 200, onReply() {} });
  await connection.close();
}

/** Opens so many sessions that outlive their connections by an hour. */
export async function openSessions(port: number, count: number): Promise<void> {
  for (let opened = 0; opened < count; ) {
    const some = Math.min(100, count - opened);
    const connections = await Promise.all(Array.from({ length: some }, () => LoadConnection.open(port, 3_600_000)));
    for (const connection of connections) connection.abandon();
    opened += some;
  }
}

/** Runs the load. Rejects with a `LoadError` at the first reply that is wrong. */
export async function load({ port, pid, figure, warmUpSeconds, seconds }: LoadSpec): Promise<Measurement> {
  const connections = await Promise.all(Array.from({ length: figure.connections }, () => LoadConnection.open(port)));
  const histogram = hdr.build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 60_000_000,
    numberOfSignificantValueDigits: 3,
  });
  let count = 0;
  let measuring = false;
  let stopped = false;
  let onUsedUp: () => void = () => {};
  const usedUp = new Promise<void>((resolve) => {
    onUsedUp = resolve;
  });
  const requests = connections.map((_, i) => requestsOf(figure, i));
  const { depth } = figure;
  await Promise.all(connections.map((one, i) => forSeconds(one, requests[i]?.before, depth, warmUpSeconds + seconds)));
  const work = connections.map((connection, i) => {
    const next = () => {
      const request = requests[i]?.next();
      if (request === undefined) onUsedUp();
      return request;
    };
    return connection.run({
      next: () => (stopped ? undefined : next()),
      depth: figure.depth,
      onReply(sentMs, receivedMs) {
        if (!measuring) return;
        count++;
        histogram.recordValue(Math.max(1, Math.round((receivedMs - sentMs) * 1000)));
      },
    });
  });
  const failed = Promise.all(work);
  await Promise.race([failed, sleep(warmUpSeconds)]);
  const before = instant(pid);
  measuring = true;
  // From when one connection has nothing to do any more, there is less load than the figure says.
  await Promise.race([failed, usedUp, sleep(seconds)]);
  measuring = false;
  const after = instant(pid);
  stopped = true;
  await failed;
  await Promise.all(connections.map((connection, i) => sendAll(connection, requests[i]?.after, depth)));
  await Promise.all(connections.map((connection) => connection.close()));

  const elapsedMs = after.ms - before.ms;
  const cpuUs = before.serverCpuUs === undefined ? undefined : (after.serverCpuUs ?? Number.NaN) - before.serverCpuUs;
  return {
    operationsPerSecond: (count / elapsedMs) * 1000,
    latencyMs: {
      p50: histogram.getValueAtPercentile(50) / 1000,
      p99: histogram.getValueAtPercentile(99) / 1000,
      max: histogram.maxValue / 1000,
    },
    serverCpuUs: cpuUs === undefined ? undefined : cpuUs / count,
    driverCpuPercent: (after.driverCpuUs - before.driverCpuUs) / elapsedMs / 10,
  };
}

/** Sends for so long what there is to send. */
async function forSeconds(
  connection: LoadConnection,
  source: (() => Request) | undefined,
  depth: number,
  seconds: number,
): Promise<void> {
  const endMs = performance.now() + seconds * 1000;
  await sendAll(connection, source && (() => (performance.now() < endMs ? source() : undefined)), depth);
}

async function sendAll(
  connection: LoadConnection,
  next: (() => Request | undefined) | undefined,
  depth: number,
): Promise<void> {
  if (next !== undefined) await connection.run({ next, depth, onReply() {} });
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

function instant(pid: number) {
  const { user, system } = process.cpuUsage();
  return { ms: performance.now(), driverCpuUs: user + system, serverCpuUs: cpuUsOf(pid) };
}

/** CPU time of another process from Linux's /proc, in microseconds; undefined where there is no such thing. */
export function cpuUsOf(pid: number): number | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined; // not Linux
  }
  // After the name, which is in parentheses and may hold anything: user and system time are the 12th and 13th field.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return ticks * 10_000; // the kernel shows hundredths of a second to every program, whatever it counts in
}
