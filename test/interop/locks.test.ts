/**
 * One lock, several libraries: our mutex, Curator's InterProcessMutex and kazoo's Lock keep each other out; and so do our
 * read/write lock, semaphore and election and those of Curator.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { type Client, connect } from "@corral/client";
import { Election } from "@corral/leader-election";
import { Mutex, ReadWriteLock, Semaphore } from "@corral/locks";
import { TestServer } from "@corral/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApacheZooKeeper, startApacheZooKeeper } from "../support/apache-zookeeper.ts";
import { JavaProgram } from "../support/java-program.ts";
import { curatorJars, hasCurator, hasKazoo, hasZooKeeper } from "../support/peers.ts";

const rounds = 60;

/** A time in which somebody held the lock, ns on the machine's monotonic clock. */
interface Holding {
  readonly who: string;
  readonly from: bigint;
  readonly until: bigint;
}

/** A foreign program that holds the lock. */
class Foreigner {
  readonly holdings: Holding[] = [];
  readonly ready: Promise<void>;
  readonly #process: ChildProcess;
  readonly #who: string;
  #stderr = "";

  constructor(who: string, command: string, args: readonly string[]) {
    this.#who = who;
    this.#process = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#process.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-5_000);
    });
    this.ready = new Promise((resolve, reject) => {
      const { stdout } = this.#process;
      if (stdout === null) return reject(new Error("standard output is piped"));
      createInterface({ input: stdout }).on("line", (line) => {
        if (line === "ready") resolve();
        const [word, from, until] = line.split(" ");
        if (word === "held") this.holdings.push({ who, from: BigInt(from ?? 0), until: BigInt(until ?? 0) });
      });
      this.#process.once("exit", (code) => reject(new Error(`${who} ended with code ${code}: ${this.#stderr}`)));
    });
    this.ready.catch(() => undefined);
  }

  /** Resolves when it has held the lock as often as it should. */
  async done(): Promise<void> {
    if (this.#process.exitCode === null) await once(this.#process, "exit");
    expect(this.#process.exitCode, `${this.#who}: ${this.#stderr}`).toBe(0);
    expect(this.holdings).toHaveLength(rounds);
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }
}

type Recipe = "mutex" | "read-write" | "semaphore" | "latch";

/** Runs `act` while we hold it. */
async function withOurs(client: Client, path: string, recipe: Recipe, act: () => Promise<void>): Promise<void> {
  const patience = { timeoutMs: 60_000 };
  switch (recipe) {
    case "mutex":
      return await new Mutex(client, path).withLock(act, patience);
    case "read-write":
      return await new ReadWriteLock(client, path).write.withLock(act, patience);
    case "semaphore":
      return await new Semaphore(client, path, { limit: 1 }).withLease(act, patience);
    case "latch":
      return await new Election(client, path).lead(act, patience);
  }
}

/** Ours, as often, in this process. */
async function hold(connectString: string, path: string, who: string, recipe: Recipe): Promise<Holding[]> {
  await using client = await connect(connectString);
  const holdings: Holding[] = [];
  for (let i = 0; i < rounds; i++) {
    await withOurs(client, path, recipe, async () => {
      const from = process.hrtime.bigint();
      await delay(2);
      holdings.push({ who, from, until: process.hrtime.bigint() });
    });
  }
  return holdings;
}

function expectNoOverlap(holdings: readonly Holding[]): void {
  const inOrder = [...holdings].sort((a, b) => Number(a.from - b.from));
  for (const [i, now] of inOrder.entries()) {
    const before = inOrder[i - 1];
    if (before === undefined) continue;
    expect(before.until < now.from, `${before.who} until ${before.until}, ${now.who} from ${now.from}`).toBe(true);
  }
  // It is no proof unless they met.
  const changes = inOrder.filter(({ who }, i) => i > 0 && inOrder[i - 1]?.who !== who).length;
  expect(changes).toBeGreaterThan(rounds / 4);
}

async function together(
  connectString: string,
  foreigner: Foreigner,
  path: string,
  recipe: Recipe = "mutex",
): Promise<void> {
  try {
    await foreigner.ready;
    const ours = await Promise.all(["ours 1", "ours 2"].map((who) => hold(connectString, path, who, recipe)));
    await foreigner.done();
    expectNoOverlap([...ours.flat(), ...foreigner.holdings]);
  } finally {
    foreigner.kill();
  }
}

let program: JavaProgram | undefined;
beforeAll(async () => {
  if (hasCurator()) program = await JavaProgram.compile(join(import.meta.dirname, "CuratorHolder.java"), curatorJars);
});
afterAll(() => program?.[Symbol.asyncDispose]());

const curator = (connectString: string, path: string, recipe: Recipe = "mutex") =>
  new Foreigner("Curator", "java", program?.arguments(connectString, path, String(rounds), recipe) ?? []);
const kazoo = (connectString: string, path: string) =>
  new Foreigner("kazoo", "/usr/bin/python3", [
    join(import.meta.dirname, "kazoo_mutex.py"),
    connectString,
    path,
    String(rounds),
  ]);

describe.runIf(hasZooKeeper())("on Apache ZooKeeper", () => {
  let apache: ApacheZooKeeper;
  beforeAll(async () => {
    apache = await startApacheZooKeeper();
  });
  afterAll(() => apache.close());

  test.runIf(hasCurator())("our mutex and Curator's", () =>
    together(apache.connectString, curator(apache.connectString, "/with-curator"), "/with-curator"),
  );
  test.runIf(hasKazoo())("our mutex and kazoo's", () =>
    together(apache.connectString, kazoo(apache.connectString, "/with-kazoo"), "/with-kazoo"),
  );
});

describe("on our server", () => {
  test.runIf(hasCurator())("our mutex and Curator's", async () => {
    await using server = await TestServer.start({ durable: true });
    await together(server.connectString, curator(server.connectString, "/lock"), "/lock");
  });
  test.runIf(hasCurator()).each(["read-write", "semaphore", "latch"] as const)(
    "ours and Curator's: %s",
    async (recipe) => {
      await using server = await TestServer.start({ durable: true });
      await together(server.connectString, curator(server.connectString, "/one", recipe), "/one", recipe);
    },
  );
  test.runIf(hasKazoo())("our mutex and kazoo's", async () => {
    await using server = await TestServer.start({ durable: true });
    await together(server.connectString, kazoo(server.connectString, "/lock"), "/lock");
  });
});
