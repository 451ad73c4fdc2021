/**
 * Configurations while replies and requests are lost, on our server behind the fault proxy, where it can be said which:
 * each change is made once, a proposal is activated once, and nothing is left behind. (Bad weather on Apache ZooKeeper is
 * in the suite of all engines.)
 */
import { type Client, connect } from "@corral/client";
import {
  Configuration,
  type ConfigurationOptions,
  isProposalRefusedError,
  isWriteOutcomeUnknownError,
} from "@corral/configuration";
import { FaultProxy, seededRandom } from "@corral/testing";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { behindProxy, type Frame, isMulti } from "../support/behind-proxy.ts";
import { nextState } from "../support/states.ts";

const patience = { timeoutMs: 60_000 };
const world = behindProxy();
const { client, drop, untilEmpty } = world;
const path = "/config";
const schema = z.object({ count: z.number().nonnegative(), twice: z.number() });
type Counts = z.output<typeof schema>;
const next = ({ count = 0 }: Partial<Counts>) => ({ count: count + 1, twice: 2 * (count + 1) });

function configuration(of: Client, options: Partial<ConfigurationOptions<Counts, Counts>> = {}) {
  return new Configuration<Counts, Counts>(of, path, { schema, defaults: { count: 0, twice: 0 }, ...options });
}

/** What the versions came from, oldest first. */
async function causesIn(tree: Client): Promise<string[]> {
  const history = await configuration(tree).history(patience);
  return history.reverse().map(({ cause }) => cause.kind);
}

