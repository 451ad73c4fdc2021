/**
 * Two-phase commits while replies and requests are lost one by one, processes are taken for dead, and beginnings are
 * cancelled, on our server behind the fault proxy. (Bad weather on Apache ZooKeeper is in the suite of all engines.)
 */
import { type Client, connect } from "@corral/client";
import { isWaitTimeoutError, type WaitOptions } from "@corral/recipe-kit";
import { expireSession, FaultProxy, TestServer } from "@corral/testing";
import { type DistributedTransaction, isBeginUnknownError, TwoPhaseCommit, type Vote } from "@corral/transactions";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { codec, type Entry, Ledger } from "../support/ledger.ts";

const patience = { timeoutMs: 60_000 };

let server: TestServer;
let proxy: FaultProxy;
let clients: Client[] = [];

beforeEach(async () => {
  server = await TestServer.start();
  proxy = await FaultProxy.start(server.connectString);
});
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  clients = [];
  await proxy.close();
  await server.close();
});

async function client(connectString = proxy.connectString): Promise<Client> {
  const made = await connect(connectString, { sessionTimeoutMs: 6_000 });
  clients.push(made);
  return made;
}

/** Loses the n-th frame from now on; `false`: there were not so many. */
function lose(kind: "reply" | "request", n: number): () => boolean {
  let seen = 0;
  const isIt = ({ operation }: { readonly operation: string | undefined }): boolean =>
    operation !== "createSession" && operation !== "ping" && seen++ === n;
  const drop = kind === "reply" ? proxy.dropReply(isIt) : proxy.dropRequest(isIt);
  return () => {
    drop.cancel();
    return drop.count > 0;
  };
}

describe.each(["reply", "request"] as const)("whichever %s is lost", (kind) => {
  test("of a coordinator, a transaction is begun once and its outcome told", async () => {
    const [steady, shaky] = [await client(server.connectString), await client()];
    const stock = new Ledger();
    await using serving = await new TwoPhaseCommit(steady, "/tx", { codec }).serve("stock", stock, patience);
    const coordinator = new TwoPhaseCommit(shaky, "/tx", { codec });
    let n = 0;
    for (; ; n++) {
      const isLost = lose(kind, n);
      const vote = n % 3 === 0 ? "abort" : "commit";
      const begun = await coordinator.begin({ stock: { vote } }, patience);
      expect((await begun.outcome(patience)).kind).toBe(vote === "commit" ? "committed" : "aborted");
      await begun.settled(patience);
      expect(stock.effects.size).toBe(n + 1);
      expect(stock.effects.get(begun.id)).toBe(vote === "commit" ? "committed" : "rolled back");
      if (!isLost()) break;
    }
    expect(n).toBeGreaterThan(3);
    await serving.idle(patience);
    expect(await steady.children("/tx/transactions")).toHaveLength(n + 1);
  });

  test("of a participant, all agree and nothing is left open", async () => {
    const [steady, shaky] = [await client(server.connectString), await client()];
    const transactions = new TwoPhaseCommit(steady, "/tx", { codec });
    const [stock, billing] = [new Ledger(), new Ledger()];
    await using other = await transactions.serve("billing", billing, patience);
    let n = 0;
    for (; ; n++) {
      const isLost = lose(kind, n);
      const serving = await new TwoPhaseCommit(shaky, "/tx", { codec }).serve("stock", stock, patience);
      const vote: Vote = n % 3 === 0 ? "abort" : "commit";
      const begun = await transactions.begin({ stock: { vote }, billing: {} }, patience);
      expect((await begun.outcome(patience)).kind).toBe(vote === "commit" ? "committed" : "aborted");
      await begun.settled(patience);
      const effect = vote === "commit" ? "committed" : "rolled back";
      expect([stock.effects.get(begun.id), billing.effects.get(begun.id)]).toEqual([effect, effect]);
      await Promise.all([serving.idle(patience), other.idle(patience)]);
      await serving.release();
      if (!isLost()) break;
    }
    expect(n).toBeGreaterThan(10);
    expect(await steady.children("/tx/inbox/stock")).toEqual([]);
    expect(await steady.children("/tx/serving/stock")).toEqual([]);
  });
});

/** A transaction that has begun, not to the knowledge of its coordinator, who cannot reconnect. */
async function beginUnknowingly(
  coordinator: TwoPhaseCommit<Entry>,
  wait: WaitOptions,
): Promise<{ readonly begun: Promise<DistributedTransaction> }> {
  const drop = proxy.dropReply(({ operation }) => operation === "multi");
  const begun = coordinator.begin({ stock: {} }, wait);
  begun.catch(() => undefined);
  proxy.refuse();
  await drop.happened;
  return { begun };
}

