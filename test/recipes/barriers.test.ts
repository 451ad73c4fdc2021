/** Barriers on every engine: together by counting, cancellation without a trace, lost replies, lost sessions, many rounds. */
import { Barrier, DoubleBarrier, isGrantLostError, isWaitTimeoutError, PhasedBarrier } from "@corral/barriers";
import { type Client, connect } from "@corral/client";
import { insist } from "@corral/recipe-kit";
import { FaultProxy } from "@corral/testing";
import { expect, test } from "vitest";
import { describeOnEveryEngine } from "../engines/engines.ts";
import type { Namespace } from "../engines/namespace.ts";

const patience = { timeoutMs: 60_000 };

async function connectMany(namespace: Namespace, count: number): Promise<Client[]> {
  return await Promise.all(Array.from({ length: count }, () => namespace.connect()));
}

/** Resolves when there are so many names below `path` for which `counts` holds. */
async function untilThereAre(
  client: Client,
  path: string,
  length: number,
  counts: (name: string) => boolean = () => true,
): Promise<void> {
  for await (const names of client.watchChildren(path)) if ((names ?? []).filter(counts).length === length) return;
}

const isParty = (name: string) => name !== "ready";
const isArrival = (name: string) => name.includes("-arrival-");

/** Resolves `false` if `promise` has not settled by the time that a few requests of `client` were answered. */
async function settlesSoon(client: Client, promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  promise.then(settle, settle);
  for (let i = 0; i < 5; i++) await insist(client, () => client.sync("/"));
  return settled;
}

describeOnEveryEngine("a barrier", (engine) => {
  test("stands until it is removed, and lets everybody pass then", async () => {
    await using namespace = await engine.namespace();
    const [setter, ...waiters] = await connectMany(namespace, 4);
    const barrier = new Barrier(setter as Client, "/a/barrier");
    await barrier.set(patience);
    await barrier.set(patience);
    expect(await barrier.explain()).toMatchObject({ isSet: true, sinceMs: expect.any(Number) });
    const waits = waiters.map((client) => new Barrier(client, "/a/barrier").wait(patience));
    for (const wait of waits) expect(await settlesSoon(setter as Client, wait)).toBe(false);
    await barrier.remove(patience);
    await Promise.all(waits);
    await barrier.remove(patience);
    expect(await barrier.isSet()).toBe(false);
    await barrier.wait(patience);
  });

  test("lets pass who waits when it is removed, even if it is set again at once", async () => {
    await using namespace = await engine.namespace();
    const [setter, waiter] = (await connectMany(namespace, 2)) as [Client, Client];
    const barrier = new Barrier(setter, "/barrier");
    for (let i = 0; i < 5; i++) {
      await barrier.set(patience);
      const wait = new Barrier(waiter, "/barrier").wait(patience);
      expect(await settlesSoon(waiter, wait)).toBe(false);
      await barrier.remove(patience);
      await barrier.set(patience);
      await wait;
    }
  });

  test("is not waited for longer than asked, and a wait survives its session", async () => {
    await using namespace = await engine.namespace();
    const [setter, waiter] = (await connectMany(namespace, 2)) as [Client, Client];
    await new Barrier(setter, "/barrier").set(patience);
    await expect(new Barrier(waiter, "/barrier").wait({ timeoutMs: 30 })).rejects.toSatisfy(isWaitTimeoutError);
    const enough = new AbortController();
    const cancelled = new Barrier(waiter, "/barrier").wait({ signal: enough.signal });
    enough.abort(new Error("enough"));
    await expect(cancelled).rejects.toThrow("enough");
    const wait = new Barrier(waiter, "/barrier").wait(patience);
    await namespace.expireSession(waiter);
    expect(await settlesSoon(setter, wait)).toBe(false);
    await new Barrier(setter, "/barrier").remove(patience);
    await wait;
  });
});

