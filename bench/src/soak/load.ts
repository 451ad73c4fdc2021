/** A mixed load that goes on until it is told to stop: reads, writes, ephemerals, watches, sessions that come and go. */
import { type Client, connect } from "@corral/client";
import * as hdr from "hdr-histogram-js";
import { LoadConnection } from "../load/connection.ts";

/** What an interval saw. */
export interface Interval {
  readonly reads: number;
  readonly writes: number;
  readonly sessions: number;
  readonly events: number;
  readonly readMs: { readonly p50: number; readonly p99: number };
  readonly writeMs: { readonly p50: number; readonly p99: number };
}

const timeouts = { sessionTimeoutMs: 30_000 };
const nodes = 1_000;
const readers = 4;
const depth = 8;
const churners = 4;

/** The load; see the head of this file. */
export class SoakLoad {
  readonly #port: number;
  readonly #reads = histogram();
  readonly #writes = histogram();
  #sessions = 0;
  #events = 0;
  #stopped = false;
  #running: Promise<unknown>[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  /** Builds the tree and begins. */
  async start(): Promise<void> {
    const client = await this.#connect();
    for (const path of ["/soak", "/soak/data", "/soak/members", "/soak/queue"]) await client.create(path);
    for (let i = 0; i < nodes; i++) await client.create(`/soak/data/${i}`, "x".repeat(100));
    await client.close();
    const watcher = this.#watch();
    const work = Array.from({ length: readers }, (_, i) => this.#readAndWrite(i));
    const queues = [this.#queue(), this.#queue()];
    const churn = Array.from({ length: churners }, (_, i) => this.#churn(i));
    this.#running = [watcher, ...work, ...queues, ...churn];
  }

  /** Rejects when a part of the load fails; resolves when it was stopped. */
  get over(): Promise<unknown> {
    return Promise.all(this.#running);
  }

  stop(): Promise<unknown> {
    this.#stopped = true;
    return this.over;
  }

  /** What was seen since it was asked the last time. */
  take(): Interval {
    const interval = {
      reads: this.#reads.totalCount,
      writes: this.#writes.totalCount,
      sessions: this.#sessions,
      events: this.#events,
      readMs: percentiles(this.#reads),
      writeMs: percentiles(this.#writes),
    };
    this.#reads.reset();
    this.#writes.reset();
    this.#sessions = 0;
    this.#events = 0;
    return interval;
  }

  #connect(): Promise<Client> {
    return connect(`127.0.0.1:${this.#port}`, timeouts);
  }

  async #timed<T>(into: hdr.Histogram, call: () => Promise<T>): Promise<T> {
    const sentMs = performance.now();
    const value = await call();
    into.recordValue(Math.max(1, Math.round((performance.now() - sentMs) * 1_000)));
    return value;
  }

  /** Nine reads to one write, several at a time. */
  async #readAndWrite(worker: number): Promise<void> {
    const client = await this.#connect();
    const lane = async (first: number): Promise<void> => {
      for (let i = first; !this.#stopped; i += 7) {
        const path = `/soak/data/${i % nodes}`;
        if (i % 10 === 0) await this.#timed(this.#writes, () => client.set(path, "y".repeat(100)));
        else await this.#timed(this.#reads, () => client.get(path));
      }
    };
    await Promise.all(Array.from({ length: depth }, (_, i) => lane(worker * 100 + i)));
    await client.close();
  }

  /** Ephemerals in a sequence, made and taken away. */
  async #queue(): Promise<void> {
    const client = await this.#connect();
    while (!this.#stopped) {
      const path = await this.#timed(this.#writes, () =>
        client.create("/soak/queue/item-", "z", { mode: "ephemeralSequential" }),
      );
      await this.#timed(this.#writes, () => client.delete(path));
    }
    await client.close();
  }

  /** Hears who comes and goes. */
  async #watch(): Promise<void> {
    const client = await this.#connect();
    const watching = client.watchChildren("/soak/members").subscribe(() => {
      this.#events++;
    });
    while (!this.#stopped) await new Promise((resolve) => setTimeout(resolve, 50));
    watching.unsubscribe();
    await client.close();
  }

  /** Sessions that come, have an ephemeral, and are closed; and some that are never heard of again. */
  async #churn(churner: number): Promise<void> {
    for (let round = 0; !this.#stopped; round++) {
      if (round % 4 === 3) {
        const lost = await LoadConnection.open(this.#port, 4_000);
        lost.abandon();
      } else {
        const client = await this.#connect();
        await client.create(`/soak/members/${churner}-${round}`, "m", { mode: "ephemeral" });
        await client.children("/soak/members");
        await client.close();
      }
      this.#sessions++;
    }
  }
}

function histogram(): hdr.Histogram {
  return hdr.build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 120_000_000,
    numberOfSignificantValueDigits: 3,
  });
}

function percentiles(of: hdr.Histogram): { readonly p50: number; readonly p99: number } {
  return { p50: of.getValueAtPercentile(50) / 1_000, p99: of.getValueAtPercentile(99) / 1_000 };
}