describe("a beginning whose reply is lost", () => {
  test("and then the session, is not begun again", async () => {
    const [steady, shaky] = [await client(server.connectString), await client()];
    const stock = new Ledger();
    const others = new TwoPhaseCommit(steady, "/tx", { codec });
    await using _serving = await others.serve("stock", stock, patience);
    const before = await others.begin({ stock: {} }, patience);
    const { begun } = await beginUnknowingly(new TwoPhaseCommit(shaky, "/tx", { codec }), patience);
    await expireSession(shaky, { connectString: server.connectString });
    for await (const names of steady.watchChildren("/tx/transactions")) if (names?.length === 2) break;
    proxy.accept();
    const { id } = await begun;
    expect(await others.attach(id).outcome(patience)).toEqual({ kind: "committed" });
    await others.attach(id).settled(patience);
    expect(stock.calls.filter((call) => call.endsWith(id))).toEqual([`prepare ${id}`, `committed ${id}`]);
    expect(await steady.children("/tx/transactions")).toEqual([before.id, id].sort());
  });

  test("and then forgotten, is not begun again: it says that nobody knows any more", async () => {
    const [steady, shaky] = [await client(server.connectString), await client()];
    const stock = new Ledger();
    const others = new TwoPhaseCommit(steady, "/tx", { codec, keep: 2 });
    await using _serving = await others.serve("stock", stock, patience);
    const before = await others.begin({ stock: {} }, patience);
    const { begun } = await beginUnknowingly(new TwoPhaseCommit(shaky, "/tx", { codec, keep: 2 }), patience);
    const lost = (await steady.children("/tx/transactions")).filter((id) => id !== before.id)[0] ?? "";
    for (let i = 0; (await steady.children("/tx/transactions")).includes(lost); i++) {
      expect(i).toBeLessThan(100);
      await (await others.begin({ stock: {} }, patience)).settled(patience);
    }
    proxy.accept();
    await expect(begun).rejects.toSatisfy(isBeginUnknownError);
    expect(stock.calls.filter((call) => call.endsWith(lost))).toEqual([`prepare ${lost}`, `committed ${lost}`]);
    expect(await steady.children("/tx/transactions")).not.toContain(lost);
  });

  test("and that is cancelled then, is aborted when there is a connection again", async () => {
    const [steady, shaky] = [await client(server.connectString), await client()];
    const transactions = new TwoPhaseCommit(steady, "/tx", { codec });
    await using serving = await transactions.serve("stock", new Ledger(), patience);
    await (await transactions.begin({ stock: {} }, patience)).settled(patience);
    await serving.release();
    const { begun } = await beginUnknowingly(new TwoPhaseCommit(shaky, "/tx", { codec }), { timeoutMs: 500 });
    await expect(begun).rejects.toSatisfy(isWaitTimeoutError);
    const [id = ""] = await transactions.open("stock", patience);
    proxy.accept();
    const outcome = await transactions.attach(id).outcome(patience);
    expect(outcome).toMatchObject({ kind: "aborted", reason: "its beginning was cancelled" });
  });
});

test("a vote of a process that was taken for dead and replaced does not count", async () => {
  const [steady, shaky] = [await client(server.connectString), await client()];
  const calls: string[] = [];
  let letGo = (): void => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const first = await new TwoPhaseCommit(shaky, "/tx", { codec }).serve("stock", {
    prepare: async (): Promise<Vote> => {
      calls.push("first prepares");
      await held;
      return "commit";
    },
    commit: () => void calls.push("first commits"),
    rollback: () => void calls.push("first rolls back"),
  });
  const transactions = new TwoPhaseCommit(steady, "/tx", { codec });
  const second = transactions.serve("stock", {
    prepare: () => {
      calls.push("second prepares");
      return "abort";
    },
    commit: () => void calls.push("second commits"),
    rollback: () => void calls.push("second rolls back"),
  });
  const begun = await transactions.begin({ stock: {} }, patience);
  for await (const { open } of first.view$) if (open[0]?.phase === "preparing") break;
  proxy.stall("both");
  await expireSession(shaky, { connectString: server.connectString });
  letGo();
  await using serving = await second;
  expect((await begun.outcome(patience)).kind).toBe("aborted");
  proxy.resume();
  await serving.idle(patience);
  await begun.settled(patience);
  await serving.release();
  for await (const { state } of first.view$) if (state === "serving") break;
  await first.idle(patience);
  expect(calls).toEqual(["first prepares", "second prepares", "second rolls back"]);
  await first.release();
});

test("whoever is first decides: commits and aborts that race come to one end everywhere", async () => {
  const [a, b, c] = [await client(), await client(), await client(server.connectString)];
  const [stock, billing] = [new Ledger(), new Ledger()];
  await using one = await new TwoPhaseCommit(a, "/tx", { codec }).serve("stock", stock, patience);
  await using other = await new TwoPhaseCommit(b, "/tx", { codec }).serve("billing", billing, patience);
  const transactions = new TwoPhaseCommit(c, "/tx", { codec });
  const kinds = new Set<string>();
  proxy.latency({ minMs: 0, maxMs: 2 });
  // On a slow machine nobody votes as quickly as that: then more time is given, until both has happened.
  for (let round = 0; round < 60 || kinds.size < 2; round++) {
    const voteTimeoutMs = 1 + ((round * 7) % 120) * (1 + 10 * Math.floor(round / 60));
    const begun = await transactions.begin({ stock: {}, billing: {} }, { voteTimeoutMs, ...patience });
    const [told, aborted] = await Promise.all([
      begun.outcome(patience),
      round % 2 === 0 ? begun.outcome(patience) : begun.abort("no", patience),
    ]);
    expect(aborted).toEqual(told);
    kinds.add(told.kind);
    await begun.settled(patience);
    const effect = told.kind === "committed" ? "committed" : "rolled back";
    expect([stock.effects.get(begun.id), billing.effects.get(begun.id)]).toEqual([effect, effect]);
  }
  await Promise.all([one.idle(patience), other.idle(patience)]);
  expect([...kinds].sort()).toEqual(["aborted", "committed"]);
});
