/**
 * Configurations where something is amiss: nodes that hold what no program of ours wrote, missing permissions, connections
 * that are down at the wrong moment, waits that are given up then.
 */
import { type Client, creatorAllAcl, isCoordinationError, openAcl, readOnlyAcl } from "@corral/client";
import {
  Configuration,
  type ConfigurationOptions,
  isProposalPendingError,
  isProposalRefusedError,
  isProposalUnreadableError,
  isVersionNotKeptError,
  isWaitTimeoutError,
  type Subscription,
} from "@corral/configuration";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { behindProxy, isMulti } from "../support/behind-proxy.ts";
import { nextState } from "../support/states.ts";

const patience = { timeoutMs: 60_000 };
const world = behindProxy();
const { client, untilEmpty } = world;
const path = "/config";
const schema = z.object({ rate: z.number().positive() });
type Rates = z.output<typeof schema>;

function configuration(of: Client, options: Partial<ConfigurationOptions<Rates, Rates>> = {}) {
  return new Configuration<Rates, Rates>(of, path, { schema, defaults: { rate: 1 }, ...options });
}

async function viewed(
  subscription: Subscription<Rates, Rates>,
  wanted: (view: typeof subscription.view) => boolean,
): Promise<void> {
  for await (const view of subscription.view$) if (wanted(view)) return;
  throw new Error("the subscription has ended");
}

/** Resolves when nothing is proposed. */
async function untilWithdrawn(): Promise<void> {
  for await (const node of world.steady.watchNode(`${path}/proposal`)) if ((node?.data ?? null) === null) return;
}

describe("what no program of ours wrote", () => {
  test.each([
    ["text", "by hand"],
    ["a format to come", Buffer.from([0x81, 0xa6, ...Buffer.from("format"), 2])],
  ])("at the place for proposals, %s: nobody dies of it, and nothing is activated meanwhile", async (_, data) => {
    const config = configuration(world.steady);
    await using live = await configuration(await client(), { identity: "one" }).subscribe({ consent: true });
    await world.steady.set(`${path}/proposal`, data);
    await expect(config.propose(() => ({ rate: 2 }), patience)).rejects.toSatisfy(isProposalUnreadableError);
    await expect(config.explain(patience)).rejects.toThrow("/config/proposal is no proposal");
    await config.set({ rate: 3 }, patience);
    await viewed(live, ({ active }) => active?.value.rate === 3);
    await world.steady.set(`${path}/proposal`, null);
    expect((await config.rollOut(() => ({ rate: 4 }), patience)).version).toBe(2);
  });

  test("in the history: the rest of it can be used", async () => {
    const config = configuration(world.steady, { defaults: {} });
    await config.set({ rate: 1 }, patience);
    await config.set({ rate: 2 }, patience);
    await world.steady.set(`${path}/history/0000000002`, "by hand");
    await world.steady.create(`${path}/history/notes`, "what we did last summer");
    await world.steady.set(path, '{"rate":-1}');
    await using live = await configuration(await client(), { defaults: {} }).subscribe(patience);
    expect([live.value, live.version]).toEqual([{ rate: 1 }, 1]);
    expect((await config.history(patience)).map(({ version }) => version)).toEqual([3, 1, 0]);
    await expect(config.rollback(2, patience)).rejects.toSatisfy(isVersionNotKeptError);
    expect(await config.rollback(1, patience)).toMatchObject({ version: 4, stored: { rate: 1 } });
  });

  test("as the configuration, too large for the history: it can be replaced all the same", async () => {
    const config = configuration(world.steady);
    await config.set({ rate: 1 }, patience);
    await world.steady.set(path, JSON.stringify({ rate: 2, remark: "x".repeat(600 * 1024) }));
    expect((await config.view(patience)).active?.value).toEqual({ rate: 2 });
    expect((await config.set({ rate: 3 }, patience)).version).toBe(3);
    expect((await config.history(patience)).map(({ version }) => version)).toEqual([3, 1, 0]);
  });

  test("as a subscriber: it is asked, and does not answer", async () => {
    const config = configuration(world.steady);
    await config.set({ rate: 1 }, patience);
    await world.steady.create(`${path}/subscribers/_c_0-subscriber-`, "by hand", { mode: "ephemeralSequential" });
    await expect(config.rollOut(() => ({ rate: 2 }), { timeoutMs: 100 })).rejects.toSatisfy(isWaitTimeoutError);
    await untilWithdrawn();
  });
});

