/** kazoo's barriers and ours are the same barriers; a shard's lock and kazoo's are the same lock. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Barrier, DoubleBarrier } from "@corral/barriers";
import { type Client, connect } from "@corral/client";
import { ShardedGroup } from "@corral/group-membership";
import { type Server, startServer } from "@corral/server";
import { filter, firstValueFrom } from "rxjs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hasKazoo } from "../support/peers.ts";

const script = join(import.meta.dirname, "kazoo_barriers.py");
const patience = { timeoutMs: 60_000 };

/** A kazoo client in a process of its own. */
class Kazoo {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<string, () => void>();

  constructor(connectString: string) {
    this.#process = spawn("/usr/bin/python3", [script, connectString], { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: this.#process.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      this.#waiting.get(line.replace("done ", ""))?.();
    });
  }

  /** Resolves when kazoo has done it. */
  does(command: string): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.set(command, resolve);
      this.#process.stdin?.write(`${command}\n`);
    });
  }

  end(): void {
    this.#process.kill("SIGKILL");
  }
}

async function untilThereAre(client: Client, path: string, length: number): Promise<void> {
  for await (const names of client.watchChildren(path)) if ((names ?? []).length === length) return;
}

describe.runIf(hasKazoo())("with kazoo", () => {
  let server: Server;
  let client: Client;
  let kazoo: Kazoo;
  beforeEach(async () => {
    server = await startServer({ tickMs: 500 });
    client = await connect(server.connectString);
    kazoo = new Kazoo(server.connectString);
  });
  afterEach(async () => {
    kazoo.end();
    await client.close();
    await server.close();
  });

  test("a barrier that one sets is waited for and removed by the other", async () => {
    const barrier = new Barrier(client, "/barrier");
    await kazoo.does("barrier create");
    expect(await barrier.isSet()).toBe(true);
    const ours = barrier.wait(patience);
    await kazoo.does("barrier remove");
    await ours;
    await barrier.set();
    const theirs = kazoo.does("barrier wait");
    await barrier.remove();
    await theirs;
  });

  test("a double barrier is entered and left together, whoever comes first", async () => {
    for (let round = 0; round < 6; round++) {
      const barrier = new DoubleBarrier(client, "/double", { parties: 2 });
      let theirs: Promise<void>;
      let ours: ReturnType<DoubleBarrier["enter"]>;
      if (round % 2 === 0) {
        theirs = kazoo.does("double enter");
        await untilThereAre(client, "/double", 1);
        ours = barrier.enter(patience);
      } else {
        ours = barrier.enter(patience);
        await untilThereAre(client, "/double", 1);
        theirs = kazoo.does("double enter");
      }
      const [inside] = await Promise.all([ours, theirs]);
      await Promise.all([inside.leave(patience), kazoo.does("double leave")]);
      await untilThereAre(client, "/double", 0);
    }
  });

  test("a shard that kazoo holds the lock of is nobody's, and the other way round", async () => {
    const shards = ["a", "b"];
    await kazoo.does("lock acquire");
    const participation = await new ShardedGroup(client, "/shards", { shards, name: "ours" }).join(patience);
    const owned = (count: number) =>
      firstValueFrom(participation.shards$.pipe(filter((grants) => grants.length === count)));
    expect((await owned(1)).map(({ shard }) => shard)).toEqual(["b"]);
    await kazoo.does("lock release");
    await owned(2);
    const theirs = kazoo.does("lock acquire");
    await untilThereAre(client, "/shards/locks/a", 2);
    await participation.leave({ timeoutMs: 0 });
    await theirs;
  });
});
