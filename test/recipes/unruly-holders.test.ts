/**
 * Exclusion among real processes that are killed, frozen past their session's timeout and cut off, by history: every act is
 * a write under its holder's grant, and the tree says in which order the acts really happened.
 */
import { connect } from "@corral/client";
import { FaultProxy, seededRandom, TestServer } from "@corral/testing";
import { describe, expect, test } from "vitest";
import { type JournalEntry, type TestProcess, TestProcesses } from "../support/test-processes.ts";

const seed = Number(process.env.CORRAL_SEED ?? Date.now() % 1_000_000);
/** Faults of each kind, of each recipe. More on demand: CORRAL_FAULTS=50. */
const faults = Number(process.env.CORRAL_FAULTS ?? 1);
const sessionTimeoutMs = 800;
/** Under each grant, and one more whatever the holder believes by then. */
const acts = 4;

describe.each([
  "mutex",
  "election",
  "mutex with a lock-delay",
  "lock to write",
  "semaphore of one lease",
  "election with priorities",
])("§6.1 §6.2 §6.3 holders of: %s", (recipe) => {
  test(
    `never act out of turn, whoever is killed, frozen or cut off (seed ${seed})`,
    async () => {
      const random = seededRandom(seed);
      await using server = await TestServer.start({ durable: true, tickMs: 100 });
      await using proxy = await FaultProxy.start(server.connectString, { random });
      await using watcher = await connect(server.connectString);
      await watcher.create("/resource", "0");
      await using processes = await TestProcesses.make();
      const start = (id: string, connectString: string) =>
        processes.start("hammer-grant", id, { connectString, recipe, sessionTimeoutMs, acts });
      let steady = Array.from({ length: 4 }, (_, i) => start(`steady-${i}`, server.connectString));
      // Whose network breaks: what it says goes through the proxy.
      const cutOff = start("cut-off", proxy.connectString);

      /** The process that acts at this moment. */
      const holder = async (): Promise<TestProcess> => {
        for await (const node of watcher.watchNode("/resource")) {
          const token = String(node?.data);
          for (const one of steady) {
            const last = (await one.entries()).at(-1);
            if (last?.token === token && one.isRunning) return one;
          }
        }
        throw new Error("the watcher was closed");
      };
      /** Freezes somebody who will try at least twice more: the first may still be under way when it stands, and be answered. */
      const freezeHolder = async (): Promise<TestProcess> => {
        for (;;) {
          const one = await holder();
          await one.freeze();
          const entries = await one.entries();
          const events = entries.slice(entries.findLastIndex(({ event }) => event === "granted")).map((e) => e.event);
          const isHolding = !events.includes("over") && !events.includes("released");
          if (isHolding && events.filter((event) => event === "acting").length < acts) return one;
          one.thaw();
        }
      };
      const grantsSince = async (place: number, count: number): Promise<void> => {
        const isGrant = ({ event }: JournalEntry) => event === "granted";
        for await (const _ of watcher.watchNode("/resource")) {
          const history = await processes.history();
          if (history.slice(place).filter(isGrant).length >= count) return;
        }
      };

      for (let round = 0; round < faults; round++) {
        const killed = await holder();
        await killed.kill();
        steady = steady.filter((one) => one !== killed);
        steady.push(start(`steady-${4 + round}`, server.connectString));

        const frozen = await freezeHolder();
        const before = (await frozen.entries()).length;
        await grantsSince((await processes.history()).length, 6);
        frozen.thaw();
        await frozen.entry(({ event }) => event === "over", before);

        proxy.stall(random.fraction() < 0.5 ? "toClient" : "both");
        await grantsSince((await processes.history()).length, 6);
        proxy.resume();
      }
      for (const one of [...steady, cutOff]) await one.stop();

      const history = await processes.history();
      const acted = history
        .filter(({ event }) => event === "acted")
        .map(({ token, zxid }) => ({ token: BigInt(String(token)), zxid: BigInt(String(zxid)) }))
        .sort((a, b) => Number(a.zxid - b.zxid));
      // In the order in which the tree took them, tokens only grow: nobody acted after somebody with a later grant had.
      for (const [i, { token }] of acted.entries()) {
        expect(token, `act ${i}`).toBeGreaterThanOrEqual(acted[i - 1]?.token ?? 0n);
      }
      const holders = new Map<string, string>();
      for (const { event, token, id } of history) {
        if (event !== "granted") continue;
        expect(holders.get(String(token)), `token ${token} granted twice`).toBeUndefined();
        holders.set(String(token), id);
      }
      expect(holders.size).toBeGreaterThan(faults * 10);
      expect(acted.length).toBeGreaterThan(holders.size);
      // It is no proof if nobody ever tried: a frozen holder that went on must have been refused, every time.
      const refused = history.filter(({ event }) => event === "refused");
      expect(refused.length).toBeGreaterThanOrEqual(faults);
    },
    120_000 + faults * 60_000,
  );
});
