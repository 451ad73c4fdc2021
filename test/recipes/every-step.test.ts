/**
 * A fault at every step: whatever is taken and given back is run once in peace, to count the answers that it gets; then once
 * for each of these, with a fault in its place. Nobody ever holds together with somebody else, what is held is held on the
 * server, and nothing is left behind.
 */
import { type Client, connect } from "@corral/client";
import { Election, type Participant } from "@corral/leader-election";
import { isGrantLostError, MultiLock, Mutex, ReadWriteLock, Semaphore } from "@corral/locks";
import { expireSession, FaultProxy, TestServer } from "@corral/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

interface Taken {
  readonly held: boolean;
  release(): Promise<void>;
}

type Take = (client: Client, at: string, signal?: AbortSignal) => Promise<readonly Taken[]>;

const one = async (taken: Promise<Taken>): Promise<Taken[]> => [await taken];

const recipes: readonly (readonly [string, Take])[] = [
  ["a mutex", (client, at, signal) => one(new Mutex(client, at).acquire({ signal }))],
  [
    "a mutex with a lock-delay",
    (client, at, signal) => one(new Mutex(client, at, { lockDelayMs: 1 }).acquire({ signal })),
  ],
  ["a lock to write", (client, at, signal) => one(new ReadWriteLock(client, at).write.acquire({ signal }))],
  [
    "a lock to read after writing",
    async (client, at, signal) => {
      const lock = new ReadWriteLock(client, at);
      for (;;) {
        const writing = await lock.write.acquire({ signal });
        const reading = await lock.downgrade(writing, { signal }).catch((error: unknown) => {
          if (!isGrantLostError(error)) throw error;
          return undefined;
        });
        expect(writing.held).toBe(false);
        if (reading !== undefined) return [reading];
      }
    },
  ],
  ["a lease", (client, at, signal) => one(new Semaphore(client, at, { limit: 1 }).acquire({ signal }))],
  ["two leases", (client, at, signal) => new Semaphore(client, at, { limit: 2 }).acquireMany(2, { signal })],
  [
    "two locks",
    (client, at, signal) =>
      one(new MultiLock(client, [new Mutex(client, `${at}/x`), new Mutex(client, `${at}/y`)]).acquire({ signal })),
  ],
  ["leadership", (client, at, signal) => one(new Election(client, at).campaign({ signal }))],
  [
    "leadership with a priority",
    (client, at, signal) => one(new Election(client, at, { priority: 5 }).campaign({ signal })),
  ],
];

let server: TestServer;
let observer: Client;
let places = 0;

beforeAll(async () => {
  server = await TestServer.start();
  observer = await connect(server.connectString);
});

afterAll(async () => {
  await observer.close();
  await server.close();
});

/** A client behind a proxy of its own. */
async function behindProxy(): Promise<{ readonly client: Client; readonly proxy: FaultProxy } & AsyncDisposable> {
  const proxy = await FaultProxy.start(server.connectString);
  const client = await connect(proxy.connectString);
  return {
    client,
    proxy,
    async [Symbol.asyncDispose]() {
      await client.close();
      await proxy.close();
    },
  };
}

/** Calls `fault` when the answer number `step` to an operation comes, and counts them. */
function atAnswer(proxy: FaultProxy, step: number, fault: () => void): { readonly count: number } {
  const answers = { count: 0 };
  proxy.onFrame((frame) => {
    if (frame.kind === "reply" && frame.operation !== undefined && answers.count++ === step) fault();
  });
  return answers;
}

/** Ephemeral nodes below a place: who holds, who waits, what was forgotten. */
async function ephemeralsBelow(at: string): Promise<string[]> {
  if ((await observer.exists(at)) === undefined) return [];
  const found: string[] = [];
  for (const name of await observer.children(at)) {
    const path = `${at}/${name}`;
    const stat = await observer.exists(path);
    if (stat !== undefined && stat.ephemeralOwner !== 0n) found.push(path);
    if (stat !== undefined && stat.numChildren > 0) found.push(...(await ephemeralsBelow(path)));
  }
  return found;
}

async function nothingIsLeft(at: string): Promise<void> {
  await expect.poll(() => ephemeralsBelow(at), { timeout: 60_000, interval: 20 }).toEqual([]);
}

function newPlace(): string {
  places++;
  return `/p${places}`;
}

async function releaseAll(taken: readonly Taken[]): Promise<void> {
  await Promise.all(taken.map((grant) => grant.release()));
}

