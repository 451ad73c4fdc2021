/**
 * Counting by real processes that are killed, frozen until their session is over and cut off, by history: the counter
 * ends at exactly what was counted. The last step of a process that was killed, which it was not told of, happened once
 * or not at all: the numbers say which.
 */
import { connect } from "@corral/client";
import { AtomicCounter } from "@corral/counters";
import { FaultProxy, seededRandom, TestServer } from "@corral/testing";
import { expect, test } from "vitest";
import { type JournalEntry, type TestProcess, TestProcesses } from "../support/test-processes.ts";

const seed = Number(process.env.CORRAL_SEED ?? Date.now() % 1_000_000);
/** Faults of each kind. More on demand: CORRAL_FAULTS=50. */
const faults = Number(process.env.CORRAL_FAULTS ?? 1);
const sessionTimeoutMs = 1_200;

const isCounted = ({ event }: JournalEntry) => event === "counted";

test(
  `nothing is counted twice or forgotten, whoever is killed, frozen or cut off (seed ${seed})`,
  async () => {
    const random = seededRandom(seed);
    await using server = await TestServer.start({ durable: true, tickMs: 100 });
    await using proxy = await FaultProxy.start(server.connectString, { random });
    await using processes = await TestProcesses.make();
    const start = (id: string, connectString: string) =>
      processes.start("count-up", id, { connectString, sessionTimeoutMs });
    const dead: TestProcess[] = [];
    const kill = async (one: TestProcess): Promise<void> => {
      await one.kill();
      dead.push(one);
    };
    let steady = Array.from({ length: 3 }, (_, i) => start(`steady-${i}`, server.connectString));
    const cutOff = start("cut-off", proxy.connectString);
    /** Resolves when the process has counted so often from now on. */
    const counts = async (one: TestProcess, times: number): Promise<void> => {
      for (let place = (await one.entries()).length, n = 0; n < times; n++) {
        await one.entry(isCounted, place);
        place = (await one.entries()).findIndex((entry, at) => at >= place && isCounted(entry)) + 1;
      }
    };

    for (let round = 0; round < faults; round++) {
      await Promise.all([...steady, cutOff].map((each) => counts(each, 5)));
      const killed = random.pick(steady);
      await kill(killed);
      steady = steady.filter((each) => each !== killed);
      steady.push(start(`steady-${3 + round}`, server.connectString));

      const frozen = random.pick(steady);
      await counts(frozen, 1);
      await frozen.freeze();
      const asFrozen = (await frozen.entries()).length;
      const others = steady.filter((each) => each !== frozen);
      await Promise.all(others.map((each) => counts(each, 5)));
      // Not by waiting: how long it takes to expire is not known of a server that may have been held up itself.
      const session = await frozen.session();
      if (session !== undefined) await server.expireSession(session);
      await Promise.all(others.map((each) => counts(each, 5)));
      frozen.thaw();
      await frozen.whenLost(asFrozen);
      await counts(frozen, 3);

      const drop = random.below(2) === 0 ? proxy.dropReply(isChange) : proxy.dropRequest(isChange);
      await drop.happened;
      const away = (await cutOff.entries()).length;
      proxy.refuse();
      proxy.cut();
      if (round % 2 === 0) await cutOff.whenLost(away);
      proxy.accept();
      await counts(cutOff, 3);
    }
    await kill(cutOff);
    for (const each of steady) expect((await each.stop()).code, each.stderr).toBe(0);

    await using client = await connect(server.connectString);
    const total = Number(await new AtomicCounter(client, "/count").get({ linearizable: true }));
    const history = await processes.history();
    const counted = history.filter(isCounted);
    for (const { previous, next } of counted) expect(Number(next)).toBe(Number(previous) + 1);
    const told = new Set(counted.map(({ next }) => Number(next)));
    expect(told.size, "nothing was told to two").toBe(counted.length);
    // Whoever was killed between asking and being told, and the last number that it had been told.
    const untold: number[] = [];
    for (const one of processes.all) {
      const steps = (await one.entries()).filter(({ event }) => event === "counting" || event === "counted");
      if (steps.at(-1)?.event !== "counting") continue;
      expect(dead, "who was not killed has been told of everything").toContain(one);
      untold.push(Number(steps.at(-2)?.next ?? 0));
    }
    // Every number up to the total was told, or is the step of one who was killed before it could be told.
    const missing = Array.from({ length: total }, (_, i) => i + 1).filter((number) => !told.has(number));
    expect(Math.max(0, ...told)).toBeLessThanOrEqual(total);
    const latestFirst = untold.sort((a, b) => b - a);
    for (const number of missing.sort((a, b) => b - a)) {
      const whose = latestFirst.findIndex((last) => last < number);
      expect(whose, `${number} is nobody's step`).toBeGreaterThanOrEqual(0);
      latestFirst.splice(whose, 1);
    }

    const ids = history.filter(({ event }) => event === "id").map(({ given }) => String(given));
    expect(new Set(ids).size, "no id was given to two").toBe(ids.length);
    expect(told.size).toBeGreaterThan(faults * 20);
  },
  120_000 + faults * 60_000,
);

function isChange({ operation }: { readonly operation: string | undefined }): boolean {
  return operation === "multi";
}