describe.each(["reply", "request"] as const)("a %s lost", (what) => {
  test("of a change: it is made once", async () => {
    const config = configuration(await client());
    await config.update(next, patience);
    const dropped = drop(what, isMulti);
    expect(await config.update(next, { comment: "second", ...patience })).toMatchObject({ version: 2 });
    expect(dropped.count).toBe(1);
    expect(await configuration(world.steady).update(next, patience)).toMatchObject({
      version: 3,
      stored: { count: 3 },
    });
    const [, second] = await configuration(world.steady).history(patience);
    expect(second).toMatchObject({ version: 2, comment: "second" });
  });

  test("of a change, and another's before the next attempt", async () => {
    const config = configuration(await client());
    await config.update(next, patience);
    const dropped = drop(what, isMulti);
    world.proxy.refuse();
    const change = config.update(next, patience);
    await dropped.happened;
    await configuration(world.steady).update(next, patience);
    world.proxy.accept();
    expect(await change).toMatchObject({ version: what === "reply" ? 2 : 3 });
    expect((await configuration(world.steady).view(patience)).active?.value).toEqual({ count: 3, twice: 6 });
  });

  test("of a change, and then the session", async () => {
    const one = await client(world.proxy.connectString, 600);
    const config = configuration(one);
    await config.update(next, patience);
    const dropped = drop(what, isMulti);
    const lost = nextState(one, "lost");
    world.proxy.refuse();
    const change = config.update(next, patience);
    await dropped.happened;
    await lost;
    world.proxy.accept();
    expect(await change).toMatchObject({ version: 2 });
    expect(await configuration(world.steady).update(next, patience)).toMatchObject({
      version: 3,
      stored: { count: 3 },
    });
  });

  test("of a change that is given up then: what became of it is told", async () => {
    const config = configuration(await client());
    await config.update(next, patience);
    const dropped = drop(what, isMulti);
    world.proxy.refuse();
    const enough = new AbortController();
    const change = config.update(next, { signal: enough.signal }).catch((error: unknown) => error);
    await dropped.happened;
    enough.abort(new Error("enough"));
    const error = await change;
    expect(error).toMatchObject({ cause: { message: "enough" }, path });
    world.proxy.accept();
    if (!isWriteOutcomeUnknownError(error)) throw error;
    const wasApplied = what === "reply";
    expect(await error.outcome).toEqual({ kind: wasApplied ? "applied" : "not applied" });
    expect(await config.update(next, patience)).toMatchObject({ version: wasApplied ? 3 : 2 });
    await config.close();
    await untilEmpty(`${path}/receipts`);
  });

  test("of an activation, and then the session: it is activated once, and told", async () => {
    const one = await client(world.proxy.connectString, 600);
    await using live = await configuration(world.steady).subscribe({ consent: true, ...patience });
    const proposal = await configuration(one, { identity: "anna" }).propose(next, patience);
    await proposal.accepted(patience);
    const dropped = drop(what, isMulti);
    const lost = nextState(one, "lost");
    world.proxy.refuse();
    const activation = proposal.activate(patience);
    await dropped.happened;
    await lost;
    world.proxy.accept();
    expect(await activation).toMatchObject({ version: 1, author: "anna", cause: { kind: "proposal" } });
    for await (const { active } of live.view$) if (active?.version === 1) break;
    expect(await proposal.state(patience)).toEqual({ kind: "activated", version: 1 });
    expect(await causesIn(world.steady)).toEqual(["outside", "proposal"]);
  });

  test("of an activation, and it is withdrawn meanwhile: it is the one or the other", async () => {
    const config = configuration(await client());
    const proposal = await config.propose(next, patience);
    const dropped = drop(what, isMulti);
    world.proxy.refuse();
    const activation = proposal.activate(patience).catch((error: unknown) => error);
    await dropped.happened;
    const other = await configuration(world.steady).proposal(patience);
    await other?.withdraw(patience);
    world.proxy.accept();
    if (what === "reply") expect(await activation).toMatchObject({ version: 1 });
    else expect(await activation).toMatchObject({ name: "ProposalClosedError", activated: undefined });
    const { kind } = await proposal.state(patience);
    expect(kind).toBe(what === "reply" ? "activated" : "withdrawn");
  });

  test("of a refusal: it counts", async () => {
    await using live = await configuration(await client(), { identity: "one" }).subscribe({
      consent: true,
      ...patience,
    });
    const proposal = await configuration(world.steady).propose(next, patience);
    await proposal.accepted(patience);
    const dropped = drop(what, ({ operation }) => operation === "setData");
    expect(live.refuse("no")).toBe(true);
    await dropped.happened;
    for await (const state of proposal.state$) if (state.kind === "pending" && state.verdict === "refused") break;
    await expect(proposal.activate(patience)).rejects.toThrow("one says no");
  });
});

const isOfRecipe = ({ operation }: Frame) =>
  operation !== "createSession" && operation !== "closeSession" && operation !== "ping";

/** Lives at one time, each in a tree of its own: most of a life is waiting for the next connection. */
const livesAtOnce = 16;

/** Leads a life once for each of its frames, which is lost. Returns of how many. */
async function eachFrameLost(
  what: "reply" | "request",
  lead: (steadily: Client, shakily: Client) => Promise<void>,
): Promise<number> {
  /** Whether there was such a frame. */
  const lose = async (nth: number): Promise<boolean> => {
    await using own = await FaultProxy.start(world.server.connectString);
    const chroot = `/${what}-${nth}`;
    await world.steady.create(chroot);
    await using steadily = await connect(world.server.connectString + chroot);
    await using shakily = await connect(own.connectString + chroot, { sessionTimeoutMs: 10_000 });
    let seen = 0;
    const isIt = (frame: Frame) => isOfRecipe(frame) && ++seen === nth;
    const dropped = what === "reply" ? own.dropReply(isIt) : own.dropRequest(isIt);
    await lead(steadily, shakily).catch((cause: unknown) => {
      throw new Error(`with ${what} ${nth} lost`, { cause });
    });
    dropped.cancel();
    return dropped.count > 0;
  };
  for (let from = 1, frames = 0; ; from += livesAtOnce) {
    const results = await Promise.all(Array.from({ length: livesAtOnce }, (_, i) => lose(from + i)));
    frames += results.filter(Boolean).length;
    if (results.includes(false)) return frames;
  }
}