describe.each(recipes)("%s", (_name, take) => {
  /** How many answers there are from the beginning to the end, and until it is taken. */
  async function steps(): Promise<{ readonly all: number; readonly taking: number }> {
    await using alone = await behindProxy();
    const answers = atAnswer(alone.proxy, -1, () => undefined);
    const at = newPlace();
    const taken = await take(alone.client, at);
    const taking = answers.count;
    await releaseAll(taken);
    return { all: answers.count, taking };
  }

  test("is taken and given back though an answer is lost, whichever it is", async () => {
    const { all } = await steps();
    expect(all).toBeGreaterThan(2);
    await Promise.all(
      Array.from({ length: all }, async (_, step) => {
        await using unlucky = await behindProxy();
        const at = newPlace();
        let answers = 0;
        unlucky.proxy.dropReply(({ operation }) => operation !== undefined && answers++ === step);
        const taken = await take(unlucky.client, at);
        expect(taken.map(({ held }) => held)).toEqual(taken.map(() => true));
        const enough = new AbortController();
        const other = take(observer, at, enough.signal).then(
          (grants) => releaseAll(grants).then(() => "taken"),
          () => "given up",
        );
        await expect.poll(async () => (await ephemeralsBelow(at)).length, { timeout: 60_000 }).toBeGreaterThan(1);
        expect(taken.every(({ held }) => held)).toBe(true);
        await releaseAll(taken);
        expect(await other).toBe("taken");
        await nothingIsLeft(at);
      }),
    );
  });

  test("leaves nothing behind when it is given up while the connection is down, at whichever step", async () => {
    const { taking } = await steps();
    await Promise.all(
      Array.from({ length: taking }, async (_, step) => {
        await using unlucky = await behindProxy();
        const at = newPlace();
        const enough = new AbortController();
        let answers = 0;
        unlucky.proxy.dropReply(({ operation }) => {
          if (operation === undefined || answers++ !== step) return false;
          unlucky.proxy.refuse();
          enough.abort(new Error("enough"));
          return true;
        });
        const taken = await take(unlucky.client, at, enough.signal).catch((error: Error) => error.message);
        unlucky.proxy.accept();
        if (typeof taken === "string") expect(taken).toBe("enough");
        else await releaseAll(taken);
        await nothingIsLeft(at);
      }),
    );
  });

  test("is held by one at a time though the session expires, between whichever steps", async () => {
    const { taking } = await steps();
    await Promise.all(
      Array.from({ length: taking }, async (_, step) => {
        await using unlucky = await behindProxy();
        await using rival = await behindProxy();
        const at = newPlace();
        const { client } = unlucky;
        let expired: Promise<void> = Promise.resolve();
        atAnswer(unlucky.proxy, step, () => {
          expired = expireSession(client, { connectString: server.connectString });
        });
        const holders = new Set<readonly Taken[]>();
        const hold = async (by: Client): Promise<void> => {
          const taken = await take(by, at);
          for (const other of holders) {
            expect([by === client, other.every(({ held }) => held), taken.every(({ held }) => held)]).not.toEqual([
              by === client,
              true,
              true,
            ]);
          }
          holders.add(taken);
          await new Promise((resolve) => setImmediate(resolve));
          await releaseAll(taken);
          holders.delete(taken);
        };
        await Promise.all([hold(client), hold(rival.client)]);
        await expired;
        await nothingIsLeft(at);
      }),
    );
  });
});

describe.each([
  ["next in line", undefined],
  ["by priority", 5],
])("leadership (%s)", (_name, priority) => {
  async function handOver(atStep: (proxy: FaultProxy, client: () => Client) => void): Promise<void> {
    await using leader = await behindProxy();
    await using heir = await behindProxy();
    const at = newPlace();
    const held = await new Election(leader.client, at, { priority }).campaign();
    const inherited = new Election(heir.client, at, { priority }).campaign();
    await expect.poll(async () => (await ephemeralsBelow(at)).length, { timeout: 60_000 }).toBe(2);
    const [, to] = await new Election(observer, at).participants();
    atStep(leader.proxy, () => leader.client);
    const handed = await held.handOver(to as Participant, { timeoutMs: 60_000 }).then(
      () => "handed over",
      (error: unknown) => error,
    );
    expect(held.held).toBe(false);
    if (handed !== "handed over") expect(handed).toSatisfy(isGrantLostError);
    const next = await inherited;
    expect(next.fencingToken).toBeGreaterThan(held.fencingToken);
    await next.release();
    await held.release();
    await nothingIsLeft(at);
  }

  test("is handed over though an answer is lost, or the session, at whichever step", async () => {
    let answers = { count: 0 };
    await handOver((proxy) => {
      answers = atAnswer(proxy, -1, () => undefined);
    });
    expect(answers.count).toBeGreaterThan(1);
    await Promise.all(
      Array.from({ length: answers.count }, async (_, step) => {
        await handOver((proxy) => {
          let count = 0;
          proxy.dropReply(({ operation }) => operation !== undefined && count++ === step);
        });
        let expired: Promise<void> = Promise.resolve();
        await handOver((proxy, client) => {
          atAnswer(proxy, step, () => {
            expired = expireSession(client(), { connectString: server.connectString });
          });
        });
        await expired;
      }),
    );
  });
});

test("queues go by themselves when nobody needs them, unless they remember the last holder", async () => {
  await using reaped = await TestServer.start({ reaperIntervalMs: 20 });
  await using client = await connect(reaped.connectString);
  const lock = new ReadWriteLock(client, "/queues/read-write");
  for (const taken of [
    await new Mutex(client, "/queues/mutex").acquire(),
    await lock.downgrade(await lock.write.acquire()),
    await new Semaphore(client, "/queues/semaphore", { limit: 1 }).acquire(),
    await new Election(client, "/queues/election", { priority: 1 }).campaign(),
    await new Mutex(client, "/queues/delayed", { lockDelayMs: 1 }).acquire(),
  ]) {
    await taken.release();
  }
  const left = () => client.children("/queues").then((names) => names.sort());
  await expect.poll(left, { timeout: 60_000 }).toEqual(["delayed", "semaphore"]);
  await expect.poll(() => client.children("/queues/semaphore"), { timeout: 60_000 }).toEqual([]);
});
