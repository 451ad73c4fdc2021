/**
 * What others suffer with what is held: locks, leaderships, memberships, leases, names. The numbers are those of
 * `docs/pain-points.md`. Every recipe by which something is held goes through all of it.
 */
import { type Client, connect } from "@corral/client";
import { type Grant, isGrantLostError } from "@corral/locks";
import { FaultProxy, type ProxiedFrame, TestServer } from "@corral/testing";
import { firstValueFrom } from "rxjs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RawConnection } from "../support/raw-connection.ts";
import { nextState } from "../support/states.ts";
import { type Holding, holdings, pathOf } from "./holdings.ts";

const creates = new Set(["create", "create2", "multi"]);
const looks = new Set(["exists", "getData", "getChildren", "getChildren2"]);
const patience = { timeoutMs: 60_000 };
/** As short as it may be for a busy machine. */
const sessionTimeoutMs = 1_500;

let server: TestServer;
/** A client that no fault concerns. */
let steady: Client;
beforeEach(async () => {
  server = await TestServer.start();
  steady = await connect(server.connectString);
});
afterEach(async () => {
  await steady.close();
  await server.close();
});

/** The ephemeral nodes there are, of a session or of all: what stands for holders and for those who wait. */
async function ephemerals(sessionId?: bigint): Promise<string[]> {
  const tree = await firstValueFrom(steady.watchTree("/"));
  return [...(tree?.values() ?? [])]
    .filter(({ stat: { ephemeralOwner } }) => ephemeralOwner !== 0n && (sessionId ?? ephemeralOwner) === ephemeralOwner)
    .map(({ path }) => path);
}

function ended({ signal }: Grant): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    signal.addEventListener("abort", () => resolve(signal.reason));
  });
}

/** Runs the same for all recipes at once, each with a proxy and a client of its own, and names the one that fails. */
async function forEachHolding(
  run: (holding: Holding, path: string, proxy: FaultProxy, client: Client) => Promise<void>,
): Promise<void> {
  await Promise.all(
    holdings.map(async (holding) => {
      await using proxy = await FaultProxy.start(server.connectString);
      await using client = await connect(proxy.connectString, { sessionTimeoutMs });
      try {
        await run(holding, pathOf(holding), proxy, client);
      } catch (cause) {
        throw new Error(`${holding.name}: ${String(cause)}`, { cause });
      } finally {
        proxy.resume();
        proxy.accept();
      }
    }),
  );
}

describe("§6.1 lost without the holder knowing", () => {
  test.each(["toClient", "both"] as const)(
    "§6.3 a holder that hears nothing (%s) is told before anybody else holds",
    async (direction) => {
      await forEachHolding(async ({ take }, path, proxy, client) => {
        const order: string[] = [];
        const grant = await take(client, path, patience);
        expect(typeof grant.fencingToken).toBe("bigint");
        void ended(grant).then((reason) => order.push(isGrantLostError(reason) ? "lost" : String(reason)));
        const next = take(steady, path, patience).then((other) => {
          order.push(`next, while the first is ${grant.held ? "held" : "not held"}`);
          return other;
        });
        proxy.stall(direction);
        const other = await next;
        expect(order).toEqual(["lost", "next, while the first is not held"]);
        expect(grant.signal.reason).toMatchObject({ name: "GrantLostError", reason: "session lost" });
        expect(other.fencingToken).toBeGreaterThan(grant.fencingToken);
        await other.release();
      });
    },
  );

  test("held by a node of one's own earlier session is not held", async () => {
    await forEachHolding(async ({ take }, path, proxy, client) => {
      const earlier = await take(client, path, patience);
      const { sessionId, sessionPassword: passwd } = client;
      const lost = nextState(client, "lost");
      proxy.refuse();
      proxy.stall("both");
      // The server goes on hearing of the earlier session, so that what it held is there when the new one asks.
      const keeper = await RawConnection.open(server.port);
      expect((await keeper.handshake({ sessionId, passwd, timeOut: 30_000 })).sessionId).toBe(sessionId);
      await lost;
      proxy.accept();
      proxy.resume();
      await expect.poll(() => client.state).toBe("connected");
      expect(await ephemerals(sessionId)).toContain(earlier.path);
      const again = take(client, path, patience).then(async (grant) => {
        // A membership has taken the place of its former self; the others have waited for its end.
        expect(await ephemerals(sessionId)).toEqual([]);
        return grant;
      });
      await expect.poll(async () => (await ephemerals(client.sessionId)).length).toBeGreaterThan(0);
      await server.expireSession(sessionId);
      keeper.destroy();
      const grant = await again;
      expect([earlier.held, grant.held, grant.sessionId]).toEqual([false, true, client.sessionId]);
      expect(await steady.exists(grant.path)).toMatchObject({ ephemeralOwner: client.sessionId });
      await grant.release();
    });
  });
});

