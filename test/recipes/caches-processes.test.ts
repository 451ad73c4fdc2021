/**
 * Caches in real processes that are killed, frozen until their session is over and cut off, while others write and die of
 * it, and the server is started again: by history, a cache never shows what nobody has written or an older state after a
 * newer one, and by counting nodes, in the end each holds what the server has.
 */
import { type Client, connect } from "@corral/client";
import { FaultProxy, seededRandom, TestServer } from "@corral/testing";
import { expect, test } from "vitest";
import { type JournalEntry, type TestProcess, TestProcesses } from "../support/test-processes.ts";

const seed = Number(process.env.CORRAL_SEED ?? Date.now() % 1_000_000);
/** Faults of each kind. More on demand: CORRAL_FAULTS=50. */
const faults = Number(process.env.CORRAL_FAULTS ?? 1);
const sessionTimeoutMs = 800;
const path = "/t";
const caches = ["whole", "levels", "children", "node"];

/** A node as a cache has shown it; zxids as text, as journals have them. */
interface Shown {
  readonly czxid: string;
  readonly mzxid: string;
  readonly version: number;
  readonly data: string;
}

interface Change extends JournalEntry {
  readonly cache: string;
  readonly type: string;
  readonly at: string;
  readonly before?: Shown;
  readonly after?: Shown;
}

const isChange = (entry: JournalEntry): entry is Change => entry.event === "change";

/** What a cache holds by the changes that it has told: paths and zxids, in order. */
function held(entries: readonly JournalEntry[], cache: string): string[] {
  const nodes = new Map<string, string>();
  for (const change of entries.filter(isChange).filter((one) => one.cache === cache)) {
    if (change.after === undefined) nodes.delete(change.at);
    else nodes.set(change.at, change.after.mzxid);
  }
  return [...nodes].map(([at, mzxid]) => `${at} ${mzxid}`).sort();
}

/** What is really there, as far as the cache goes. */
async function truth(client: Client, cache: string): Promise<string[]> {
  const found: string[] = [];
  const visit = async (at: string): Promise<void> => {
    found.push(`${at} ${(await client.get(at)).stat.mzxid}`);
    for (const name of await client.children(at)) await visit(`${at}/${name}`);
  };
  await visit(path);
  const isWanted = { whole: /./, levels: /./, children: /^\/t\/[^/]+ /, node: /^\/t\/0 / }[cache] ?? /^$/;
  return found.filter((line) => isWanted.test(line)).sort();
}