describe("each frame in turn is lost, of a life with", () => {
  const consent = ({ count }: Counts): void => {
    if (count >= 100) throw new Error("too many");
  };

  test.each(["reply", "request"] as const)("changes: a %s", async (what) => {
    const frames = await eachFrameLost(what, async (steadily, shakily) => {
      const live = await configuration(steadily).subscribe({ consent, ...patience });
      const config = configuration(shakily, { keep: 3 });
      await config.update(next, patience);
      await config.rollOut(next, { canaryPercent: 50, ...patience });
      await config.rollback(1, patience);
      await config.close();
      for await (const { active } of live.view$) if (active?.version === 3) break;
      expect(live.value).toEqual({ count: 1, twice: 2 });
      await live.release();
      expect(await causesIn(steadily)).toEqual(["edit", "proposal", "rollback"]);
      expect((await steadily.get(`${path}/proposal`)).data).toBeNull();
      for (const place of ["receipts", "subscribers"]) expect(await steadily.children(`${path}/${place}`)).toEqual([]);
    });
    expect(frames).toBeGreaterThan(30);
  });

  test.each(["reply", "request"] as const)("consent: a %s", async (what) => {
    const frames = await eachFrameLost(what, async (steadily, shakily) => {
      const config = configuration(steadily);
      await config.update(next, patience);
      const asked: number[] = [];
      const live = await configuration(shakily).subscribe({
        consent: (value) => {
          asked.push(value.count);
          consent(value);
        },
        ...patience,
      });
      const values: Counts[] = [];
      live.value$.subscribe((value) => values.push(value));
      await config.rollOut(next, { canaryPercent: 100, ...patience });
      await expect(config.rollOut(() => ({ count: 100 }), patience)).rejects.toSatisfy(isProposalRefusedError);
      for await (const { active } of live.view$) if (active?.version === 2 && active.stage === "active") break;
      await live.release();
      expect(asked).toEqual([2, 100]);
      // Never back, and never something that was refused.
      expect([...new Set(values.map(({ count }) => count))]).toEqual([1, 2]);
      for (const { count, twice } of values) expect(twice).toBe(2 * count);
      expect(await steadily.children(`${path}/subscribers`)).toEqual([]);
    });
    expect(frames).toBeGreaterThan(15);
  });
});

test("many editors, and one in eight replies and one in twelve requests lost: no edit is lost, and none made twice", async () => {
  const random = seededRandom(7);
  const strikes = (odds: number) => (frame: Frame) => isOfRecipe(frame) && random.below(odds) === 0;
  await configuration(world.steady).update(next, patience);
  const editors = await Promise.all(Array.from({ length: 4 }, () => client()));
  await using live = await configuration(await client()).subscribe({ consent: true, ...patience });
  const seen: Counts[] = [];
  live.value$.subscribe((value) => seen.push(value));
  const replies = world.proxy.dropReply(strikes(8), { times: 14 });
  const requests = world.proxy.dropRequest(strikes(12), { times: 10 });
  const each = 6;
  await Promise.all(
    editors.map(async (one, i) => {
      const config = configuration(one, { identity: `${i}`, keep: 200 });
      for (let n = 0; n < each; n++) await config.update(next, { comment: `${i}.${n}`, ...patience });
    }),
  );
  const total = 1 + editors.length * each;
  for await (const { active } of live.view$) if (active?.version === total) break;
  expect(live.value).toEqual({ count: total, twice: 2 * total });
  for (const { count, twice } of seen) expect(twice).toBe(2 * count);
  const comments = (await configuration(world.steady).history(patience)).map(({ comment }) => comment).filter(Boolean);
  expect(new Set(comments).size).toBe(editors.length * each);
  expect(comments).toHaveLength(editors.length * each);
  expect(replies.count + requests.count).toBeGreaterThan(12);
});
