/**
 * Two-phase commits among real processes that are killed, frozen past their session's timeout and cut off, in the middle of
 * their parts, by history: what the journals say was carried out is for each transaction everywhere the same, and the same
 * as the tree says.
 */
import { type Client, connect, isCoordinationError } from "@corral/client";
import { FaultProxy, seededRandom, TestServer } from "@corral/testing";
import { TwoPhaseCommit } from "@corral/transactions";
import { expect, test } from "vitest";
import { type JournalEntry, type TestProcess, TestProcesses } from "../support/test-processes.ts";

const seed = Number(process.env.CORRAL_SEED ?? Date.now() % 1_000_000);
/** Faults of each kind. More on demand: CORRAL_FAULTS=50. */
const faults = Number(process.env.CORRAL_FAULTS ?? 1);
const sessionTimeoutMs = 800;
const participants = ["stock", "billing", "shipping"];

const roleOf = ({ id }: { readonly id: string }): string => id.slice(0, id.lastIndexOf("-"));

test(
  `all participants come to the same end, whoever is killed, frozen or cut off (seed ${seed})`,
  async () => {
    const random = seededRandom(seed);
    await using server = await TestServer.start({ durable: true, tickMs: 100 });
    await using proxy = await FaultProxy.start(server.connectString, { random });
    await using watcher = await connect(server.connectString);
    await using processes = await TestProcesses.make();
    const start = (role: string): TestProcess =>
      processes.start("take-part", `${role}-${processes.all.length}`, {
        // Whose network breaks: what it says goes through the proxy.
        connectString: role === "shipping" ? proxy.connectString : server.connectString,
        role,
        participants,
        sessionTimeoutMs,
        voteTimeoutMs: 1_500,
      });
    const playing = (role: string) => processes.all.filter((one) => one.isRunning && roleOf(one) === role);
    const first = participants.map(start);
    await Promise.all(first.map((one) => one.entry(({ event }) => event === "serving")));
    // One that stands by: a death is not always noticed by the same name's next life.
    start("stock");
    start("coordinator");

    const outcomesSince = async (place: number, count: number): Promise<void> => {
      for await (const _ of watcher.watchChildren("/tx/transactions")) {
        const told = (await processes.history()).slice(place).filter(({ event }) => event === "committed");
        if (told.length >= count) return;
      }
    };
    const goOn = async () => await outcomesSince((await processes.history()).length, 6);
    /** Who plays the role, standing still right after `event`, with the transaction that it was about. */
    const freezeAfter = async (event: string, role: string) => {
      for (;;) {
        const next = playing(role).map(async (one) => {
          await one.entry((entry) => entry.event === event, (await one.entries()).length);
          return one;
        });
        const one = await Promise.any(next);
        await one.freeze();
        const last = (await one.entries()).at(-1);
        if (last?.event === event) return { one, tx: String(last.tx), place: (await one.entries()).length };
        one.thaw();
      }
    };

    /** Resolves when the process has no place any more: its session is over. */
    const isGone = async (role: string, id: string): Promise<void> => {
      for await (const names of watcher.watchChildren(`/tx/serving/${role}`)) {
        const paths = (names ?? []).map((name) => `/tx/serving/${role}/${name}`);
        if (!(await Promise.all(paths.map((path) => identityOf(watcher, path)))).includes(id)) return;
      }
    };

    /** Who was stopped between saying that it can and carrying out what was decided. */
    const stopped: { readonly tx: string; readonly role: string; readonly id: string }[] = [];
    for (let round = 0; round < faults; round++) {
      await goOn();
      const killed = random.pick(participants);
      const { one, tx } = await freezeAfter("prepared", killed);
      stopped.push({ tx, role: killed, id: one.id });
      await one.kill();
      start(killed);
      const coordinator = await freezeAfter("begun", "coordinator");
      await coordinator.one.kill();
      start("coordinator");
      await goOn();

      const frozen = await freezeAfter("prepared", random.pick(["stock", "billing"]));
      const [cutOff] = playing("shipping") as [TestProcess];
      const away = (await cutOff.entries()).length;
      proxy.stall(random.fraction() < 0.5 ? "toClient" : "both");
      await cutOff.whenLost(away);
      await isGone(roleOf(frozen.one), frozen.one.id);
      frozen.one.thaw();
      proxy.resume();
      await frozen.one.whenLost(frozen.place);
    }
    await goOn();
    for (const one of playing("coordinator")) await one.stop();

    const looker = new TwoPhaseCommit(watcher, "/tx", { keep: 100_000 });
    for (const name of participants) {
      for await (const names of watcher.watchChildren(`/tx/inbox/${name}`)) if (names?.length === 0) break;
    }
    for (const one of participants.flatMap(playing)) await one.stop();

    const history = await processes.history();
    const effects = new Map<string, Map<string, Set<string>>>();
    for (const { event, tx, id } of history as readonly (JournalEntry & { readonly tx?: string })[]) {
      if (tx === undefined || (event !== "committed" && event !== "rolled back")) continue;
      const ofTx = effects.get(tx) ?? new Map<string, Set<string>>();
      const role = roleOf({ id });
      ofTx.set(role, (ofTx.get(role) ?? new Set()).add(event));
      effects.set(tx, ofTx);
    }
    let committed = 0;
    for (const [tx, byRole] of effects) {
      const { kind } = await looker.attach(tx).outcome({ timeoutMs: 60_000 });
      const effect = kind === "committed" ? "committed" : "rolled back";
      if (kind === "committed") committed += 1;
      expect([...byRole.keys()].sort(), tx).toEqual([...participants].sort());
      for (const [role, some] of byRole) expect([...some], `${tx} at ${role}`).toEqual([effect]);
    }
    for (const { event, tx, kind } of history) {
      if (event !== "told") continue;
      const all = effects.get(String(tx));
      for (const some of all?.values() ?? []) {
        expect([...some]).toEqual([kind === "committed" ? "committed" : "rolled back"]);
      }
    }
    // Whatever was begun came to an end.
    for (const { event, tx } of history) if (event === "begun") expect(effects.has(String(tx)), String(tx)).toBe(true);
    // It is no proof if nobody has died in the middle: what they left, the next life has carried out.
    expect(stopped).toHaveLength(faults);
    for (const { tx, role, id } of stopped) {
      const ends = history.filter((entry) => entry.tx === tx && /^(committed|rolled back)$/.test(entry.event));
      const next = ends.filter((entry) => roleOf(entry) === role && entry.id !== id);
      expect(next.length, `${tx} at ${role}`).toBeGreaterThan(0);
    }
    expect(committed).toBeGreaterThan(faults * 2);
    expect(effects.size).toBeGreaterThan(committed);
  },
  120_000 + faults * 60_000,
);

async function identityOf(client: Client, path: string): Promise<string | undefined> {
  try {
    return String((await client.get(path)).data);
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw error;
  }
}
