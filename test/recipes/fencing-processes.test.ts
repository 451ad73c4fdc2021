/**
 * The resources of docs/fencing.md under a mutex, and real holders that are killed, frozen past their session's timeout and
 * cut off, and that go on writing whatever their signal says: by counting, every increment that was let through is there,
 * and none is there twice or under another; by history, no token is let through after a higher one.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FaultProxy, seededRandom, TestServer } from "@corral/testing";
import { expect, test } from "vitest";
import { PageExamples } from "../support/page-examples.ts";
import { type JournalEntry, type TestProcess, TestProcesses } from "../support/test-processes.ts";

const seed = Number(process.env.CORRAL_SEED ?? Date.now() % 1_000_000);
/** Faults of each kind. More on demand: CORRAL_FAULTS=50. */
const faults = Number(process.env.CORRAL_FAULTS ?? 1);
const sessionTimeoutMs = 800;
const kinds = ["files", "rows"] as const;
const modules = { files: "fenced-files", rows: "ledger" };

const isWritten = ({ event, outcome }: JournalEntry) => event === "acted" && outcome === "written";

test(
  `a former holder writes to no file and to no row, whoever is killed, frozen or cut off (seed ${seed})`,
  async () => {
    const random = seededRandom(seed);
    await using examples = await PageExamples.compile(["docs/fencing.md"], "fencing");
    await using server = await TestServer.start({ durable: true, tickMs: 100 });
    await using proxy = await FaultProxy.start(server.connectString, { random });
    await using processes = await TestProcesses.make();
    const directory = await mkdtemp(join(tmpdir(), "corral-fenced-"));
    await using _ = { [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };

    const socketPaths = { files: join(directory, "files.socket"), rows: join(directory, "rows.socket") };
    const serve = async (kind: (typeof kinds)[number], life: number): Promise<TestProcess> => {
      const module = examples.module("docs/fencing.md", modules[kind]);
      const config = { kind, socketPath: socketPaths[kind], directory: join(directory, "files"), module };
      const resource = processes.start("serve-fenced", `${kind}-${life}`, config);
      await resource.entry(({ event }) => event === "listening");
      return resource;
    };
    let files = await serve("files", 0);
    const resources: TestProcess[] = [files, await serve("rows", 0)];
    const start = (id: string, connectString: string) =>
      processes.start("use-fenced", id, { connectString, sessionTimeoutMs, acts: 5, socketPaths });
    let steady = Array.from({ length: 2 }, (_, i) => start(`steady-${i}`, server.connectString));
    const cutOff = start("cut-off", proxy.connectString);

    /** Resolves when somebody has written to each resource with a token above `token`. */
    const overtaken = async (token: bigint): Promise<void> => {
      const isLater = (entry: JournalEntry) => isWritten(entry) && BigInt(String(entry.token)) > token;
      const others = [...steady, cutOff];
      for (const kind of kinds) {
        await Promise.any(others.map((one) => one.entry((entry) => isLater(entry) && entry.kind === kind)));
      }
    };
    /** Resolves with the token of a steady process that stands still in the middle of what it does under it. */
    const freezeHolder = async (): Promise<{ readonly frozen: TestProcess; readonly token: bigint }> => {
      for (;;) {
        const one = random.pick(steady);
        await one.entry(({ event }) => event === "granted", (await one.entries()).length);
        await one.freeze();
        const last = (await one.entries()).at(-1);
        // With something still to be done to both resources.
        if (Number(last?.left ?? 0) > 0 || last?.event === "granted") {
          return { frozen: one, token: BigInt(String(last?.token)) };
        }
        one.thaw();
      }
    };

    for (const one of [...steady, cutOff]) await one.entry(isWritten);
    for (let round = 0; round < faults; round++) {
      const killed = random.pick(steady);
      await killed.entry(({ event }) => event === "granted", (await killed.entries()).length);
      await killed.kill();
      steady = [...steady.filter((one) => one !== killed), start(`steady-${2 + round}`, server.connectString)];

      const { frozen, token } = await freezeHolder();
      const before = (await frozen.entries()).length;
      await overtaken(token);
      frozen.thaw();
      const isRefused = (entry: JournalEntry) => entry.outcome === "refused" && entry.token === String(token);
      for (const kind of kinds) await frozen.entry((entry) => isRefused(entry) && entry.kind === kind, before);

      await cutOff.entry(({ event }) => event === "granted", (await cutOff.entries()).length);
      const away = (await cutOff.entries()).length;
      proxy.stall(random.fraction() < 0.5 ? "toClient" : "both");
      await cutOff.whenLost(away);
      proxy.resume();

      if (round > 0) continue;
      // The process that has the files dies as well, and what it has stored is the next one's.
      await files.kill();
      files = await serve("files", 1);
      resources.push(files);
    }
    await files.entry(({ what }) => what === "write");
    for (const one of [...steady, cutOff]) await one.stop();

    for (const kind of kinds) {
      const journals = await Promise.all(resources.filter(({ id }) => id.startsWith(kind)).map((one) => one.entries()));
      const history = journals.flat();
      const passed = history.filter(({ event }) => event === "let");
      for (const [i, { token }] of passed.entries()) {
        expect(BigInt(String(token)), `${kind}: ${i}`).toBeGreaterThanOrEqual(
          BigInt(String(passed[i - 1]?.token ?? 0)),
        );
      }
      const written = passed.filter(({ what }) => what === "write").map(({ value }) => Number(value));
      // One that was written and not journaled is possible where the resource was killed; one that was written over is not.
      const gaps = written.filter((value, i) => value !== (written[i - 1] ?? 0) + 1);
      expect(gaps.length, `${kind}: ${gaps}`).toBeLessThanOrEqual(kind === "files" ? 1 : 0);
      for (const [i, value] of written.entries()) expect(value).toBeGreaterThan(written[i - 1] ?? 0);
      expect(written.length).toBeGreaterThan(faults * 10);
      // It is no proof if nobody ever tried: a frozen holder that went on to write must have been refused, every time.
      const refused = history.filter(({ event, what }) => event === "refused" && what === "write");
      expect(refused.length).toBeGreaterThanOrEqual(faults);
    }
  },
  120_000 + faults * 60_000,
);
