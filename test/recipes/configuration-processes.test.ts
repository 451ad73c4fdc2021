/**
 * Configurations among real processes that are killed, frozen past their session's timeout and cut off, by history: no
 * edit is lost or made twice, nobody sees half of one, and nobody who lives comes to run with what it has refused, or was
 * not asked about.
 */
import { type Client, connect } from "@corral/client";
import { Configuration } from "@corral/configuration";
import { FaultProxy, type RequestFrame, seededRandom, TestServer } from "@corral/testing";
import { expect, test } from "vitest";
import { type TestProcess, TestProcesses } from "../support/test-processes.ts";

const seed = Number(process.env.CORRAL_SEED ?? Date.now() % 1_000_000);
/** Faults of each kind. More on demand: CORRAL_FAULTS=50. */
const faults = Number(process.env.CORRAL_FAULTS ?? 1);
const sessionTimeoutMs = 1_200;
const roles = ["pump", "valve", "meter"];

const isWrite = ({ operation }: Pick<RequestFrame, "operation">) => operation === "multi";

interface Counts {
  readonly count: number;
  readonly twice: number;
  readonly by: Readonly<Record<string, number>>;
}

test(
  `no edit is lost, none is seen in halves, and nothing is activated against anybody's will (seed ${seed})`,
  async () => {
    const random = seededRandom(seed);
    await using server = await TestServer.start({ durable: true, tickMs: 100 });
    await using proxy = await FaultProxy.start(server.connectString, { random });
    await using watcher = await connect(server.connectString);
    await using processes = await TestProcesses.make();
    let started = 0;
    const start = (script: string, name: string, more: object = {}): TestProcess => {
      const { connectString } = name === "meter" || name === "far" ? proxy : server;
      return processes.start(script, `${name}-${started++}`, { connectString, sessionTimeoutMs, roles, ...more });
    };
    const programs = new Map(roles.map((role) => [role, start("run-configured", role, { role })]));
    const editors = new Map(["near", "far"].map((name) => [name, start("edit-configuration", name)]));
    await Promise.all([...programs.values()].map((one) => one.entry(({ event }) => event === "subscribed")));
    let driver = start("propose-changes", "driver");

    /** Resolves when so much of both has gone on from now. */
    const goesOn = async (): Promise<void> => {
      const journals = [...editors.values(), driver];
      const places = await Promise.all(journals.map(async (one) => (await one.entries()).length));
      for (const [i, one] of journals.entries()) {
        const wanted = one === driver ? "activated" : "edited";
        await one.entry(({ event }) => event === wanted, places[i]);
      }
    };
    for (let round = 0; round < faults; round++) {
      await goesOn();
      const role = random.pick(["pump", "valve"]);
      await programs.get(role)?.kill();
      programs.set(role, start("run-configured", role, { role }));
      await editors.get("near")?.kill();
      editors.set("near", start("edit-configuration", "near"));
      await driver.kill();
      driver = start("propose-changes", "driver");

      await goesOn();
      const frozen = programs.get(random.pick(["pump", "valve"])) as TestProcess;
      await frozen.freeze();
      const asFrozen = (await frozen.entries()).length;
      const joined = await hasJoined(watcher, frozen);
      // What it keeps from being activated is activated when its session is over.
      await goesOn();
      if (joined) {
        for await (const _ of watcher.watchChildren("/agreed/subscribers")) {
          if (!(await hasJoined(watcher, frozen))) break;
        }
      }
      frozen.thaw();
      if (joined) await frozen.whenLost(asFrozen);

      await goesOn();
      const far = editors.get("far") as TestProcess;
      const drop = random.below(2) === 0 ? proxy.dropReply(isWrite) : proxy.dropRequest(isWrite);
      await drop.happened;
      const away = [far, programs.get("meter") as TestProcess];
      const places = await Promise.all(away.map(async (one) => (await one.entries()).length));
      proxy.refuse();
      proxy.cut();
      if (round % 2 === 0) await Promise.all(away.map((one, i) => one.whenLost(places[i] ?? 0)));
      proxy.accept();
    }
    await goesOn();
    while (!(await processes.history()).some(({ event }) => event === "refuses")) await goesOn();
    for (const one of [driver, ...editors.values()]) expect((await one.stop()).code, one.stderr).toBe(0);
    // Whoever was late has caught up: it runs with the last version of both.
    const last = await lastVersions(watcher);
    for (const one of programs.values()) {
      await one.entry(({ event, version }) => event === "counts" && version === last.edited);
      await one.entry(({ event, version, stage }) => event === "runs" && version === last.agreed && stage === "active");
      expect((await one.stop()).code, one.stderr).toBe(0);
    }

    await checkEdits(watcher, processes);
    await checkConsent(watcher, processes);
  },
  120_000 + faults * 60_000,
);

