/** Elections on every engine: one leader, succession, preference, and what others see of it. */
import type { Client } from "@corral/client";
import { Election, isGrantLostError, isWaitTimeoutError, type LeaderView } from "@corral/leader-election";
import { insist } from "@corral/recipe-kit";
import { filter, firstValueFrom, type Observable } from "rxjs";
import { expect, test } from "vitest";
import { describeAlwaysOnEveryEngine } from "../engines/engines.ts";
import { Overlap } from "../support/overlap.ts";

const path = "/leader";
const patience = { timeoutMs: 60_000 };

function election(client: Client, identity: string, priority?: number): Election {
  return new Election(client, path, { identity, priority });
}

/** Resolves when so many take part. */
async function participants(client: Client, count: number): Promise<void> {
  for await (const names of client.watchChildren(path)) if ((names ?? []).length === count) return;
}

function leads(leader$: Observable<LeaderView>, identity: string): Promise<LeaderView> {
  return firstValueFrom(leader$.pipe(filter((view) => typeof view !== "string" && view.identity === identity)));
}

describeAlwaysOnEveryEngine("an election", (engine) => {
  test("has one leader at a time, each with a higher token than the one before", async () => {
    await using namespace = await engine.namespace();
    const clients = await Promise.all(Array.from({ length: 4 }, () => namespace.connect()));
    const overlap = new Overlap(1);
    const tokens: bigint[] = [];
    await Promise.all(
      clients.map(async (client, n) => {
        for (let i = 0; i < 4; i++) {
          await election(client, `c${n}`).lead(async ({ fencingToken }) => {
            tokens.push(fencingToken);
            await overlap.enter();
          }, patience);
        }
      }),
    );
    expect(overlap.entries).toBe(16);
    expect(tokens).toEqual([...tokens].sort((a, b) => Number(a - b)));
  });

  test("goes to the next when the leader resigns, and when its session expires; a late leader can do nothing guarded", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    const first = await election(a, "a").campaign(patience);
    const second = election(b, "b").campaign(patience);
    await participants(c, 2);
    const third = election(c, "c").campaign(patience);
    await participants(c, 3);
    await first.release();
    const b1 = await second;
    expect(b1.fencingToken).toBeGreaterThan(first.fencingToken);
    await namespace.expireSession(b);
    const c1 = await third;
    expect(c1.fencingToken).toBeGreaterThan(b1.fencingToken);
    await insist(c, () => c.ensurePath("/state"));
    // Unless b has heard of its end by then, the server cuts the connection instead of answering.
    const late = insist(b, () => b.transaction().guard(b1).set("/state", "stale").commit());
    await expect(late).rejects.toSatisfy(isGrantLostError);
    expect(b1.held).toBe(false);
    expect(b1.signal.reason).toSatisfy(isGrantLostError);
    await insist(c, () => c.transaction().guard(c1).set("/state", "fresh").commit());
    await c1.release();
  });

  test("§6.1 lead rejects when leadership was lost, even though the function resolved", async () => {
    await using namespace = await engine.namespace();
    const a = await namespace.connect();
    const run = election(a, "a").lead(async () => {
      await namespace.expireSession(a);
      return "done";
    }, patience);
    await expect(run).rejects.toSatisfy(isGrantLostError);
  });

  test("that is waited for in vain leaves no candidate behind", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const leadership = await election(a, "a").campaign(patience);
    await expect(election(b, "b").campaign({ timeoutMs: 50 })).rejects.toSatisfy(isWaitTimeoutError);
    await participants(a, 1);
    await leadership.release();
  });

  test("with priorities goes to the most preferred candidate, and nobody deposes a leader", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    const low = await election(a, "low", 1).campaign(patience);
    const middle = election(b, "middle", 5).campaign(patience);
    await participants(a, 2);
    const high = election(c, "high", 9).campaign(patience);
    await participants(a, 3);
    expect(low.held).toBe(true);
    const seen = await insist(a, () => election(a, "low", 1).participants());
    expect(seen.map((p) => [p.identity, p.leads])).toEqual([
      ["low", true],
      ["high", false],
      ["middle", false],
    ]);
    const { leader, candidates } = await insist(b, () => election(b, "observer", 1).explain());
    expect(leader).toMatchObject({ identity: "low", sessionId: a.sessionId, sessionTimeoutMs: a.sessionTimeoutMs });
    expect(candidates.map(({ identity }) => identity)).toEqual(["high", "middle"]);
    await low.release();
    const highest = await high;
    expect(highest.fencingToken).toBeGreaterThan(low.fencingToken);
    await highest.release();
    const rest = await middle;
    expect(rest.fencingToken).toBeGreaterThan(highest.fencingToken);
    await rest.release();
  });

  test("is watched: who leads now, then every change, nobody in between", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    const { leader$ } = election(c, "observer");
    const views: LeaderView[] = [];
    const subscription = leader$.subscribe((view) => views.push(view));
    expect(await firstValueFrom(leader$.pipe(filter((view) => view !== "suspended")))).toBe("none");
    const first = await election(a, "a").campaign(patience);
    expect(await leads(leader$, "a")).toMatchObject({ fencingToken: first.fencingToken, sessionId: a.sessionId });
    const next = election(b, "b").campaign(patience);
    await first.release();
    const second = await next;
    await leads(leader$, "b");
    await second.release();
    await firstValueFrom(leader$.pipe(filter((view) => view === "none")));
    subscription.unsubscribe();
    const told = views.flatMap((view) => (typeof view === "string" ? [] : [view.identity]));
    expect(told.filter((identity, i) => identity !== told[i - 1])).toEqual(["a", "b"]);
  });
});

test("an impossible priority is named", () => {
  expect(() => election(undefined as unknown as Client, "x", 10_000)).toThrow("must be a whole number from 0 to 9999");
});