describeOnEveryEngine("a double barrier", (engine) => {
  test("lets its parties begin together and end together, round after round", async () => {
    await using namespace = await engine.namespace();
    const clients = await connectMany(namespace, 4);
    const entering = clients.map(() => 0);
    const leaving = clients.map(() => 0);
    await Promise.all(
      clients.map(async (client, i) => {
        const barrier = new DoubleBarrier(client, "/double", { parties: clients.length });
        for (let round = 1; round <= 6; round++) {
          entering[i] = round;
          const inside = await barrier.enter(patience);
          expect(Math.min(...entering)).toBe(round);
          expect(inside.held).toBe(true);
          leaving[i] = round;
          await inside.leave(patience);
          expect(Math.min(...leaving)).toBe(round);
          expect(inside.held).toBe(false);
        }
      }),
    );
    await untilThereAre(clients[0] as Client, "/double", 0);
  });

  test("tells who is there and how many are missing", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = (await connectMany(namespace, 2)) as [Client, Client];
    const barrierOf = (client: Client, identity: string) =>
      new DoubleBarrier(client, "/double", { parties: 2, identity });
    const first = barrierOf(a, "a").enter(patience);
    await untilThereAre(b, "/double", 1);
    expect(await barrierOf(b, "b").explain()).toMatchObject({
      isOpen: false,
      missing: 1,
      parties: [{ identity: "a", sessionId: a.sessionId }],
    });
    const [insideA, insideB] = await Promise.all([first, barrierOf(b, "b").enter(patience)]);
    expect(await barrierOf(b, "b").explain()).toMatchObject({ isOpen: true, missing: 0 });
    await insideA.release();
    await insideB.release();
  });

  test("that is left by a cancelled party waits for another, and no node stays behind", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = (await connectMany(namespace, 3)) as [Client, Client, Client];
    const barrierOf = (client: Client) => new DoubleBarrier(client, "/double", { parties: 2 });
    await expect(barrierOf(a).enter({ timeoutMs: engine.isFaulty ? 1_000 : 100 })).rejects.toSatisfy(
      isWaitTimeoutError,
    );
    await untilThereAre(c, "/double", 0);
    const second = barrierOf(b).enter(patience);
    await untilThereAre(c, "/double", 1);
    expect(await settlesSoon(c, second)).toBe(false);
    const [insideB, insideC] = await Promise.all([second, barrierOf(c).enter(patience)]);
    // Who waits for the other's leaving, and gives up, has left all the same.
    await expect(insideB.leave({ timeoutMs: 50 })).rejects.toSatisfy(isWaitTimeoutError);
    await insideC.leave(patience);
    await untilThereAre(c, "/double", 0);
  });

  test("does not wait for a party whose session is over, and that party knows", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = (await connectMany(namespace, 2)) as [Client, Client];
    const barrierOf = (client: Client) => new DoubleBarrier(client, "/double", { parties: 2 });
    const [insideA, insideB] = await Promise.all([barrierOf(a).enter(patience), barrierOf(b).enter(patience)]);
    const ended = new Promise((resolve) => insideA.signal.addEventListener("abort", resolve));
    const leaving = insideB.leave(patience);
    await namespace.expireSession(a);
    await leaving;
    await ended;
    expect(insideA.signal.reason).toSatisfy(isGrantLostError);
    await expect(insideA.leave(patience)).rejects.toSatisfy(isGrantLostError);
    // The next round is not opened by what this one has left behind.
    const alone = barrierOf(b).enter(patience);
    await untilThereAre(b, "/double", 1, isParty);
    expect(await settlesSoon(b, alone)).toBe(false);
    const [again, other] = await Promise.all([alone, barrierOf(a).enter(patience)]);
    await Promise.all([again.leave(patience), other.leave(patience)]);
  });

  test("whose parties all died inside is not open for the next", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = (await connectMany(namespace, 3)) as [Client, Client, Client];
    const barrierOf = (client: Client) => new DoubleBarrier(client, "/double", { parties: 2 });
    await Promise.all([barrierOf(a).enter(patience), barrierOf(b).enter(patience)]);
    await Promise.all([namespace.expireSession(a), namespace.expireSession(b)]);
    await untilThereAre(c, "/double", 0, isParty);
    const first = barrierOf(c).enter(patience);
    await untilThereAre(c, "/double", 1, isParty);
    expect(await settlesSoon(c, first)).toBe(false);
    const [inside, other] = await Promise.all([first, barrierOf(b).enter(patience)]);
    await Promise.all([inside.leave(patience), other.leave(patience)]);
  });

  test("enters again by itself when the session is lost on the way", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = (await connectMany(namespace, 2)) as [Client, Client];
    const barrierOf = (client: Client) => new DoubleBarrier(client, "/double", { parties: 2 });
    const first = barrierOf(a).enter(patience);
    await untilThereAre(b, "/double", 1);
    await namespace.expireSession(a);
    const [insideA, insideB] = await Promise.all([first, barrierOf(b).enter(patience)]);
    expect(insideA.sessionId).toBe(a.sessionId);
    await Promise.all([insideA.leave(patience), insideB.leave(patience)]);
  });

  test("§6.4 counts a party once whose enter was made and never answered", async () => {
    await using namespace = await engine.namespace();
    const other = await namespace.connect();
    await using proxy = await FaultProxy.start(namespace.steadyConnectString);
    await using lossy = await connect(proxy.connectString);
    const barrierOf = (client: Client) => new DoubleBarrier(client, "/double", { parties: 2 });
    await insist(other, () => other.ensurePath("/double"));
    const drop = proxy.dropReply(({ path }) => path?.includes("-party-") === true);
    const entering = barrierOf(lossy).enter(patience);
    await drop.happened;
    await untilThereAre(other, "/double", 1);
    expect(await settlesSoon(other, entering)).toBe(false);
    const opened = proxy.dropReply(({ operation }) => operation === "multi");
    const [one, two] = await Promise.all([barrierOf(other).enter(patience), entering]);
    opened.cancel();
    expect((await insist(other, () => other.children("/double"))).filter(isParty)).toHaveLength(2);
    await Promise.all([one.leave(patience), two.leave(patience)]);
  });

  test("§6.22 is given up without a trace while the connection is down", async () => {
    await using namespace = await engine.namespace();
    const observer = await namespace.connectSteadily();
    await using proxy = await FaultProxy.start(namespace.steadyConnectString);
    await using client = await connect(proxy.connectString);
    const enough = new AbortController();
    const entering = new DoubleBarrier(client, "/double", { parties: 2 }).enter({ signal: enough.signal });
    await untilThereAre(observer, "/double", 1);
    proxy.refuse();
    proxy.cut();
    enough.abort(new Error("enough"));
    await expect(entering).rejects.toThrow("enough");
    proxy.accept();
    await untilThereAre(observer, "/double", 0);
    expect(client.state).toBe("connected");
  });
});

