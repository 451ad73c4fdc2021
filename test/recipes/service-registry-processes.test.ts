/**
 * A name, and an id, that one at a time may have, wanted by real processes that are killed, frozen past their session's
 * timeout and cut off. By history: every act is a write under its registration, and the tree tells the order of the acts.
 */
import { connect } from "@corral/client";
import { FaultProxy, seededRandom, TestServer } from "@corral/testing";
import { describe, expect, test } from "vitest";
import { type JournalEntry, type TestProcess, TestProcesses } from "../support/test-processes.ts";

const seed = Number(process.env.CORRAL_SEED ?? Date.now() % 1_000_000);
/** Faults of each kind. More on demand: CORRAL_FAULTS=50. */
const faults = Number(process.env.CORRAL_FAULTS ?? 1);
const sessionTimeoutMs = 800;
/** Of each registration; there is one more when it should be over. */
const acts = 6;

describe.each(["name", "id"])("who has the %s", (by) => {
  test(
    `never acts out of turn, whoever is killed, frozen or cut off (seed ${seed})`,
    async () => {
      const random = seededRandom(seed);
      await using server = await TestServer.start({ durable: true, tickMs: 100 });
      await using proxy = await FaultProxy.start(server.connectString, { random });
      await using watcher = await connect(server.connectString);
      await watcher.create("/resource", "0");
      await using processes = await TestProcesses.make();
      const start = (id: string, connectString: string) =>
        processes.start("hold-name", id, { connectString, by, sessionTimeoutMs, acts });
      let steady = Array.from({ length: 3 }, (_, i) => start(`steady-${i}`, server.connectString));
      // Whose network breaks: what it says goes through the proxy.
      const cutOff = start("cut-off", proxy.connectString);

      /** The process that acts at this moment, and has not done with it. */
      const holder = async (): Promise<TestProcess> => {
        for await (const node of watcher.watchNode("/resource")) {
          const token = String(node?.data);
          for (const one of steady) {
            const last = (await one.entries()).at(-1);
            if (last?.token === token && last.event === "acted" && one.isRunning) return one;
          }
        }
        throw new Error("the watcher was closed");
      };
      const grantsSince = async (place: number, count: number): Promise<void> => {
        const isGrant = ({ event }: JournalEntry) => event === "granted";
        for await (const _ of watcher.watchNode("/resource")) {
          if ((await processes.history()).slice(place).filter(isGrant).length >= count) return;
        }
      };

      /** One that was stopped with at least two acts to come: the first may still be under way, and be answered. */
      const frozenHolder = async (): Promise<TestProcess> => {
        for (;;) {
          const one = await holder();
          await one.freeze();
          const entries = await one.entries();
          const last = entries.at(-1);
          const done = entries.filter(({ event, token }) => event === "acted" && token === last?.token).length;
          if (last?.event === "acted" && done < acts - 1) return one;
          one.thaw();
        }
      };

      for (let round = 0; round < faults; round++) {
        const killed = await holder();
        await killed.kill();
        steady = steady.filter((one) => one !== killed);
        steady.push(start(`steady-${3 + round}`, server.connectString));

        const frozen = await frozenHolder();
        const before = (await frozen.entries()).length;
        await grantsSince((await processes.history()).length, 4);
        frozen.thaw();
        await frozen.entry(({ event }) => event === "over", before);

        proxy.stall(random.fraction() < 0.5 ? "toClient" : "both");
        await grantsSince((await processes.history()).length, 4);
        proxy.resume();
      }
      for (const one of [...steady, cutOff]) await one.stop();

      const history = await processes.history();
      const acted = history
        .filter(({ event }) => event === "acted")
        .map(({ token, zxid }) => ({ token: BigInt(String(token)), zxid: BigInt(String(zxid)) }))
        .sort((a, b) => Number(a.zxid - b.zxid));
      // In the order in which the tree took them, tokens only grow: nobody acted after somebody with a later one had.
      for (const [i, { token }] of acted.entries()) {
        expect(token, `act ${i}`).toBeGreaterThanOrEqual(acted[i - 1]?.token ?? 0n);
      }
      const granted = history.filter(({ event }) => event === "granted").map(({ token }) => String(token));
      expect(new Set(granted).size).toBe(granted.length);
      expect(granted.length).toBeGreaterThan(faults * 8);
      expect(acted.length).toBeGreaterThan(granted.length);
      // It is no proof if nobody ever tried: a frozen holder that went on must have been refused, every time.
      expect(history.filter(({ event }) => event === "refused").length).toBeGreaterThanOrEqual(faults);
    },
    120_000 + faults * 60_000,
  );
});
