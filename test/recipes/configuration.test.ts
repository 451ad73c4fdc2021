/** Configurations on every engine: what programs get to see, edits that race, history, staged changes. */
import { type Client, isCoordinationError } from "@corral/client";
import {
  Configuration,
  type ConfigurationOptions,
  type ConfigurationView,
  isInvalidConfigurationError,
  isProposalClosedError,
  isProposalOutdatedError,
  isProposalPendingError,
  isProposalRefusedError,
  isVersionNotKeptError,
  type Proposal,
  type ProposalState,
  type Subscription,
} from "@corral/configuration";
import { insist, isWaitTimeoutError } from "@corral/recipe-kit";
import { expect, test } from "vitest";
import { z } from "zod";
import { describeOnEveryEngine } from "../engines/engines.ts";

const patience = { timeoutMs: 60_000 };

const Limits = z.object({
  perMinute: z.number().int().positive(),
  burst: z.number().int().nonnegative(),
  region: z.object({ name: z.string(), zones: z.array(z.string()) }),
});
type LimitsIn = z.input<typeof Limits>;
type Limits = z.output<typeof Limits>;

const defaults: LimitsIn = { perMinute: 60, burst: 0, region: { name: "eu", zones: ["a"] } };

function configuration(
  client: Client,
  options: Partial<ConfigurationOptions<LimitsIn, Limits>> = {},
): Configuration<LimitsIn, Limits> {
  return new Configuration(client, "/config/limits", { schema: Limits, defaults, ...options });
}

/** Resolves with the first view that is as wanted. */
async function viewed<T>(
  subscription: Subscription<LimitsIn, T>,
  wanted: (view: ConfigurationView<T>) => boolean,
): Promise<ConfigurationView<T>> {
  for await (const view of subscription.view$) if (wanted(view)) return view;
  throw new Error("the subscription has ended");
}

async function stateOf(
  proposal: Proposal<LimitsIn, Limits>,
  wanted: (state: ProposalState) => boolean,
): Promise<ProposalState> {
  for await (const state of proposal.state$) if (wanted(state)) return state;
  throw new Error("the client was closed");
}

