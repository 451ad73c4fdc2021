/** One queue, several libraries: what ours puts, Curator's queues and kazoo's LockingQueue take, and the other way round. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { connect } from "@corral/client";
import { curatorItems, DelayQueue, type ItemQueue, PriorityQueue, Queue, utf8 } from "@corral/queues";
import { TestServer } from "@corral/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startApacheZooKeeper } from "../support/apache-zookeeper.ts";
import { JavaProgram } from "../support/java-program.ts";
import { curatorJars, hasCurator, hasKazoo, hasZooKeeper } from "../support/peers.ts";

const patience = { timeoutMs: 60_000 };
const path = "/queue";

/** A foreign program, which prints `took <item>` for each item. */
class Foreigner {
  readonly took: string[] = [];
  readonly process: ChildProcess;
  #stderr = "";
  #onLine = (): void => {};

  constructor(command: string, args: readonly string[]) {
    this.process = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.process.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-5_000);
    });
    if (this.process.stdout === null) throw new Error("standard output is piped");
    createInterface({ input: this.process.stdout }).on("line", (line) => {
      if (line.startsWith("took ")) this.took.push(line.slice(5));
      this.#onLine();
    });
  }

  async tookSo(many: number): Promise<void> {
    while (this.took.length < many) await new Promise<void>((resolve) => (this.#onLine = resolve));
  }

  async done(): Promise<string[]> {
    if (this.process.exitCode === null) await once(this.process, "close");
    expect(this.process.exitCode, this.#stderr).toBe(0);
    return this.took;
  }
}

let program: JavaProgram | undefined;
beforeAll(async () => {
  if (hasCurator()) program = await JavaProgram.compile(join(import.meta.dirname, "CuratorQueue.java"), curatorJars);
});
afterAll(() => program?.[Symbol.asyncDispose]());

const curator = (connectString: string, at: string, kind: string, ...what: string[]) =>
  new Foreigner("java", program?.arguments(connectString, at, kind, ...what) ?? []);
const kazoo = (connectString: string, at: string, ...what: string[]) =>
  new Foreigner("/usr/bin/python3", [join(import.meta.dirname, "kazoo_queue.py"), connectString, at, ...what]);

async function take<T>(queue: ItemQueue<T>, count: number): Promise<T[]> {
  const values: T[] = [];
  for (let i = 0; i < count; i++) {
    const delivery = await queue.take(patience);
    values.push(delivery.value);
    await delivery.acknowledge();
  }
  return values;
}

const servers: readonly [string, boolean, () => Promise<{ connectString: string; close(): Promise<void> }>][] = [
  ["our server", true, () => TestServer.start({ durable: true })],
  ["Apache ZooKeeper", hasZooKeeper(), () => startApacheZooKeeper()],
];

describe.each(servers.filter(([, isAvailable]) => isAvailable))("on %s", (_name, _isAvailable, start) => {
  let server: { connectString: string; close(): Promise<void> };
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.close());

  test.runIf(hasKazoo())("kazoo's LockingQueue and ours", async () => {
    await using client = await connect(server.connectString);
    const at = `${path}-kazoo`;
    const queue = new Queue(client, at, { codec: utf8 });
    await kazoo(server.connectString, at, "put", "kazoo", "3", "100").done();
    expect(await take(queue, 3)).toEqual(["kazoo 0", "kazoo 1", "kazoo 2"]);
    await queue.putAll(["ours 0", "ours 1", "ours 2"]);
    expect(await kazoo(server.connectString, at, "take", "2").done()).toEqual(["ours 0", "ours 1"]);
    // What one of them holds the other does not take.
    const held = await queue.take(patience);
    await queue.put("ours 3");
    const holder = kazoo(server.connectString, at, "hold");
    await holder.tookSo(1);
    expect(holder.took).toEqual(["ours 3"]);
    expect(await queue.tryTake()).toBeUndefined();
    await held.release();
    expect((await queue.take(patience)).value).toBe("ours 2");
    holder.process.stdin?.end("\n");
    await holder.done();
  });

  test.runIf(hasKazoo())("kazoo's priorities and ours", async () => {
    await using client = await connect(server.connectString);
    const at = `${path}-kazoo-priority`;
    const queue = new PriorityQueue(client, at, { codec: utf8 });
    await kazoo(server.connectString, at, "put", "low", "1", "200").done();
    await kazoo(server.connectString, at, "put", "high", "1", "3").done();
    await queue.put("mid", { priority: 100 });
    expect(await take(queue, 3)).toEqual(["high 0", "mid", "low 0"]);
    await queue.put("low", { priority: 7 });
    await queue.put("high", { priority: -7 });
    expect(await kazoo(server.connectString, at, "take", "2").done()).toEqual(["high", "low"]);
  });

  test.runIf(hasCurator())("Curator's DistributedQueue and ours", async () => {
    await using client = await connect(server.connectString);
    const at = `${path}-curator`;
    const queue = new Queue(client, at, { codec: curatorItems(utf8) });
    await curator(server.connectString, at, "fifo", "put", "3").done();
    expect(await take(queue, 3)).toEqual([["curator 0"], ["curator 1"], ["curator 2"]]);
    await queue.putAll([["ours 0"], ["ours 1"], ["ours 2"]]);
    const held = await queue.take(patience);
    expect(await curator(server.connectString, at, "fifo", "take", "2").done()).toEqual(["ours 1", "ours 2"]);
    await held.acknowledge();
    expect(await queue.size()).toBe(0);
  });

  test.runIf(hasCurator())("Curator's DistributedPriorityQueue and ours", async () => {
    await using client = await connect(server.connectString);
    const at = `${path}-curator-priority`;
    const queue = new PriorityQueue(client, at, { codec: curatorItems(utf8) });
    await curator(server.connectString, at, "priority", "put", "3").done();
    await queue.put(["ours"], { priority: -1 });
    expect(await take(queue, 4)).toEqual([["curator 2"], ["curator 1"], ["ours"], ["curator 0"]]);
    for (const priority of [5, -5, 0]) await queue.put([`ours ${priority}`], { priority });
    const took = await curator(server.connectString, at, "priority", "take", "3").done();
    expect(took).toEqual(["ours -5", "ours 0", "ours 5"]);
  });

  test.runIf(hasCurator())("Curator's DistributedDelayQueue and ours", async () => {
    await using client = await connect(server.connectString);
    const at = `${path}-curator-delay`;
    const queue = new DelayQueue(client, at, { codec: curatorItems(utf8) });
    await curator(server.connectString, at, "delay", "put", "3").done();
    expect(await take(queue, 3)).toEqual([["curator 2"], ["curator 1"], ["curator 0"]]);
    const nowMs = Date.now();
    for (const delayMs of [900, 300, 600]) await queue.put([`ours ${delayMs}`], { atMs: nowMs + delayMs });
    const took = await curator(server.connectString, at, "delay", "take", "3").done();
    expect(took).toEqual(["ours 300", "ours 600", "ours 900"]);
  });
});
