/** No herd: whoever leaves wakes one, however many wait. Counted where the events pass, on their way from the server. */
import { type Client, connect } from "@corral/client";
import { Election } from "@corral/leader-election";
import { MultiLock, Mutex, ReadWriteLock, Semaphore } from "@corral/locks";
import { ServiceRegistry } from "@corral/service-registry";
import { FaultProxy, TestServer } from "@corral/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { engines, runsOn } from "../engines/engines.ts";

const waiters = 100;
const departures = 10;
const patience = { timeoutMs: 60_000 };

/** Contends; resolves to how to leave again. */
type Take = (client: Client) => Promise<() => Promise<void>>;

/** Who waits for the one before it, and for nothing else. */
const lines: readonly (readonly [string, Take])[] = [
  ["a mutex", async (client) => releaseOf(await new Mutex(client, "/queue").acquire(patience))],
  ["a write lock", async (client) => releaseOf(await new ReadWriteLock(client, "/queue").write.acquire(patience))],
  [
    "a multi-lock",
    async (client) => {
      const locks = [new Mutex(client, "/queue"), new Mutex(client, "/queue-of-the-first")];
      return releaseOf(await new MultiLock(client, locks).acquire(patience));
    },
  ],
  ["leadership", async (client) => releaseOf(await new Election(client, "/queue").campaign(patience))],
];

/** Of these, the first in line waits for what it wants, and leaves the line when it has that. */
const linesWithHead: readonly (readonly [string, Take])[] = [
  ["a lease", async (client) => releaseOf(await new Semaphore(client, "/queue", { limit: 1 }).acquire(patience))],
  [
    "a name",
    async (client) => {
      const spec = { name: "scheduler", address: "10.0.0.1", port: 80 };
      const options = { exclusive: true, whenTaken: "wait", ...patience } as const;
      const registration = await new ServiceRegistry(client).register(spec, options);
      return () => registration.release();
    },
  ],
];

function releaseOf(grant: { release(): Promise<void> }): () => Promise<void> {
  return () => grant.release();
}

/** The sessions that are told of nodes which they have not deleted themselves, in order. */
function wokenThrough(proxy: FaultProxy): bigint[] {
  const own = new Set<string>();
  const woken: bigint[] = [];
  proxy.onFrame((frame, { sessionId }) => {
    if (frame.kind === "request" && ["delete", "multi"].includes(frame.operation ?? "")) {
      for (const path of frame.paths) own.add(`${sessionId} ${path}`);
    }
    if (frame.kind === "event" && !own.has(`${sessionId} ${frame.path}`)) woken.push(sessionId);
  });
  return woken;
}

/** Lets everybody contend, and so many leave. What comes back: the sessions that held after the first, and those woken. */
async function departuresOf(take: Take, connectString: string): Promise<{ holders: bigint[]; woken: bigint[] }> {
  await using proxy = await FaultProxy.start(connectString);
  const clients = await Promise.all(
    Array.from({ length: waiters + 1 }, () => connect(proxy.connectString, { sessionTimeoutMs: 30_000 })),
  );
  const [first, ...others] = clients as [Client, ...Client[]];
  // Makes what has to be there, so that those who wait find it.
  const leave = await take(first);
  const arrivals: { readonly sessionId: bigint; readonly leave: () => Promise<void> }[] = [{ sessionId: 0n, leave }];
  let arrived = (): void => {};
  const waiting = others.map(async (client) => {
    const leave = await take(client);
    arrivals.push({ sessionId: client.sessionId, leave });
    arrived();
  });
  const over = Promise.allSettled(waiting);
  while (others.some((client) => client.metrics().watches.watchers === 0)) await first.sync("/");
  const woken = wokenThrough(proxy);
  for (let departure = 1; departure <= departures; departure++) {
    const next = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    await arrivals.at(-1)?.leave();
    await next;
  }
  // Nothing passes any more: each has been answered twice since.
  for (let i = 0; i < 2; i++) await Promise.all(clients.map((client) => client.sync("/")));
  const counted = [...woken];
  await Promise.all(clients.map((client) => client.close()));
  await over;
  return { holders: arrivals.slice(1, departures + 1).map(({ sessionId }) => sessionId), woken: counted };
}

// Where connections break by themselves, everybody looks again.
for (const engine of engines.filter(({ isFaulty }) => !isFaulty)) {
  describe.skipIf(!runsOn(engine))(`§6.14 of ${waiters} that wait on ${engine.name}`, () => {
    beforeAll(() => engine.start());
    afterAll(() => engine.close());

    test.each(lines)("for %s, each departure wakes the next one, and nobody else", async (_what, take) => {
      await using namespace = await engine.namespace();
      const { holders, woken } = await departuresOf(take, namespace.steadyConnectString);
      expect(new Set(holders).size).toBe(departures);
      expect(woken).toEqual(holders);
    });

    test.each(linesWithHead)("for %s, each departure wakes two", async (_what, take) => {
      await using namespace = await engine.namespace();
      const { holders, woken } = await departuresOf(take, namespace.steadyConnectString);
      expect(new Set(holders).size).toBe(departures);
      // The first, by what it waited for, and perhaps by what came of its own doing; the next, by the first's leaving.
      expect(new Set(woken).size).toBeLessThanOrEqual(departures + 1);
      expect(woken.length).toBeLessThanOrEqual(4 * departures);
    });
  });
}

test("a turn of a lock costs what it must: nothing but the queue is asked for", async () => {
  await using server = await TestServer.start();
  await using proxy = await FaultProxy.start(server.connectString);
  const mutex = new Mutex(await connect(proxy.connectString), "/queue");
  await (await mutex.acquire()).release();
  const requests: (string | undefined)[] = [];
  proxy.onFrame((frame) => {
    if (frame.kind === "request" && frame.operation !== "ping") requests.push(frame.operation);
  });
  const held = await mutex.acquire();
  await held.release();
  // A busy machine may have taken longer than a holder waits before it watches its node.
  expect(requests.filter((operation) => operation !== "getData")).toEqual(["create2", "getChildren", "delete"]);
});
