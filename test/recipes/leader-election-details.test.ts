/** Elections in their details, on every engine: leadership handed over, taken again and again, and orders that are mixed. */
import { type Client, isCoordinationError } from "@corral/client";
import { Election, isGrantLostError, isHandOverError, type Leadership } from "@corral/leader-election";
import { insist } from "@corral/recipe-kit";
import { filter, firstValueFrom } from "rxjs";
import { expect, test } from "vitest";
import { describeOnEveryEngine } from "../engines/engines.ts";
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

async function participant(client: Client, identity: string): Promise<{ readonly path: string }> {
  const all = await election(client, "").participants(patience);
  const found = all.find((one) => one.identity === identity);
  if (found === undefined) throw new Error(`${identity} does not take part`);
  return found;
}

describeOnEveryEngine("leadership", (engine) => {
  test("is handed to whoever shall have it, out of turn, with a higher token", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    const first = await election(a, "a", 0).campaign(patience);
    const preferred = election(b, "b", 9).campaign(patience);
    await participants(a, 2);
    const other = election(c, "c", 1).campaign(patience);
    await participants(a, 3);
    await first.handOver(await participant(a, "c"), patience);
    expect(first.held).toBe(false);
    expect(first.signal.reason).not.toSatisfy(isGrantLostError);
    const second = await other;
    expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
    await firstValueFrom(
      election(a, "").leader$.pipe(filter((view) => typeof view !== "string" && view.identity === "c")),
    );
    await second.release();
    const third = await preferred;
    expect(third.fencingToken).toBeGreaterThan(second.fencingToken);
    await third.release();
  });

  test("stays where it is when it is to go to somebody who is dead, a stranger, or the leader itself", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const held = await election(a, "a", 1).campaign(patience);
    const late = election(b, "b", 1).campaign(patience);
    const ended = expect(late).rejects.toSatisfy((error) => isCoordinationError(error, "ClientClosed"));
    await participants(a, 2);
    const to = await participant(a, "b");
    await b.close();
    await ended;
    await participants(a, 1);
    for (const wrong of [to, { path: "/elsewhere/_c_0-p0001-latch-0000000000" }, held]) {
      await expect(held.handOver(wrong, patience)).rejects.toSatisfy(isHandOverError);
    }
    expect(held.held).toBe(true);
    await held.release();
    await expect(held.handOver(to, patience)).rejects.toThrow("released");
  });

  test("without priorities goes to the next in line and to nobody else", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    const held = await election(a, "a").campaign(patience);
    const next = election(b, "b").campaign(patience);
    await participants(a, 2);
    const third = election(c, "c").campaign(patience);
    await participants(a, 3);
    await expect(held.handOver(await participant(a, "c"), patience)).rejects.toSatisfy(isHandOverError);
    expect(held.held).toBe(true);
    await held.handOver(await participant(a, "b"), patience);
    await (await next).release();
    await (await third).release();
  });

  test("is handed over by the function that leads, which is no loss", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const next: { leading?: Promise<Leadership> } = {};
    const run = election(a, "a", 1).lead(async (leadership) => {
      next.leading = election(b, "b", 1).campaign(patience);
      await participants(a, 2);
      await leadership.handOver(await participant(a, "b"), patience);
      return "done";
    }, patience);
    expect(await run).toBe("done");
    await (await next.leading)?.release();
  });

  test("goes to one at a time where some have a priority and some have none", async () => {
    await using namespace = await engine.namespace();
    const clients = await Promise.all(Array.from({ length: 4 }, () => namespace.connect()));
    const overlap = new Overlap(1);
    await Promise.all(
      clients.map(async (client, n) => {
        for (let i = 0; i < 4; i++) {
          const priority = (n + i) % 2 === 0 ? undefined : n;
          await election(client, `c${n}`, priority).lead(() => overlap.enter(), patience);
        }
      }),
    );
    expect(overlap.entries).toBe(16);
  });

  test("is taken again and again until it is enough, also after it was lost", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const enough = new AbortController();
    const overlap = new Overlap(1);
    const tokens: bigint[] = [];
    const running = [a, b].map((client, n) =>
      election(client, `c${n}`).run(
        async ({ fencingToken }) => {
          tokens.push(fencingToken);
          if (tokens.length === 3) await namespace.expireSession(client);
          else await overlap.enter();
          if (tokens.length >= 8) enough.abort();
        },
        { signal: enough.signal },
      ),
    );
    await Promise.all(running);
    expect(tokens).toEqual(tokens.toSorted((x, y) => Number(x - y)));
    await participants(a, 0);
    const failing = election(a, "a").run(
      () => {
        throw new Error("of its own");
      },
      { signal: new AbortController().signal },
    );
    await expect(failing).rejects.toThrow("of its own");
  });

  test.each([
    ["first come", undefined],
    ["with priorities", 1],
  ])("is won all the same when an operator deletes everything (%s)", async (_, priority) => {
    await using namespace = await engine.namespace();
    const [a, b, operator] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connectSteadily()]);
    const held = await election(a, "a", priority).campaign(patience);
    const waiting = election(b, "b", priority).campaign(patience);
    await participants(operator, 2);
    // At one moment: whoever comes again right after it is not meant.
    const everything = operator.transaction();
    for (const name of await operator.children(path)) everything.delete(`${path}/${name}`);
    await everything.delete(path).commit();
    const next = await waiting;
    expect(next.held).toBe(true);
    expect(next.fencingToken).toBeGreaterThan(held.fencingToken);
    await expect.poll(() => held.held, { timeout: 60_000 }).toBe(false);
    await next.release();
  });
});

describeOnEveryEngine("an explanation", (engine) => {
  test("is waited for no longer than asked", async () => {
    await using namespace = await engine.namespace();
    const a = await namespace.connect();
    const over = AbortSignal.abort(new Error("enough"));
    await expect(election(a, "a").explain({ signal: over })).rejects.toThrow("enough");
    expect(await insist(a, () => election(a, "a").explain(patience))).toEqual({ leader: undefined, candidates: [] });
  });
});