test("a change that mends what is wrong is tried out like any other", async () => {
  const config = configuration(world.steady);
  await config.set({ rate: 1 }, patience);
  await using live = await configuration(await client()).subscribe({ consent: true });
  await world.steady.set(path, '{"rate":-1}');
  await viewed(live, ({ problem }) => problem !== undefined);
  const proposal = await config.propose(() => ({ rate: 5 }), patience);
  await proposal.tryOut({ percent: 100, ...patience });
  expect(live.view).toMatchObject({ active: { value: { rate: 5 }, stage: "canary" }, problem: { version: 2 } });
  await proposal.activate(patience);
  await viewed(live, ({ active, problem }) => active?.stage === "active" && problem === undefined);
  expect([live.value.rate, live.version]).toEqual([5, 3]);
});

describe("who may not", () => {
  const own = { acl: [...creatorAllAcl, ...readOnlyAcl] };

  test("write is told so at once, and nothing has happened", async () => {
    await world.steady.addAuth("digest", "anna:secret");
    await configuration(world.steady, own).set({ rate: 2 }, patience);
    const stranger = await client();
    const config = configuration(stranger);
    let writes = 0;
    world.proxy.onFrame((frame) => frame.kind === "request" && isMulti(frame) && writes++);
    const isRefused = (error: unknown) => isCoordinationError(error, "NoAuth");
    await expect(config.set({ rate: 3 }, patience)).rejects.toSatisfy(isRefused);
    await expect(config.propose(() => ({ rate: 3 }), patience)).rejects.toSatisfy(isRefused);
    expect(writes).toBeLessThanOrEqual(2);
    await using live = await config.subscribe(patience);
    expect(live.value).toEqual({ rate: 2 });
    await expect(config.subscribe({ consent: true, ...patience })).rejects.toSatisfy(isRefused);
  });

  test("read gets no subscription, and the reason", async () => {
    await world.steady.addAuth("digest", "anna:secret");
    await configuration(world.steady, { acl: creatorAllAcl }).set({ rate: 2 }, patience);
    const config = configuration(await client());
    const isRefused = (error: unknown) => isCoordinationError(error, "NoAuth");
    await expect(config.subscribe(patience)).rejects.toSatisfy(isRefused);
    await expect(config.subscribe({ consent: true, ...patience })).rejects.toSatisfy(isRefused);
  });

  test("write can be asked all the same, where the subscribers may join", async () => {
    await world.steady.addAuth("digest", "anna:secret");
    const owner = configuration(world.steady, { ...own, subscriberAcl: openAcl });
    await owner.set({ rate: 2 }, patience);
    await using live = await configuration(await client(), { identity: "guest" }).subscribe({
      consent: ({ rate }) => {
        if (rate > 9) throw new Error("too much");
      },
    });
    await expect(owner.rollOut(() => ({ rate: 10 }), patience)).rejects.toThrow("guest says too much");
    await owner.rollOut(() => ({ rate: 9 }), patience);
    await viewed(live, ({ active }) => active?.value.rate === 9);
  });
});

describe("the end of a client", () => {
  test("ends its subscriptions, and none begins", async () => {
    const one = await client();
    const config = configuration(one);
    const live = await config.subscribe({ consent: true, ...patience });
    const completed = new Promise<void>((resolve) => live.view$.subscribe({ complete: resolve }));
    await one.close();
    await completed;
    await live.release();
    await expect(config.subscribe(patience)).rejects.toMatchObject({ code: "ClientClosed" });
    await expect(config.subscribe({ consent: true })).rejects.toMatchObject({ code: "ClientClosed" });
    await expect(config.update((stored) => stored)).rejects.toMatchObject({ code: "ClientClosed" });
    expect(live.value).toEqual({ rate: 1 });
  });

  test("while a subscription begins is told", async () => {
    const one = await client();
    const suspended = nextState(one, "suspended");
    world.proxy.refuse();
    world.proxy.cut();
    await suspended;
    const beginning = configuration(one).subscribe({ consent: true });
    const told = expect(beginning).rejects.toMatchObject({ code: "ClientClosed" });
    await Promise.all([one.close(), told]);
  });
});