test(
  `caches show what was written, in order, and in the end what is there (seed ${seed})`,
  async () => {
    const random = seededRandom(seed);
    await using server = await TestServer.start({ durable: true, tickMs: 100 });
    await using proxy = await FaultProxy.start(server.connectString, { random });
    await using looker = await connect(server.connectString);
    await looker.create(path);
    // Whoever is away when it is made again has missed that it was gone.
    const again = `${path}/again`;
    await looker.create(again, "at first");
    await using processes = await TestProcesses.make();
    let count = 0;
    const config = { sessionTimeoutMs, path, pauseMs: 2 };
    const start = (script: string, connectString = server.connectString) =>
      processes.start(script, `${script}-${count++}`, { ...config, connectString });
    let holders = Array.from({ length: 2 }, () => start("hold-caches"));
    const cutOff = start("hold-caches", proxy.connectString);
    let writers = Array.from({ length: 2 }, () => start("write-tree"));
    const isWritten = ({ event }: JournalEntry) => event === "written";
    const isLost = ({ event, state }: JournalEntry) => event === "state" && state === "lost";
    const placeOf = async (one: TestProcess) => (await one.entries()).length;
    /** Resolves when the writer has written so often since `place`. */
    const writes = async (writer: TestProcess, times: number, place: number): Promise<void> => {
      for (let n = 0, at = place; n < times; n++) {
        await writer.entry(isWritten, at);
        at = (await writer.entries()).findIndex((entry, i) => i >= at && isWritten(entry)) + 1;
      }
    };
    /** Resolves when a cache of the process tells something more. */
    const tells = async (one: TestProcess) => await one.entry(isChange, await placeOf(one));

    for (const one of [...holders, cutOff]) await one.entry(({ event }) => event === "started");
    for (let round = 0; round < faults; round++) {
      const killed = random.pick(holders);
      await tells(killed);
      await killed.kill();
      holders = [...holders.filter((one) => one !== killed), start("hold-caches")];
      const writer = random.pick(writers);
      await writer.entry(isWritten, await placeOf(writer));
      await writer.kill();
      writers = [...writers.filter((one) => one !== writer), start("write-tree")];

      const [frozen] = holders as [TestProcess];
      await tells(frozen);
      const before = await placeOf(frozen);
      const away = await placeOf(cutOff);
      await frozen.freeze();
      const places = await Promise.all(writers.map(placeOf));
      proxy.stall(random.fraction() < 0.5 ? "toClient" : "both");
      await cutOff.whenLost(away);
      if (round === 0) await server.restart();
      await looker.delete(again);
      await looker.create(again, `round ${round}`);
      await Promise.all(writers.map((one, i) => writes(one, 60, places[i] ?? 0)));
      // Not by waiting: a server that starts gives every session its whole time again.
      const session = await frozen.session();
      if (session !== undefined) await server.expireSession(session);
      // At last nothing is written any more that would tell them what they have missed.
      const isLast = round === faults - 1;
      if (isLast) for (const one of writers) await one.stop();
      frozen.thaw();
      proxy.resume();
      await frozen.whenLost(before);
      if (!isLast) await Promise.all([tells(frozen), tells(cutOff)]);
    }

    await looker.sync(path);
    for (const one of [...holders, cutOff]) {
      for (const cache of caches) {
        const expected = await truth(looker, cache);
        const isThere = async () =>
          (await one.entries()).findLast((entry) => entry.event === "cache" && entry.cache === cache)?.state ===
            "current" && JSON.stringify(held(await one.entries(), cache)) === JSON.stringify(expected);
        await expect.poll(isThere, { timeout: 60_000, message: `${one.id}: ${cache}` }).toBe(true);
      }
      await one.stop();
      // Asked, it says the same as the changes that it has told.
      for (const { cache, nodes } of (await one.entries()).filter(({ event }) => event === "held")) {
        expect(nodes, `${one.id}: ${cache}`).toEqual(held(await one.entries(), String(cache)));
      }
    }

    const history = await processes.history();
    const attempts = new Set(history.filter(({ event }) => event === "writing").map(({ at, data }) => `${at} ${data}`));
    const written = new Map(history.filter(isWritten).map(({ mzxid, at, data }) => [mzxid, `${at} ${data}`]));
    for (const data of ["at first", ...Array.from({ length: faults }, (_, round) => `round ${round}`)]) {
      attempts.add(`${again} ${data}`);
    }
    const changes = history.filter(isChange);
    for (const { at, after } of changes) {
      if (after === undefined) continue;
      const shown = `${at} ${after.data}`;
      if (at !== path) expect(attempts.has(shown), shown).toBe(true);
      // Who was killed has not said what became of its last write: then what one cache has shown, all must.
      expect(written.get(after.mzxid) ?? shown).toBe(shown);
      written.set(after.mzxid, shown);
    }
    for (const one of processes.all) {
      const last = new Map<string, Shown | undefined>();
      const oldest = new Map<string, bigint>();
      for (const { cache, type, at, before, after } of (await one.entries()).filter(isChange)) {
        const key = `${one.id} ${cache} ${at}`;
        // Each change is on top of the one before.
        expect(before, key).toEqual(last.get(key));
        last.set(key, after);
        if (after === undefined) continue;
        const isSame = before?.czxid === after.czxid;
        if (before !== undefined) expect(type, key).toBe(isSame ? "changed" : "recreated");
        if (isSame) expect(after.version, key).toBeGreaterThan(before.version);
        // Deleted in between or not, it never goes back to an earlier node or state.
        expect(BigInt(after.mzxid), key).toBeGreaterThan(oldest.get(key) ?? -1n);
        oldest.set(key, BigInt(after.mzxid));
      }
    }
    // It is no proof if nothing has happened.
    expect(changes.filter(({ type }) => type === "recreated").length).toBeGreaterThan(0);
    expect(changes.length).toBeGreaterThan(faults * 100);
    expect(history.filter(isLost).length).toBeGreaterThanOrEqual(2 * faults);
  },
  120_000 + faults * 60_000,
);
