/** Two-phase commit on every engine: agreement, deaths on both sides, time, recovery, what is left behind. */
import type { Client } from "@corral/client";
import { insist, isWaitTimeoutError } from "@corral/recipe-kit";
import {
  isOutcomeForgottenError,
  isParticipantServingError,
  isUnknownParticipantError,
  type OpenTask,
  type Participant,
  type Serving,
  type Task,
  type TransactionState,
  TwoPhaseCommit,
  type Vote,
} from "@corral/transactions";
import { expect, test } from "vitest";
import { describeOnEveryEngine } from "../engines/engines.ts";
import { codec, type Entry, Ledger } from "../support/ledger.ts";

const patience = { timeoutMs: 60_000 };

/** Resolves when what `serving` does is as wanted. */
async function until(serving: Serving<Entry>, wanted: (open: readonly OpenTask[]) => boolean): Promise<void> {
  for await (const { open } of serving.view$) if (wanted(open)) return;
}

async function namesBelow(client: Client, path: string): Promise<string[]> {
  return await insist(client, () => client.children(path, { linearizable: true }));
}

/** A promise that somebody else resolves. */
function gate(): { readonly open: () => void; readonly passed: Promise<void> } {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, passed };
}

/** A participant that does what the functions say, or nothing. */
function participant(functions: Partial<Participant<Entry>>): Participant<Entry> {
  return { prepare: () => "commit", commit: () => undefined, rollback: () => undefined, ...functions };
}