describeOnEveryEngine("a configuration", (engine) => {
  test("is what is stored over the defaults, and reaches programs while they run", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const editor = configuration(a, { identity: "anna" });
    await using live = await configuration(b).subscribe(patience);
    expect(live.value).toEqual(defaults);
    expect(live.version).toBe(0);
    const made = await editor.update((stored) => ({ ...stored, perMinute: 90, region: { zones: ["b"] } }), {
      comment: "more of them",
      ...patience,
    });
    expect(made).toMatchObject({ version: 1, author: "anna", comment: "more of them", cause: { kind: "edit" } });
    const { active } = await viewed(live, (view) => view.active?.version === 1);
    expect(active?.value).toEqual({ perMinute: 90, burst: 0, region: { name: "eu", zones: ["b"] } });
    expect(live.value).toBe(active?.value);
    // Only what was decided is stored, for people and other tools to read.
    const { data } = await insist(b, () => b.get("/config/limits"));
    expect(JSON.parse(String(data))).toEqual({ perMinute: 90, region: { zones: ["b"] } });
    // Later defaults count where nothing was decided.
    const later = configuration(b, { defaults: { ...defaults, perMinute: 1, burst: 7 } });
    expect((await later.view(patience)).active?.value).toMatchObject({ perMinute: 90, burst: 7 });
  });

  test("that is wrong never reaches a program: the last good one stays, and the problem is told", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const editor = configuration(a);
    await editor.set({ perMinute: 30 }, patience);
    await using live = await configuration(b).subscribe(patience);
    const values: Limits[] = [];
    live.value$.subscribe((value) => values.push(value));
    await insist(a, () => a.set("/config/limits", '{ "perMinute": -1, "region": { "name": 5 } }'));
    const wrong = await viewed(live, ({ problem }) => problem !== undefined);
    expect(wrong.active).toMatchObject({ version: 1, value: { perMinute: 30 } });
    const told = wrong.problem?.issues.map(({ path }) => path.join("."));
    expect(told?.sort()).toEqual(["perMinute", "region.name"]);
    await insist(a, () => a.set("/config/limits", "not even JSON"));
    await viewed(live, ({ problem }) => (problem?.issues[0]?.message ?? "").startsWith("it cannot be read"));
    // A program that starts now finds the newest that fits in the history.
    await using late = await configuration(b).subscribe(patience);
    expect(late.value).toMatchObject({ perMinute: 30 });
    expect(late.view.problem?.issues).toHaveLength(1);
    // What cannot be read cannot be changed bit by bit; it can be replaced.
    await expect(editor.update((stored) => stored, patience)).rejects.toSatisfy(isInvalidConfigurationError);
    const mended = await editor.set({ perMinute: 31 }, patience);
    await viewed(live, ({ active, problem }) => active?.version === mended.version && problem === undefined);
    for (const value of values) expect(Limits.parse(value)).toEqual(value);
    expect(live.value.perMinute).toBe(31);
  });

  test("is not stored if it is wrong, and a program is not given one that never was right", async () => {
    await using namespace = await engine.namespace();
    const client = await namespace.connect();
    const config = configuration(client);
    await expect(config.update(() => ({ perMinute: -1 }), patience)).rejects.toThrow(/perMinute/);
    await expect(config.set({ perMinute: 0.5 }, patience)).rejects.toSatisfy(isInvalidConfigurationError);
    expect(await config.history(patience)).toMatchObject([{ version: 0, stored: {} }]);
    const bare = configuration(client, { defaults: {} });
    await expect(bare.subscribe(patience)).rejects.toSatisfy(isInvalidConfigurationError);
    expect((await bare.view(patience)).active).toBeUndefined();
  });

  test("edited by several at once loses none of their edits, and its history is bounded", async () => {
    await using namespace = await engine.namespace();
    const clients = await Promise.all(Array.from({ length: 4 }, () => namespace.connect()));
    const seen: Limits[] = [];
    await using live = await configuration(clients[0] as Client).subscribe(patience);
    live.value$.subscribe((value) => seen.push(value));
    const edits = 6;
    await Promise.all(
      clients.map(async (client, i) => {
        const config = configuration(client, { identity: `editor ${i}`, keep: 5 });
        for (let n = 0; n < edits; n++) {
          // Both keys move together, so whoever sees them apart has seen half an edit.
          const change = ({ burst = 0 }: { burst?: number }) => ({ burst: burst + 1, perMinute: burst + 2 });
          await config.update(change, { comment: `${n}`, ...patience });
        }
        await config.close();
      }),
    );
    const total = clients.length * edits;
    await viewed(live, ({ active }) => active?.version === total);
    expect(live.value).toMatchObject({ burst: total, perMinute: total + 1 });
    for (const { burst, perMinute } of seen) expect(burst === 0 || perMinute === burst + 1).toBe(true);
    const history = await configuration(clients[0] as Client).history(patience);
    expect(history.map(({ version }) => version)).toEqual([24, 23, 22, 21, 20]);
    for (const { version, stored, author } of history) {
      expect(stored).toEqual({ burst: version, perMinute: version + 1 });
      expect(author).toMatch(/^editor \d$/);
    }
    const times = history.map(({ atMs }) => atMs);
    expect(times).toEqual([...times].sort((x, y) => y - x));
  });

  test("is changed from a version, if it has that one still", async () => {
    await using namespace = await engine.namespace();
    const config = configuration(await namespace.connect());
    const first = await config.set({ perMinute: 1 }, { version: 0, ...patience });
    const second = await config.set({ perMinute: 2 }, { version: first.version, ...patience });
    expect(second.version).toBe(2);
    const late = config.set({ perMinute: 3 }, { version: first.version, ...patience });
    await expect(late).rejects.toSatisfy((error) => isCoordinationError(error, "BadVersion"));
    // The same once more is no change.
    expect(await config.set({ perMinute: 2 }, patience)).toEqual(second);
  });

  test("is rolled back, and tells who changed what, also what something else has written", async () => {
    await using namespace = await engine.namespace();
    const client = await namespace.connect();
    const config = configuration(client, { identity: "anna" });
    await config.set({ perMinute: 10, burst: 1 }, patience);
    const { stat } = await insist(client, () => client.get("/config/limits"));
    await insist(client, () =>
      client.set("/config/limits", '{"perMinute":11,"region":{"name":"us"}}', { version: stat.version }),
    ).catch((error) => {
      if (!isCoordinationError(error, "BadVersion")) throw error;
    });
    expect(await config.diff(1, 2, patience)).toEqual([
      { kind: "removed", path: ["burst"], before: 1 },
      { kind: "changed", path: ["perMinute"], before: 10, after: 11 },
      { kind: "added", path: ["region"], after: { name: "us" } },
    ]);
    const back = await config.rollback(1, { comment: "too many", ...patience });
    expect(back).toMatchObject({ version: 3, stored: { perMinute: 10, burst: 1 }, cause: { kind: "rollback", to: 1 } });
    const history = await config.history(patience);
    expect(history.map(({ version, author, cause }) => [version, author, cause.kind])).toEqual([
      [3, "anna", "rollback"],
      [2, "", "outside"],
      [1, "anna", "edit"],
      [0, "", "outside"],
    ]);
    expect(history[1]?.stored).toEqual({ perMinute: 11, region: { name: "us" } });
    expect(history[1]?.atMs).toBeGreaterThan(0);
    expect(await config.diff(3, 1, patience)).toEqual([]);
    await expect(config.rollback(17, patience)).rejects.toSatisfy(isVersionNotKeptError);
    const stricter = configuration(client, {
      schema: Limits.refine(({ perMinute }) => perMinute !== 11, "not eleven"),
    });
    await expect(stricter.rollback(2, patience)).rejects.toThrow("not eleven");
    // Back to nothing but the defaults.
    expect((await config.rollback(0, patience)).stored).toEqual({});
  });

  test("is staged: everybody who is asked accepts a change before it counts", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    const asked: [number, number | undefined][] = [];
    await using one = await configuration(a, { identity: "one" }).subscribe({
      consent: (proposed, running) => void asked.push([proposed.perMinute, running?.perMinute]),
      ...patience,
    });
    await using other = await configuration(b, { identity: "other" }).subscribe({ consent: true, ...patience });
    const config = configuration(c, { identity: "anna" });
    await config.set({ perMinute: 5 }, patience);
    const proposal = await config.propose((stored) => ({ ...stored, perMinute: 6 }), { comment: "try", ...patience });
    await expect(config.propose((stored) => stored, patience)).rejects.toSatisfy(isProposalPendingError);
    await proposal.accepted(patience);
    expect(await proposal.state(patience)).toMatchObject({
      kind: "pending",
      verdict: "accepted",
      accepted: ["one", "other"],
      isOutdated: false,
    });
    // Nothing counts yet.
    expect([one.value.perMinute, other.value.perMinute]).not.toContain(6);
    const made = await proposal.activate(patience);
    expect(made).toMatchObject({
      version: 2,
      author: "anna",
      comment: "try",
      cause: { kind: "proposal", id: proposal.id },
    });
    await viewed(one, ({ active }) => active?.version === 2);
    await viewed(other, ({ active }) => active?.version === 2);
    expect(asked.at(-1)).toEqual([6, 5]);
    expect(await proposal.state(patience)).toEqual({ kind: "activated", version: 2 });
    await expect(proposal.withdraw(patience)).rejects.toSatisfy(isProposalClosedError);
    expect(await config.proposal(patience)).toBeUndefined();
  });

  test("is not changed against anybody's will: who refuses says why, and it is withdrawn", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    await using _one = await configuration(a).subscribe({ consent: true, ...patience });
    await using _other = await configuration(b, { identity: "pump" }).subscribe({
      consent: async ({ perMinute }) => {
        if (perMinute > 100) throw new Error("the pump does 100 at most");
      },
      ...patience,
    });
    // Its own schema is stricter than the editor's.
    const strict = Limits.refine(({ burst }) => burst < 10, "burst must stay below 10");
    await using _strict = await configuration(a, { identity: "valve", schema: strict }).subscribe({ consent: true });
    const config = configuration(c);
    const refused = await config.rollOut(() => ({ perMinute: 200 }), patience).catch((error: unknown) => error);
    expect(refused).toSatisfy(isProposalRefusedError);
    expect(refused).toMatchObject({
      refusals: [{ identity: "pump", issues: [{ path: [], message: "the pump does 100 at most" }] }],
    });
    await expect(config.rollOut(() => ({ burst: 10 }), patience)).rejects.toThrow(
      "valve says burst must stay below 10",
    );
    expect(await config.proposal(patience)).toBeUndefined();
    expect((await config.view(patience)).active?.version).toBe(0);
    expect((await config.rollOut(() => ({ perMinute: 100 }), patience)).version).toBe(1);
  });

  test("asks also who comes after the others have accepted, and not who has left", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    await using _one = await configuration(a).subscribe({ consent: true, ...patience });
    const config = configuration(c);
    const proposal = await config.propose(() => ({ perMinute: 7 }), patience);
    await proposal.accepted(patience);
    let answer = (): void => {};
    const asked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const late = await configuration(b, { identity: "late" }).subscribe({ consent: () => asked, ...patience });
    await expect(proposal.activate({ timeoutMs: 200 })).rejects.toSatisfy(isWaitTimeoutError);
    expect(await proposal.state(patience)).toMatchObject({ verdict: "waiting", waitingFor: ["late"] });
    const activation = proposal.activate(patience);
    await late.release();
    expect((await activation).version).toBe(1);
    answer();
  });

  test("is tried out by some first: they run with it, and go back when one of them refuses", async () => {
    await using namespace = await engine.namespace();
    const clients = await Promise.all(Array.from({ length: 3 }, () => namespace.connect()));
    const config = configuration(await namespace.connect());
    const all = await Promise.all(
      clients.map((client, i) => configuration(client, { identity: `${i}` }).subscribe({ consent: true, ...patience })),
    );
    const trying = () => all.filter(({ view }) => view.active?.stage === "canary");
    const proposal = await config.propose(() => ({ perMinute: 8 }), patience);
    await proposal.tryOut({ percent: 34, ...patience });
    expect(trying().map(({ value, version }) => [value.perMinute, version])).toEqual([
      [8, 1],
      [8, 1],
    ]);
    const explained = await config.explain(patience);
    expect(explained).toMatchObject({ version: 0, proposal: { verdict: "accepted", waitingFor: [] } });
    expect(explained.subscribers.filter(({ isTrying }) => isTrying)).toHaveLength(2);
    const [canary] = trying();
    expect(canary?.refuse("it gets hot")).toBe(true);
    const refused = await stateOf(proposal, (state) => state.kind === "pending" && state.verdict === "refused");
    expect(refused).toMatchObject({ refusals: [{ issues: [{ message: "it gets hot" }] }] });
    expect(canary?.value.perMinute).toBe(60);
    await expect(proposal.activate(patience)).rejects.toSatisfy(isProposalRefusedError);
    await proposal.withdraw(patience);
    for (const one of all) await viewed(one, ({ active }) => active?.stage === "active");
    expect(await proposal.state(patience)).toEqual({ kind: "withdrawn" });
    await Promise.all(all.map((one) => one.release()));
  });

  test("is not rolled out when one leaves that tries it out; and a canary goes straight from its trial on", async () => {
    await using namespace = await engine.namespace();
    const [a, b, driver] = await Promise.all([namespace.connect(), namespace.connect(), namespace.connect()]);
    const config = configuration(driver);
    const all = await Promise.all([a, b].map((one) => configuration(one).subscribe({ consent: true, ...patience })));
    const rolled = config.rollOut(() => ({ perMinute: 9 }), { canaryPercent: 1, soakMs: 600_000, ...patience });
    rolled.catch(() => undefined);
    const victim = await Promise.race(
      all.map(async (one) => {
        await viewed(one, ({ active }) => active?.stage === "canary");
        return one;
      }),
    );
    await victim.release();
    await expect(rolled).rejects.toThrow("it has left while it was to try the change out");

    const values: number[] = [];
    const [left] = all.filter((one) => one !== victim);
    left?.value$.subscribe(({ perMinute }) => values.push(perMinute));
    const made = await config.rollOut(() => ({ perMinute: 10 }), { canaryPercent: 100, soakMs: 20, ...patience });
    expect(made).toMatchObject({ version: 1, cause: { kind: "proposal" } });
    await viewed(
      left as Subscription<LimitsIn, Limits>,
      ({ active }) => active?.version === 1 && active.stage === "active",
    );
    // Never back in between.
    expect(values.slice(values.indexOf(10))).not.toContain(60);
    await Promise.all(all.map((one) => one.release()));
  });

  test("proposed by a process that is gone can be taken up by another; outdated, it cannot be activated", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    await configuration(a, { identity: "anna" }).propose(() => ({ perMinute: 3 }), { comment: "later", ...patience });
    await a.close();
    const config = configuration(b);
    const found = await config.proposal(patience);
    expect(found).toMatchObject({ author: "anna", comment: "later", base: 0 });
    expect(await found?.stored()).toEqual({ perMinute: 3 });
    await config.set({ perMinute: 4 }, patience);
    await expect(found?.activate(patience)).rejects.toSatisfy(isProposalOutdatedError);
    await found?.withdraw(patience);
    await found?.withdraw(patience);
    const next = await config.propose(() => ({ perMinute: 5 }), patience);
    expect((await next.activate(patience)).version).toBe(2);
  });

  test("is followed and asked about through the end of a session", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    await using live = await configuration(a, { identity: "phoenix" }).subscribe({ consent: true, ...patience });
    const config = configuration(b);
    const [before] = (await config.explain(patience)).subscribers;
    expect(before).toMatchObject({ identity: "phoenix", sessionId: a.sessionId, sessionTimeoutMs: a.sessionTimeoutMs });
    const proposal = await config.propose(() => ({ perMinute: 12 }), patience);
    await proposal.accepted(patience);
    await namespace.expireSession(a);
    for (;;) {
      const [now] = (await config.explain(patience)).subscribers;
      if (now !== undefined && now.sessionId !== before?.sessionId) break;
    }
    expect((await proposal.activate(patience)).version).toBe(1);
    await viewed(live, ({ active }) => active?.value.perMinute === 12);
  });

  test("leaves nothing behind of waits that are cancelled and subscriptions that end", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = await Promise.all([namespace.connect(), namespace.connect()]);
    const config = configuration(a);
    const live = await config.subscribe({ consent: () => new Promise(() => {}), ...patience });
    const late = config.rollOut(() => ({ perMinute: 2 }), { timeoutMs: 300 });
    await expect(late).rejects.toSatisfy(isWaitTimeoutError);
    for await (const node of b.watchNode("/config/limits/proposal")) if (node?.data === null) break;
    const enough = new AbortController();
    enough.abort(new Error("enough"));
    await expect(config.subscribe({ consent: true, signal: enough.signal })).rejects.toThrow("enough");
    await expect(config.update((stored) => stored, { signal: enough.signal })).rejects.toThrow("enough");
    await live.release();
    for await (const names of b.watchChildren("/config/limits/subscribers")) if (names?.length === 0) break;
    await config.close();
    for await (const names of b.watchChildren("/config/limits/receipts")) if (names?.length === 0) break;
    expect(live.value).toEqual(defaults);
  });
});