test("§6.2 every holder has a token, higher than the one before; a lost one can guard nothing any more", async () => {
  await steady.create("/ledger", "");
  await forEachHolding(async ({ name, take }, path, _proxy, client) => {
    const tokens: bigint[] = [];
    const released = await take(client, path, patience);
    tokens.push(released.fencingToken);
    await released.release();
    const lost = await take(client, path, patience);
    tokens.push(lost.fencingToken);
    await client.transaction().guard(lost).create(`/ledger/${name}`).commit();
    await server.expireSession(client.sessionId);
    const next = await take(steady, path, patience);
    tokens.push(next.fencingToken);
    // Until then it may be sent, and cut off: whoever does not know is not told that the grant was lost.
    await expect.poll(() => lost.signal.aborted, { timeout: 60_000 }).toBe(true);
    for (const grant of [released, lost]) {
      const late = client.transaction().guard(grant).create(`/ledger/${name}, late`).commit();
      await expect(late).rejects.toSatisfy((error) => isGrantLostError(error) || error === grant.signal.reason);
      // Also one that asks nobody but the server.
      const blind = steady.transaction().check(grant.guard().path).create(`/ledger/${name}, blindly`).commit();
      await expect(blind).rejects.toMatchObject({ code: "NoNode", index: 0 });
    }
    await steady.transaction().guard(next).delete(`/ledger/${name}`).commit();
    await next.release();
    expect(tokens).toEqual(tokens.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(new Set(tokens).size).toBe(3);
  });
  expect(await steady.children("/ledger")).toEqual([]);
});

describe("§6.4 create succeeded but the reply was lost", () => {
  test.each(["reply", "request"] as const)(
    "%s lost: it is held once, and nothing is in the way afterwards",
    async (what) => {
      await forEachHolding(async ({ take }, path, proxy, client) => {
        await (await take(client, path, patience)).release();
        const creates = ({ operation }: { readonly operation: unknown }) =>
          operation === "create2" || operation === "create" || operation === "multi";
        const drop = what === "reply" ? proxy.dropReply(creates) : proxy.dropRequest(creates);
        const grant = await take(client, path, patience);
        await drop.happened;
        expect(grant.held).toBe(true);
        expect(await steady.exists(grant.path)).toMatchObject({ ephemeralOwner: client.sessionId });
        await grant.release();
        // An orphan would be waited for until its session ends.
        await (await take(steady, path, patience)).release();
      });
      await expect.poll(ephemerals).toEqual([]);
    },
  );
});

describe("§6.22 given up while it is acquired", () => {
  test("leaves nothing behind, also while the connection is down", async () => {
    await forEachHolding(async ({ take }, path, proxy, client) => {
      const holder = await take(steady, path, patience);
      const enough = new AbortController();
      const sent = new Promise<void>((resolve) => {
        proxy.onFrame((frame) => {
          if (frame.kind !== "request" || !creates.has(String(frame.operation))) return;
          // The server does it, and its answer does not arrive.
          proxy.stall("toClient");
          resolve();
        });
      });
      const taking = take(client, path, { signal: enough.signal });
      taking.catch(() => undefined);
      await sent;
      proxy.refuse();
      proxy.cut();
      enough.abort(new Error("enough"));
      await expect(taking).rejects.toThrow("enough");
      proxy.resume();
      proxy.accept();
      await holder.release();
      await (await take(steady, path, patience)).release();
    });
    await expect.poll(ephemerals).toEqual([]);
  });

  test.each([
    ["the news comes together with the answer", "toClient"],
    ["what is looked at has gone before", "toServer"],
  ] as const)("no wake-up is lost between the look and the wait: %s", async (_, direction) => {
    await forEachHolding(async ({ take }, path, proxy, client) => {
      let hits = 0;
      // At the first look that whoever waits takes after it has got in line, at the second, …
      for (const number of [1, 2, 3]) {
        const at = `${path}-${number}`;
        const holder = await take(steady, at, patience);
        const isLook = lookNumber(number, direction === "toClient" ? "request" : "reply");
        let released: Promise<void> | undefined;
        const left = new Promise<void>((resolve) => {
          const stop = proxy.onFrame((frame) => {
            if (!isLook(frame)) return;
            stop();
            proxy.stall(direction);
            hits++;
            released = holder.release().then(() => proxy.resume());
            resolve();
          });
        });
        const taking = take(client, at, patience);
        await Promise.race([left, quiet(client)]);
        await (released ?? holder.release());
        const grant = await taking;
        expect(grant.held).toBe(true);
        await grant.release();
      }
      expect(hits).toBeGreaterThan(0);
    });
  });
});

/**
 * Whether a frame is the look of this number after a node of one's own was made: its request, which the server has then;
 * or the reply to what goes before it, so that its request can still be held up.
 */
function lookNumber(number: number, kind: "request" | "reply"): (frame: ProxiedFrame) => boolean {
  let seen: number | undefined;
  return (frame) => {
    if (frame.kind !== kind) return false;
    const operation = String(frame.operation);
    if (creates.has(operation) && seen === undefined) seen = kind === "request" ? 0 : 1;
    else if (looks.has(operation) && seen !== undefined) seen++;
    else return false;
    return seen === number;
  };
}

/** Resolves when nothing follows any more from what the client has asked for: each request waits for one answer. */
async function quiet(client: Client): Promise<void> {
  for (let round = 0; round < 30; round++) await client.sync();
}