describeOnEveryEngine("a phased barrier", (engine) => {
  test("leaves a node alone that holds something else", async () => {
    await using namespace = await engine.namespace();
    const client = await namespace.connect();
    await client.create("/taken", "what somebody keeps here");
    const barrier = new PhasedBarrier(client, "/taken", { parties: 1 });
    await expect(barrier.arrive(patience)).rejects.toThrow("/taken is no phased barrier");
    await expect(barrier.current(patience)).rejects.toThrow("Use a path of its own");
    expect((await client.get("/taken")).data?.toString()).toBe("what somebody keeps here");
    expect(await client.children("/taken")).toEqual([]);
  });

  test("lets nobody be a phase ahead, over many phases", async () => {
    await using namespace = await engine.namespace();
    const clients = await connectMany(namespace, 4);
    const done = clients.map(() => -1);
    await Promise.all(
      clients.map(async (client, i) => {
        const barrier = new PhasedBarrier(client, "/phases", { parties: clients.length });
        for (let phase = 0; phase < 12; phase++) {
          done[i] = phase;
          // Some say which phase they mean, some do not.
          const arrived = await barrier.arrive(i % 2 === 0 ? patience : { ...patience, phase });
          expect(arrived).toBe(phase);
          expect(Math.min(...done)).toBeGreaterThanOrEqual(phase);
        }
      }),
    );
    const client = clients[0] as Client;
    expect(await new PhasedBarrier(client, "/phases", { parties: 4 }).current()).toBe(12);
    await untilThereAre(client, "/phases", 0);
  });

  test("does not make a process wait again for a phase that is complete, and refuses one that has not begun", async () => {
    await using namespace = await engine.namespace();
    const [a, b] = (await connectMany(namespace, 2)) as [Client, Client];
    const [one, other] = [a, b].map((client) => new PhasedBarrier(client, "/phases", { parties: 2 })) as [
      PhasedBarrier,
      PhasedBarrier,
    ];
    await Promise.all([one.arrive(patience), other.arrive(patience)]);
    expect(await one.arrive({ ...patience, phase: 0 })).toBe(0);
    await expect(one.arrive({ ...patience, phase: 2 })).rejects.toThrow(RangeError);
    await expect(one.arrive({ ...patience, phase: 0.5 })).rejects.toThrow(RangeError);
  });

  test("goes on when a party dies and another takes its place; tells who has arrived", async () => {
    await using namespace = await engine.namespace();
    const [a, b, c] = (await connectMany(namespace, 3)) as [Client, Client, Client];
    const barrierOf = (client: Client, identity: string) =>
      new PhasedBarrier(client, "/phases", { parties: 2, identity });
    const enough = new AbortController();
    const dying = barrierOf(a, "a").arrive({ signal: enough.signal });
    dying.catch(() => undefined);
    await untilThereAre(c, "/phases", 1);
    expect(await barrierOf(c, "c").explain()).toMatchObject({ phase: 0, missing: 1, arrived: [{ identity: "a" }] });
    enough.abort();
    await untilThereAre(c, "/phases", 0, isArrival);
    const second = barrierOf(b, "b").arrive(patience);
    await untilThereAre(c, "/phases", 1, isArrival);
    expect(await settlesSoon(c, second)).toBe(false);
    expect(await Promise.all([second, barrierOf(c, "c").arrive(patience)])).toEqual([0, 0]);
  });

  test("§6.4 arrives again by itself when the session is lost, and once when a reply was", async () => {
    await using namespace = await engine.namespace();
    const [observer, other] = [await namespace.connectSteadily(), await namespace.connect()];
    await using proxy = await FaultProxy.start(namespace.steadyConnectString);
    await using lossy = await connect(proxy.connectString);
    const drop = proxy.dropReply(({ path }) => path?.includes("-arrival-") === true);
    const arriving = new PhasedBarrier(lossy, "/phases", { parties: 2 }).arrive(patience);
    await drop.happened;
    await untilThereAre(observer, "/phases", 1, isArrival);
    expect(await settlesSoon(observer, arriving)).toBe(false);
    await namespace.expireSession(lossy);
    await untilThereAre(observer, "/phases", 1, isArrival);
    expect(await Promise.all([new PhasedBarrier(other, "/phases", { parties: 2 }).arrive(patience), arriving])).toEqual(
      [0, 0],
    );
  });
});