describeOnEveryEngine("a two-phase commit", (engine) => {
  test("is carried out by all when all can", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    const [stock, billing] = [new Ledger(), new Ledger()];
    await using one = await new TwoPhaseCommit(a, "/tx", { codec }).serve("stock", stock, patience);
    await using other = await new TwoPhaseCommit(b, "/tx", { codec }).serve("billing", billing, patience);
    const begun = await new TwoPhaseCommit(c, "/tx", { codec }).begin({ stock: {}, billing: {} }, patience);
    const states: TransactionState[] = [];
    const watching = begun.state$.subscribe((state) => states.push(state));
    expect(await begun.outcome(patience)).toEqual({ kind: "committed" });
    await begun.settled(patience);
    expect(stock.effects.get(begun.id)).toBe("committed");
    expect(billing.effects.get(begun.id)).toBe("committed");
    await Promise.all([one.idle(patience), other.idle(patience)]);
    expect(await namesBelow(a, "/tx/inbox/stock")).toEqual([]);
    // Asked again, by anybody, also when all is done.
    expect(await new TwoPhaseCommit(a, "/tx").attach(begun.id).outcome(patience)).toEqual({ kind: "committed" });
    expect(await begun.abort("too late", patience)).toEqual({ kind: "committed" });
    watching.unsubscribe();
    expect(states.filter(({ kind }) => kind !== "suspended").at(-1)).toEqual({ kind: "committed" });
  });

  test.each<[string, Entry, string]>([
    ["votes against it", { vote: "abort" }, "it voted against it"],
    ["throws", {}, "out of stock"],
  ])("is carried out by nobody when one %s, and tells who and why", async (_, entry, reason) => {
    await using namespace = await engine.namespace();
    const [a, b, c] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    const [stock, billing] = [new Ledger(), new Ledger()];
    if (entry.vote === undefined) {
      stock.prepare = () => {
        throw new Error("out of stock");
      };
    }
    await using _one = await new TwoPhaseCommit(a, "/tx", { codec }).serve("stock", stock, patience);
    await using _other = await new TwoPhaseCommit(b, "/tx", { codec }).serve("billing", billing, patience);
    const begun = await new TwoPhaseCommit(c, "/tx", { codec }).begin({ stock: entry, billing: {} }, patience);
    expect(await begun.outcome(patience)).toEqual({ kind: "aborted", by: "stock", reason });
    await begun.settled(patience);
    expect(stock.effects.get(begun.id)).toBe("rolled back");
    expect(billing.effects.get(begun.id)).toBe("rolled back");
  });

  test("with a participant that nobody knows is not begun", async () => {
    await using namespace = await engine.namespace();
    const client = await namespace.connect();
    const transactions = new TwoPhaseCommit(client, "/tx", { codec });
    await using _one = await transactions.serve("stock", new Ledger(), patience);
    await expect(transactions.begin({ stock: {}, biling: {} }, patience)).rejects.toSatisfy(isUnknownParticipantError);
    expect(await transactions.open("stock", patience)).toEqual([]);
    await expect(transactions.begin({}, patience)).rejects.toThrow(RangeError);
    await expect(transactions.begin({ "a/b": {} }, patience)).rejects.toThrow("no name for a participant");
    await expect(transactions.attach("0-0").outcome(patience)).rejects.toSatisfy(isOutcomeForgottenError);
  });

  test("is aborted when a vote does not come in time; who comes later finds that, and prepares nothing", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const [stock, billing] = [new Ledger(), new Ledger()];
    const transactions = new TwoPhaseCommit(a, "/tx", { codec });
    await using _one = await transactions.serve("stock", stock, patience);
    await (await new TwoPhaseCommit(b, "/tx", { codec }).serve("billing", billing, patience)).release();
    const begun = await transactions.begin({ stock: {}, billing: {} }, { voteTimeoutMs: 200, ...patience });
    const outcome = await begun.outcome(patience);
    // On a busy machine stock may be late too.
    expect(outcome).toMatchObject({ kind: "aborted", reason: expect.stringMatching(/from (stock, )?billing$/) });
    await using late = await new TwoPhaseCommit(b, "/tx", { codec }).serve("billing", billing, patience);
    await late.idle(patience);
    await begun.settled(patience);
    expect(billing.calls).toEqual([`rolled back ${begun.id}`]);
    expect(stock.effects.get(begun.id)).toBe("rolled back");
  });

  test("whose coordinator has gone is decided by its participants", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    const [stock, billing] = [new Ledger(), new Ledger()];
    const hold = gate();
    const slow = participant({ prepare: () => hold.passed.then(() => "commit" as const) });
    await using one = await new TwoPhaseCommit(a, "/tx", { codec }).serve("stock", stock, patience);
    await using other = await new TwoPhaseCommit(b, "/tx", { codec }).serve("billing", billing, patience);
    await using third = await new TwoPhaseCommit(a, "/tx", { codec }).serve("slow", slow, patience);
    const coordinator = new TwoPhaseCommit(c, "/tx", { codec });
    const whole = await coordinator.begin({ stock: {}, billing: {} }, patience);
    const slowOne = await coordinator.begin({ stock: {}, slow: {} }, { voteTimeoutMs: 300, ...patience });
    await c.close();
    await other.idle(patience);
    const looker = new TwoPhaseCommit(b, "/tx");
    expect(await looker.attach(whole.id).outcome(patience)).toEqual({ kind: "committed" });
    for await (const state of looker.attach(slowOne.id).state$) if (state.kind === "aborted") break;
    hold.open();
    await Promise.all([one.idle(patience), third.idle(patience)]);
    expect(stock.effects.get(slowOne.id)).toBe("rolled back");
    expect([stock, billing].map(({ effects }) => effects.get(whole.id))).toEqual(["committed", "committed"]);
  });

  test("waits for a participant that dies after its vote, which finds the decision when it comes back", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    const [stock, billing] = [new Ledger(), new Ledger()];
    const hold = gate();
    const prepare = billing.prepare.bind(billing);
    billing.prepare = (task) => hold.passed.then(() => prepare(task));
    const first = await new TwoPhaseCommit(a, "/tx", { codec }).serve("stock", stock, patience);
    await using _other = await new TwoPhaseCommit(b, "/tx", { codec }).serve("billing", billing, patience);
    const begun = await new TwoPhaseCommit(c, "/tx", { codec }).begin({ stock: {}, billing: {} }, patience);
    await until(first, (open) => open[0]?.phase === "voted");
    await a.close();
    hold.open();
    expect(await begun.outcome(patience)).toEqual({ kind: "committed" });
    expect(stock.effects.get(begun.id)).toBe("prepared");
    await using second = await new TwoPhaseCommit(b, "/tx", { codec }).serve("stock", stock, patience);
    await second.idle(patience);
    await begun.settled(patience);
    expect(stock.calls).toEqual([`prepare ${begun.id}`, `committed ${begun.id}`]);
  });

  test("survives the end of a participant's session: it takes its place again, and all that is open", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const stock = new Ledger();
    const hold = gate();
    const billing = participant({ prepare: () => hold.passed.then(() => "commit" as const) });
    await using one = await new TwoPhaseCommit(a, "/tx", { codec }).serve("stock", stock, patience);
    const transactions = new TwoPhaseCommit(b, "/tx", { codec });
    await using _other = await transactions.serve("billing", billing, patience);
    const some = await Promise.all([1, 2, 3].map(() => transactions.begin({ stock: {}, billing: {} }, patience)));
    await until(one, (open) => open.length === 3 && open.every(({ phase }) => phase === "voted"));
    const lost = until(one, (open) => open.length === 0);
    await namespace.expireSession(a);
    await lost;
    hold.open();
    for (const begun of some) expect(await begun.outcome(patience)).toEqual({ kind: "committed" });
    await Promise.all(some.map((begun) => begun.settled(patience)));
    for (const begun of some) expect(stock.effects.get(begun.id)).toBe("committed");
    expect(stock.calls.filter((call) => call.startsWith("prepare"))).toHaveLength(3);
  });

  test("that was decided while a participant prepares takes no vote, and is rolled back when that has ended", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const hold = gate();
    const [told, calls] = [gate(), [] as string[]];
    const slow = participant({
      prepare: async ({ signal }): Promise<Vote> => {
        signal.addEventListener("abort", told.open);
        await hold.passed;
        calls.push("prepared");
        return "commit";
      },
      commit: () => void calls.push("committed"),
      rollback: () => void calls.push("rolled back"),
    });
    await using serving = await new TwoPhaseCommit(a, "/tx", { codec }).serve("slow", slow, patience);
    const begun = await new TwoPhaseCommit(b, "/tx", { codec, identity: "b" }).begin({ slow: {} }, patience);
    await until(serving, (open) => open[0]?.phase === "preparing");
    expect(await begun.abort("we think better of it", patience)).toEqual({
      kind: "aborted",
      by: "b",
      reason: "we think better of it",
    });
    await told.passed;
    expect(calls).toEqual([]);
    const { stat } = await insist(b, () => b.get(`/tx/transactions/${begun.id}/slow`));
    expect(stat.version).toBe(0);
    hold.open();
    await begun.settled(patience);
    expect(calls).toEqual(["prepared", "rolled back"]);
  });

  test("is tried again when it cannot be carried out, and says so", async () => {
    await using namespace = await engine.namespace();
    const client = await namespace.connect();
    const transactions = new TwoPhaseCommit(client, "/tx", { codec });
    let calls = 0;
    const seen = gate();
    const commit = async () => {
      calls += 1;
      if (calls === 1) throw new Error("the disk is full");
      await seen.passed;
    };
    await using serving = await transactions.serve("stock", participant({ commit }), patience);
    const begun = await transactions.begin({ stock: {} }, patience);
    await until(serving, ([task]) => String(task?.trouble).includes("the disk is full"));
    seen.open();
    await begun.settled(patience);
    expect(calls).toBe(2);
  });

  test("is worked on by one process a participant, and by the next as soon as that one stops", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const tokens: bigint[] = [];
    const noting = participant({ commit: ({ fencingToken }: Task<Entry>) => void tokens.push(fencingToken) });
    const [one, other] = [new TwoPhaseCommit(a, "/tx", { codec }), new TwoPhaseCommit(b, "/tx", { codec })];
    const first = await one.serve("stock", noting, { identity: "first", ...patience });
    const standby = other.serve("stock", noting, { identity: "second", ...patience });
    await (await one.begin({ stock: {} }, patience)).settled(patience);
    const late = one.serve("stock", noting, { timeoutMs: engine.isFaulty ? 2_000 : 100 });
    await expect(late).rejects.toSatisfy(isWaitTimeoutError);
    await first.release();
    expect(first.signal.aborted).toBe(true);
    await using second = await standby;
    const begun = await one.begin({ stock: {} }, patience);
    await begun.settled(patience);
    expect(tokens).toHaveLength(2);
    expect(tokens[1]).toBeGreaterThan(tokens[0] ?? 0n);
    const explained = await begun.explain(patience);
    expect(explained).toMatchObject({
      decision: "commit",
      participants: [{ name: "stock", hasCarriedOut: true, servedBy: [{ data: Buffer.from("second") }] }],
    });
    expect(second.view.state).toBe("serving");
  });

  test("whose beginning is cancelled leaves nothing behind", async () => {
    await using namespace = await engine.namespace();
    const client = await namespace.connect();
    const transactions = new TwoPhaseCommit(client, "/tx", { codec });
    const stock = new Ledger();
    await using serving = await transactions.serve("stock", stock, patience);
    await (await transactions.serve("away", new Ledger(), patience)).release();
    const enough = new AbortController();
    const beginning = transactions.begin({ stock: {}, away: {} }, { signal: enough.signal });
    // Past the looks before it, and perhaps past the request itself.
    for await (const names of client.watchChildren("/tx/inbox/away")) {
      if (names !== undefined) break;
    }
    enough.abort(new Error("enough"));
    const begun = await beginning.catch((error: Error) => error.message);
    if (typeof begun !== "string") await begun.abort("enough", patience);
    await using away = await transactions.serve("away", new Ledger(), patience);
    await Promise.all([serving.idle(patience), away.idle(patience)]);
    for (const effect of stock.effects.values()) expect(effect).toBe("rolled back");
  });

  test("goes on without a participant that is retired", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const transactions = new TwoPhaseCommit(a, "/tx", { codec });
    await using stock = await transactions.serve("stock", new Ledger(), patience);
    const old = await new TwoPhaseCommit(b, "/tx", { codec }).serve("old", new Ledger(), patience);
    await expect(transactions.retire("old", patience)).rejects.toSatisfy(isParticipantServingError);
    await old.release();
    const begun = await transactions.begin({ stock: {}, old: {} }, patience);
    await until(stock, (open) => open[0]?.phase === "voted");
    expect(await transactions.open("old", patience)).toEqual([begun.id]);
    expect(await transactions.retire("old", patience)).toEqual([]);
    expect(await begun.outcome(patience)).toEqual({ kind: "aborted", by: "old", reason: "it was retired" });
    await begun.settled(patience);
    await expect(transactions.begin({ stock: {}, old: {} }, patience)).rejects.toSatisfy(isUnknownParticipantError);
  });

  test("is one of many, by several coordinators, and all agree on each; old ones are forgotten", async () => {
    await using namespace = await engine.namespace();
    const names = ["a", "b", "c"];
    const ledgers = new Map(names.map((name) => [name, new Ledger()]));
    const clients = await Promise.all(names.map(() => namespace.connect()));
    const keep = 10;
    const all = clients.map((client) => new TwoPhaseCommit(client, "/tx", { codec, keep }));
    const serving = await Promise.all(names.map((n, i) => all[i]!.serve(n, ledgers.get(n) as Ledger, patience)));
    const count = 12;
    const outcomes = new Map<string, string>();
    const pick = (k: number, i: number): Vote => ((k * 7 + i * 3) % 11 === 0 ? "abort" : "commit");
    await Promise.all(
      all.map(async (transactions, i) => {
        for (let k = 0; k < count; k++) {
          const work = Object.fromEntries(names.map((name, j) => [name, { vote: pick(k * 3 + i, j) }]));
          const begun = await transactions.begin(work, patience);
          const { kind } = await begun.outcome(patience);
          const isWanted = names.every((_, j) => pick(k * 3 + i, j) === "commit");
          expect(kind).toBe(isWanted ? "committed" : "aborted");
          outcomes.set(begun.id, kind === "committed" ? "committed" : "rolled back");
        }
      }),
    );
    await Promise.all(serving.map((one) => one.idle(patience)));
    expect(outcomes.size).toBe(3 * count);
    for (const name of names) {
      expect(new Map(ledgers.get(name)?.effects)).toEqual(outcomes);
      expect(await namesBelow(clients[0] as Client, `/tx/inbox/${name}`)).toEqual([]);
    }
    const left = await namesBelow(clients[0] as Client, "/tx/transactions");
    // Those to be kept, what may come on top before anybody tidies up, and what is begun meanwhile.
    expect(left.length).toBeLessThanOrEqual(keep + 16 + 3);
    expect(left.length).toBeGreaterThanOrEqual(keep);
    await Promise.all(serving.map((one) => one.release()));
  });
});
