/**
 * Two-phase commits among real processes that are killed and frozen past their session's timeout, by history: what the
 * journals say was carried out is for each transaction everywhere the same, and the same as the tree says.
 */
import { type Client, connect, isCoordinationError } from "@corral/client";
import { seededRandom, TestServer } from "@corral/testing";
import { TwoPhaseCommit } from "@corral/transactions";
import { expect, test } from "vitest";
import { type JournalEntry, TestProcesses } from "../support/test-processes.ts";

const seed = Number(process.env.CORRAL_SEED ?? Date.now() % 1_000_000);
/** Deaths of each kind. More on demand: CORRAL_FAULTS=50. */
const faults = Number(process.env.CORRAL_FAULTS ?? 4);
const sessionTimeoutMs = 1_000;
const participants = ["stock", "billing", "shipping"];

test(
  `all participants come to the same end, whoever is killed or frozen (seed ${seed})`,
  async () => {
    const random = seededRandom(seed);
    await using server = await TestServer.start({ durable: true, tickMs: 100 });
    await using watcher = await connect(server.connectString);
    await using processes = await TestProcesses.make();
    let started = 0;
    const start = (role: string) =>
      processes.start("take-part", `${role}-${started++}`, {
        connectString: server.connectString,
        role,
        participants,
        sessionTimeoutMs,
        voteTimeoutMs: 1_500,
      });
    const running = new Map(participants.map((role) => [role, start(role)]));
    await Promise.all([...running.values()].map((one) => one.entry(({ event }) => event === "serving")));
    // One that stands by: a death is not always noticed by the same name's next life.
    const standby = start("stock");
    running.set("coordinator", start("coordinator"));

    const outcomesSince = async (place: number, count: number): Promise<void> => {
      for await (const _ of watcher.watchChildren("/tx/transactions")) {
        const told = (await processes.history()).slice(place).filter(({ event }) => event === "committed");
        if (told.length >= count) return;
      }
    };
    /** Resolves when the session of the process that has the role is over. */
    const replaced = async (role: string): Promise<void> => {
      const identity = running.get(role)?.id;
      for await (const names of watcher.watchChildren(`/tx/serving/${role}`)) {
        const serving = await Promise.all(
          (names ?? []).map((name) => identityOf(watcher, `/tx/serving/${role}/${name}`)),
        );
        if (!serving.includes(identity)) return;
      }
    };
    const roles = [...participants, "coordinator"];
    for (let round = 0; round < faults; round++) {
      await outcomesSince((await processes.history()).length, 6);
      const killed = random.pick(roles);
      await running.get(killed)?.kill();
      // Sometimes it is back before anybody has noticed.
      if (random.fraction() < 0.5) await replaced(killed);
      running.set(killed, start(killed));

      await outcomesSince((await processes.history()).length, 6);
      const role = random.pick(participants);
      const frozen = running.get(role);
      const before = (await frozen?.entries())?.length ?? 0;
      await frozen?.freeze();
      await replaced(role);
      frozen?.thaw();
      await frozen?.entry(({ event, state }) => event === "state" && state === "lost", before);
    }
    await outcomesSince((await processes.history()).length, 6);
    await running.get("coordinator")?.stop();

    const looker = new TwoPhaseCommit(watcher, "/tx", { keep: 100_000 });
    for (const name of participants) {
      for await (const names of watcher.watchChildren(`/tx/inbox/${name}`)) if (names?.length === 0) break;
    }
    for (const [role, one] of running) if (role !== "coordinator") await one.stop();
    await standby.stop();

    const history = await processes.history();
    const effects = new Map<string, Map<string, Set<string>>>();
    for (const { event, tx, id } of history as readonly (JournalEntry & { readonly tx?: string })[]) {
      if (tx === undefined || (event !== "committed" && event !== "rolled back")) continue;
      const ofTx = effects.get(tx) ?? new Map<string, Set<string>>();
      const role = id.slice(0, id.lastIndexOf("-"));
      ofTx.set(role, (ofTx.get(role) ?? new Set()).add(event));
      effects.set(tx, ofTx);
    }
    let committed = 0;
    for (const [tx, byRole] of effects) {
      const { kind } = await looker.attach(tx).outcome({ timeoutMs: 10_000 });
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
    expect(committed).toBeGreaterThan(faults * 2);
    expect(effects.size).toBeGreaterThan(committed);
  },
  60_000 + faults * 20_000,
);

async function identityOf(client: Client, path: string): Promise<string | undefined> {
  try {
    return String((await client.get(path)).data);
  } catch (error) {
    if (isCoordinationError(error, "NoNode")) return undefined;
    throw error;
  }
}
