/**
 * A queue that is worked on by real processes which are killed, frozen past their session's timeout and cut off, by history:
 * every item ends in exactly one result, no delivery acts after a later one of the same item has, and what kills every
 * process that touches it is given up.
 */
import { connect } from "@corral/client";
import { Queue, utf8 } from "@corral/queues";
import { FaultProxy, seededRandom, TestServer } from "@corral/testing";
import { expect, test } from "vitest";
import { type JournalEntry, type TestProcess, TestProcesses } from "../support/test-processes.ts";

const seed = Number(process.env.CORRAL_SEED ?? Date.now() % 1_000_000);
/** Faults of each kind. More on demand: CORRAL_FAULTS=50. */
const faults = Number(process.env.CORRAL_FAULTS ?? 1);
const sessionTimeoutMs = 800;
const maxDeliveries = 5;

test(
  `items end in one result each, whoever is killed, frozen or cut off (seed ${seed})`,
  async () => {
    const random = seededRandom(seed);
    await using server = await TestServer.start({ durable: true, tickMs: 100 });
    await using proxy = await FaultProxy.start(server.connectString, { random });
    await using client = await connect(server.connectString);
    await client.create("/resource");
    await client.create("/results");
    await using processes = await TestProcesses.make();
    const config = { sessionTimeoutMs, maxDeliveries, workMs: 4 };
    let count = 0;
    const start = (connectString: string) =>
      processes.start("work-queue", `consumer-${++count}`, { ...config, connectString });
    let steady: TestProcess[] = Array.from({ length: 3 }, () => start(server.connectString));
    const cutOff = start(proxy.connectString);
    const queue = new Queue(client, "/queue", { codec: utf8, maxItems: 20 });
    const values: string[] = [];

    /** There is always something to do. */
    const stopPutting = new AbortController();
    const putting = (async () => {
      for (let i = 0; !stopPutting.signal.aborted; i++) {
        await queue.put(`item-${i}`);
        values.push(`item-${i}`);
      }
    })();
    /** The next of those that have just taken an item. */
    const inTheMiddle = async (): Promise<TestProcess> => {
      for (;;) {
        const one = random.pick(steady.filter(({ isRunning }) => isRunning));
        await one.entry(({ event }) => event === "taken", (await one.entries()).length);
        if (one.isRunning) return one;
      }
    };
    /** One that stands still with an act to come under its delivery, whatever becomes of the one that is under way. */
    const frozenInTheMiddle = async (): Promise<TestProcess> => {
      for (;;) {
        const one = await inTheMiddle();
        await one.freeze();
        const entries = await one.entries();
        const since = entries.slice(entries.findLastIndex(({ event }) => event === "taken") + 1);
        // Its session may have been lost, and have another.
        if (since.every(({ event }) => event === "act") && since.length <= 1) return one;
        one.thaw();
      }
    };
    const doneSince = async (place: number, wanted: number): Promise<void> => {
      const isDone = ({ event, outcome }: JournalEntry) => event === "acknowledge" && outcome === "done";
      for await (const _ of client.watchChildren("/results")) {
        if ((await processes.history()).slice(place).filter(isDone).length >= wanted) return;
      }
    };

    for (const one of [...steady, cutOff]) await one.entry(({ event }) => event === "ready");
    for (let round = 0; round < faults; round++) {
      const killed = await inTheMiddle();
      await killed.kill();
      steady = [...steady.filter((one) => one !== killed), start(server.connectString)];

      const frozen = await frozenInTheMiddle();
      // Its session ends: what it had is delivered to somebody else.
      const before = (await frozen.entries()).length;
      const last = (await frozen.entries()).findLast(({ event }) => event === "taken");
      for await (const names of client.watchChildren("/results")) if (names?.includes(String(last?.value))) break;
      frozen.thaw();
      await frozen.entry(({ event, outcome }) => event === "acknowledge" && outcome !== undefined, before);

      proxy.stall(random.fraction() < 0.5 ? "toClient" : "both");
      await doneSince((await processes.history()).length, 60);
      proxy.resume();
    }

    stopPutting.abort();
    await putting;
    // What kills whoever touches it, until it is given up.
    await queue.put("poison-1");
    const stopAlarm = new AbortController();
    const alarm = (async () => {
      for await (const names of queue.deadLetters.watch({ signal: stopAlarm.signal })) {
        if ((names ?? []).length > 0) return;
      }
    })();
    let isOver = false;
    void alarm.then(() => {
      isOver = true;
    });
    while (!isOver) {
      await Promise.race([alarm, ...steady.map((one) => one.exited)]);
      steady = [...steady.filter(({ isRunning }) => isRunning)];
      while (!isOver && steady.length < 2) steady.push(start(server.connectString));
    }
    expect(await queue.deadLetters.list()).toMatchObject([{ deliveries: maxDeliveries }]);
    for await (const names of client.watchChildren("/queue/entries")) if (names?.length === 0) break;
    for (const one of [...steady, cutOff]) if (one.isRunning) await one.stop();

    expect((await client.children("/results")).sort()).toEqual([...values].sort());
    const history = await processes.history();
    const of = (event: string) => history.filter((entry) => entry.event === event);
    const done = of("acknowledge").filter(({ outcome }) => outcome === "done");
    expect(new Set(done.map(({ value }) => value)).size).toBe(done.length);
    // A result is that of the delivery which was acknowledged, and no other's.
    for (const { value, token } of done) {
      expect(String((await client.get(`/results/${value}`)).data)).toBe(String(token));
    }
    const taken = of("taken");
    expect(new Set(taken.map(({ token }) => token)).size).toBe(taken.length);
    // Who loses its session before it knows what it has got dies without having taken it.
    const poisoned = taken.filter(({ value }) => value === "poison-1").length;
    expect(poisoned).toBeGreaterThan(0);
    expect(poisoned).toBeLessThanOrEqual(maxDeliveries);
    for (const value of values) {
      // In the order in which the tree took them: none by a delivery after one by a later delivery.
      const acts = of("act")
        .filter((entry) => entry.value === value && entry.outcome === "done")
        .sort((a, b) => Number(BigInt(String(a.zxid)) - BigInt(String(b.zxid))))
        .map(({ token }) => BigInt(String(token)));
      expect(acts, value).toEqual([...acts].sort((a, b) => Number(a - b)));
      const numbers = taken.filter((entry) => entry.value === value).map(({ deliveries }) => Number(deliveries));
      expect(new Set(numbers).size, `${value}: ${numbers}`).toBe(numbers.length);
    }
    // It is no proof if nobody ever tried: a frozen consumer that went on must have been refused, every time.
    expect(taken.filter(({ deliveries }) => Number(deliveries) > 1).length).toBeGreaterThanOrEqual(faults);
    expect(of("act").filter(({ outcome }) => outcome === "refused").length).toBeGreaterThanOrEqual(faults);
    expect(of("acknowledge").filter(({ outcome }) => outcome === "refused").length).toBeGreaterThanOrEqual(faults);
  },
  120_000 + faults * 60_000,
);