describe("a connection that is down", () => {
  test("is told of, also when it breaks while a proposal is being closed", async () => {
    const one = await client();
    const live = await configuration(one).subscribe({ consent: true, ...patience });
    const proposal = await configuration(world.steady).propose(() => ({ rate: 2 }), patience);
    await proposal.tryOut({ percent: 100, ...patience });
    // The news arrives; the answer to what is asked then does not.
    world.proxy.onFrame((frame) => {
      if (frame.kind !== "event" || frame.path !== `${path}/proposal`) return;
      world.proxy.refuse();
      world.proxy.dropRequest(() => true);
    });
    const values: number[] = [];
    live.value$.subscribe(({ rate }) => values.push(rate));
    await proposal.activate(patience);
    await viewed(live, ({ state }) => state === "suspended");
    expect(live.value.rate).toBe(2);
    world.proxy.accept();
    await viewed(live, ({ state, active }) => state === "current" && active?.stage === "active");
    expect(values).not.toContain(1);
    await live.release();
  });

  test.each(["reply", "request"] as const)(
    "at a proposal that is given up then leaves none behind: its %s lost",
    async (what) => {
      for (const way of ["propose", "rollOut"] as const) {
        const config = configuration(await client());
        await config.set({ rate: way.length }, patience);
        const drop = what === "reply" ? world.proxy.dropReply(isMulti) : world.proxy.dropRequest(isMulti);
        world.proxy.refuse();
        const enough = new AbortController();
        const given = config[way](() => ({ rate: 20 }), { signal: enough.signal }).catch((error: unknown) => error);
        await drop.happened;
        enough.abort(new Error("enough"));
        expect(await given, way).toMatchObject({ message: "enough" });
        world.proxy.accept();
        // Whoever comes later finds the place free.
        const other = configuration(world.steady);
        await untilWithdrawn();
        for (;;) {
          const made = await other.rollOut(({ rate = 0 }) => ({ rate: rate + 1 }), patience).catch(pending);
          if (made !== undefined) break;
        }
        await Promise.all([config.close(), other.close()]);
        await untilEmpty(`${path}/receipts`);
      }
    },
  );

  test("at a subscription that is given up then leaves no subscriber behind", async () => {
    for (const operation of ["create2", "setData"]) {
      const one = await client();
      const drop = world.proxy.dropReply(
        (reply) => reply.operation === operation && reply.path?.includes("subscribers") === true,
      );
      world.proxy.refuse();
      const enough = new AbortController();
      await configuration(world.steady).set({ rate: operation.length }, patience);
      const beginning = configuration(one).subscribe({ consent: true, signal: enough.signal });
      const given = beginning.catch((error: unknown) => error);
      await drop.happened;
      enough.abort(new Error("enough"));
      expect(await given).toMatchObject({ message: "enough" });
      world.proxy.accept();
      await untilEmpty(`${path}/subscribers`);
    }
  });

  test("at a withdrawal that is given up then: it is withdrawn, or told", async () => {
    const config = configuration(await client());
    const proposal = await config.propose(() => ({ rate: 2 }), patience);
    world.proxy.refuse();
    world.proxy.cut();
    await expect(proposal.withdraw({ timeoutMs: 20 })).rejects.toSatisfy(isWaitTimeoutError);
    world.proxy.accept();
    await proposal.withdraw(patience);
    await untilWithdrawn();
  });
});

describe("a refusal", () => {
  test("outlives the session of who refused", async () => {
    const one = await client(world.proxy.connectString, 600);
    await using live = await configuration(one, { identity: "phoenix" }).subscribe({ consent: true, ...patience });
    const config = configuration(world.steady);
    const proposal = await config.propose(() => ({ rate: 2 }), patience);
    await proposal.accepted(patience);
    const before = (await config.explain(patience)).subscribers[0]?.sessionId;
    expect(live.refuse("it gets hot")).toBe(true);
    const lost = nextState(one, "lost");
    world.proxy.refuse();
    world.proxy.cut();
    await lost;
    await untilEmpty(`${path}/subscribers`);
    world.proxy.accept();
    for (;;) {
      const [now] = (await config.explain(patience)).subscribers;
      if (now !== undefined && now.sessionId !== before) break;
    }
    await expect(proposal.activate(patience)).rejects.toThrow("phoenix says it gets hot");
  });

  test("is asked for once, however often the session changes meanwhile", async () => {
    const one = await client(world.proxy.connectString, 600);
    let asked = 0;
    let answer = (): void => {};
    const thinking = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await using _live = await configuration(one, { identity: "slow" }).subscribe({
      consent: async () => {
        asked++;
        await thinking;
        throw new Error("no");
      },
      ...patience,
    });
    const proposal = await configuration(world.steady).propose(() => ({ rate: 2 }), patience);
    while (asked === 0) await world.steady.sync("/");
    const lost = nextState(one, "lost");
    world.proxy.refuse();
    world.proxy.cut();
    await lost;
    await untilEmpty(`${path}/subscribers`);
    world.proxy.accept();
    for await (const names of world.steady.watchChildren(`${path}/subscribers`)) if (names?.length === 1) break;
    answer();
    await expect(proposal.accepted(patience)).rejects.toSatisfy(isProposalRefusedError);
    expect(asked).toBe(1);
  });
});

/** Somebody else's proposal, on its way out. */
function pending(error: unknown): undefined {
  if (!isProposalPendingError(error)) throw error;
}
