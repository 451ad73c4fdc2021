/**
 * Registrations while each reply and each request of theirs is lost in turn, and cancelled ones at each of their steps
 * while the connection breaks: on our server behind the fault proxy, where it can be said which frame it is.
 */
import { type Client, connect, isCoordinationError } from "@corral/client";
import { type InstanceSpec, type RegisterOptions, type Registration, ServiceRegistry } from "@corral/service-registry";
import { FaultProxy, TestServer } from "@corral/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const patience = { timeoutMs: 60_000 };

const kinds: [string, Partial<InstanceSpec>, RegisterOptions][] = [
  ["a plain one", {}, {}],
  ["one that holds its name alone", {}, { exclusive: true }],
  ["one that waits to hold its name alone", {}, { exclusive: true, whenTaken: "wait" }],
  ["one with a number from the server", { serviceType: "DYNAMIC_SEQUENTIAL" }, {}],
  ["one whose entry stays", { serviceType: "STATIC" }, {}],
];

const spec: InstanceSpec = { name: "s", id: "x", address: "10.0.0.1" };

let server: TestServer;
let steady: Client;

beforeEach(async () => {
  server = await TestServer.start();
  steady = await connect(server.connectString);
});
afterEach(async () => {
  await steady.close();
  await server.close();
});

/** So many at a time: most of the time is spent on waiting for connections to come back. */
const atOnce = 8;

/** Runs `one` for 1, 2, 3 … until there is nothing left to break; says how often something was broken. */
async function forEachFrame(one: (n: number, client: Client, proxy: FaultProxy) => Promise<boolean>): Promise<number> {
  let broken = 0;
  const run = async (n: number): Promise<boolean> => {
    await using proxy = await FaultProxy.start(server.connectString);
    await using client = await connect(proxy.connectString, { sessionTimeoutMs: 6_000 });
    return await one(n, client, proxy);
  };
  for (;;) {
    const first = broken + 1;
    const batch = await Promise.all(Array.from({ length: atOnce }, (_, i) => run(first + i)));
    broken += batch.filter(Boolean).length;
    if (batch.includes(false)) return broken;
  }
}

/** Nodes of the registry at `/r<n>`, without those that stand for no registration. */
async function traces(n: number): Promise<string[]> {
  const found: string[] = [];
  for (const path of [`/r${n}/s`, `/r${n}.claims/s/live`, `/r${n}.claims/s/ids`, `/r${n}.claims/s/queue`]) {
    for (const name of await steady.children(path).catch(none)) found.push(`${path}/${name}`);
  }
  if ((await steady.exists(`/r${n}.claims/s/holder`)) !== undefined) found.push(`/r${n}.claims/s/holder`);
  return found;
}

function none(error: unknown): string[] {
  if (isCoordinationError(error, "NoNode")) return [];
  throw error;
}

async function untilNothingIsLeft(n: number): Promise<void> {
  for (let left = await traces(n); left.length > 0; left = await traces(n)) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const spared = new Set(["createSession", "closeSession", "ping"]);

/** Whether it is the one of this number, not counting those that no recipe sends. */
function isNumber(n: number): (frame: { readonly operation: string | undefined }) => boolean {
  let seen = 0;
  return ({ operation }) => operation !== undefined && !spared.has(operation) && ++seen === n;
}

describe.each(kinds)("§6.4 %s", (_, more, options) => {
  test.each(["reply", "request"] as const)("is registered and withdrawn once, whichever %s is lost", async (what) => {
    const lost = await forEachFrame(async (n, client, proxy) => {
      const registry = new ServiceRegistry(client, { basePath: `/r${n}` });
      using drop = what === "reply" ? proxy.dropReply(isNumber(n)) : proxy.dropRequest(isNumber(n));
      const registration = await registry.register({ ...spec, ...more }, { ...options, ...patience });
      const { instances } = await new ServiceRegistry(steady, { basePath: `/r${n}` }).explain("s");
      expect(instances, `${what} ${n}`).toMatchObject([{ heldBy: "claim", sessionId: client.sessionId }]);
      expect(registration.held).toBe(true);
      await registration.update({ port: 1 }, patience);
      await registration.release();
      await untilNothingIsLeft(n);
      return drop.count > 0;
    });
    // Each step of it was hit.
    expect(lost).toBeGreaterThan(15);
  });

  test("that is cancelled at any step leaves nothing, while the connection breaks", async () => {
    const cancelled = await forEachFrame(async (n, client, proxy) => {
      const enough = new AbortController();
      const isIt = isNumber(n);
      const stopListening = proxy.onFrame((frame) => {
        if (frame.kind !== "request" || !isIt(frame)) return;
        // The request is on its way, and nobody will hear what became of it.
        proxy.stall("toClient");
        enough.abort(new Error("enough"));
      });
      const registry = new ServiceRegistry(client, { basePath: `/r${n}` });
      let registration: Registration | undefined;
      try {
        registration = await registry.register({ ...spec, ...more }, { ...options, signal: enough.signal });
      } catch (error) {
        expect(error, `request ${n}`).toBe(enough.signal.reason);
      }
      stopListening();
      proxy.cut();
      proxy.resume();
      await registration?.release();
      await untilNothingIsLeft(n);
      return registration === undefined;
    });
    expect(cancelled).toBeGreaterThan(10);
  });
});

test("§6.13 who restarts faster than its session expires is registered, and stays so", async () => {
  const registry = new ServiceRegistry(steady);
  await using proxy = await FaultProxy.start(server.connectString);
  const before = await connect(proxy.connectString, { sessionTimeoutMs: 6_000 });
  await new ServiceRegistry(before).register(spec, patience);
  // As a crash looks to the server: the connection is gone, the session is not.
  proxy.refuse();
  proxy.cut();
  const after = await registry.register(spec, patience);
  proxy.accept();
  await before.close();
  expect(after.held).toBe(true);
  expect((await registry.explain("s")).instances).toMatchObject([{ heldBy: "claim", sessionId: steady.sessionId }]);
  await after.release();
});

test.each(["reply", "request"] as const)("a sweep tells what it took out, whichever %s is lost", async (what) => {
  const lost = await forEachFrame(async (n, client, proxy) => {
    const registry = new ServiceRegistry(client, { basePath: `/r${n}` });
    await registry.put(spec, patience);
    using drop = what === "reply" ? proxy.dropReply(isNumber(n)) : proxy.dropRequest(isNumber(n));
    const swept = await registry.sweepStatic({ olderThanMs: -3_600_000, ...patience });
    expect(swept, `${what} ${n}`).toEqual([`/r${n}/s/x`]);
    return drop.count > 0;
  });
  expect(lost).toBeGreaterThan(2);
});