/** Whether the process is among those who are asked, with the session that it had last. */
async function hasJoined(watcher: Client, program: TestProcess): Promise<boolean> {
  const session = (await program.entries()).findLast((entry) => entry.session !== undefined)?.session;
  const { subscribers } = await agreedBy(watcher).explain();
  return subscribers.some(({ sessionId }) => String(sessionId) === session);
}

async function lastVersions(watcher: Client): Promise<{ readonly edited: number; readonly agreed: number }> {
  const [edited, agreed] = await Promise.all([watcher.get("/edited"), watcher.get("/agreed")]);
  return { edited: edited.stat.version, agreed: agreed.stat.version };
}

const anything = { "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value }) } } as const;

function agreedBy(client: Client): Configuration<unknown, unknown> {
  return new Configuration<unknown, unknown>(client, "/agreed", { schema: anything, keep: 1_000 });
}

/** Each edit is in what is stored once, and nobody has seen half of one. */
async function checkEdits(watcher: Client, processes: TestProcesses): Promise<void> {
  const { data, stat } = await watcher.get("/edited");
  const { count, twice, by } = JSON.parse(String(data)) as Counts;
  expect([count, twice]).toEqual([stat.version, 2 * stat.version]);
  let sum = 0;
  for (const one of processes.all) {
    const entries = await one.entries();
    const asked = entries.filter(({ event }) => event === "editing").length;
    const told = entries.filter(({ event }) => event === "edited").length;
    const made = by[one.id] ?? 0;
    // The last of one that was killed happened or not, and it did not live to be told.
    expect(made, one.id).toBeGreaterThanOrEqual(told);
    expect(made, one.id).toBeLessThanOrEqual(asked);
    sum += made;
    let version = 0;
    for (const entry of entries) {
      if (entry.event !== "counts") continue;
      const seen = entry.value as Counts;
      expect(seen.twice).toBe(2 * seen.count);
      expect(Object.values(seen.by).reduce((total, n) => total + n, 0)).toBe(seen.count);
      expect(Number(entry.version)).toBe(seen.count);
      expect(Number(entry.version), "never back").toBeGreaterThanOrEqual(version);
      version = Number(entry.version);
    }
  }
  expect(sum).toBe(count);
  const versions = (await processes.history()).filter(({ event }) => event === "edited").map(({ version }) => version);
  expect(new Set(versions).size, "no version was told to two").toBe(versions.length);
}

/** Nobody has run with what it had refused, or was not asked about, unless its session was lost in between. */
async function checkConsent(watcher: Client, processes: TestProcesses): Promise<void> {
  const history = await agreedBy(watcher).history();
  const tagOf = ({ stored }: (typeof history)[number]) => (stored as { readonly tag?: string } | undefined)?.tag;
  const tags = new Map(
    history.filter(({ cause }) => cause.kind === "proposal").map((one) => [tagOf(one), one.version]),
  );
  expect(tags.size, "none is activated twice").toBe(history.filter(({ cause }) => cause.kind === "proposal").length);
  for (const { event, tag, version } of await processes.history()) {
    if (event === "activated") expect(tags.get(String(tag))).toBe(version);
    if (event === "refused") expect(tags.has(String(tag)), `${tag} was told to be refused`).toBe(false);
  }
  let withConsent = 0;
  let refusals = 0;
  for (const one of processes.all) {
    const answers = new Map<unknown, string>();
    let isAway = false;
    /** Whether it has been asked in its present session, and seen what came before that. */
    let isAsked = false;
    const ranWith = new Set<unknown>();
    const entries = await one.entries();
    for (const [i, { event, tag, stage, version, state }] of entries.entries()) {
      // Back again it is asked, but not about what was activated meanwhile.
      if (event === "state") isAway = state === "lost";
      // It can be asked before it tells what it has found.
      if (isAway || event === "subscribed") isAsked = false;
      if (event === "accepts" || event === "refuses") {
        answers.set(tag, event);
        isAsked = !isAway;
        if (event === "refuses") refusals++;
      }
      if (event !== "runs" || tag === "") continue;
      if (stage === "active") expect(tags.get(String(tag))).toBe(version);
      // It tells again what it runs with when it is suspended, or when a change that it has tried out is withdrawn; it came to
      // run with it before it was asked about the next.
      const isNew = !ranWith.has(tag);
      ranWith.add(tag);
      if (answers.get(tag) === "accepts") withConsent++;
      else if (isNew && (isAsked || stage === "canary")) {
        const before = entries.slice(0, i + 1).filter((entry) => entry.event !== "counts");
        const story = before.slice(-30).map((entry) => JSON.stringify(entry));
        throw new Error(`${one.id} runs with ${tag}, and has not accepted it:\n${story.join("\n")}`);
      }
    }
  }
  expect(tags.size).toBeGreaterThan(faults * 3);
  expect(withConsent).toBeGreaterThan(faults * 3);
  expect(refusals).toBeGreaterThan(0);
}
