/**
 * Exactly one primary. Five masters in processes of their own; the primary is killed again and again, and also stopped
 * past its session timeout and let go on. Judged by the tree, not by what the masters think: every write that exists must
 * lie, by its zxid, between the election of the epoch under which it was made and the next election.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Client, connect, isCoordinationError } from "@corral/client";
import { decodeMaster, Layout, TaskClient, Worker } from "@corral/master-worker";
import { startServer } from "@corral/server";
import { expect, test } from "vitest";

const masterCount = 5;
/** Kills, and as many stops. More on demand: CORRAL_FAULTS=50. */
const rounds = Number(process.env.CORRAL_FAULTS ?? 3);
const sessionTimeoutMs = 1_500;
const ledger = "/ledger";
const program = fileURLToPath(new URL("./processes/unruly-master.mjs", import.meta.url));

interface Entry {
  readonly event: "started" | "elected" | "lost" | "attempt" | "outcome" | "staleWriteRefused" | "trouble";
  readonly id: string;
  readonly pid: number;
  readonly epoch: number;
  readonly n: number;
  readonly outcome?: string;
  readonly zxid?: string;
  readonly message?: string;
}

interface Primary {
  readonly id: string;
  readonly epoch: number;
}

class Masters {
  readonly #directory: string;
  readonly #connectString: string;
  readonly #processes = new Map<string, ChildProcess>();

  constructor(directory: string, connectString: string) {
    this.#directory = directory;
    this.#connectString = connectString;
  }

  start(id: string): void {
    const config = { id, connectString: this.#connectString, sessionTimeoutMs, ledger, journalFile: this.#journal(id) };
    const child = spawn(process.execPath, [program, JSON.stringify(config)], { stdio: ["pipe", "ignore", "inherit"] });
    this.#processes.set(id, child);
  }

  signal(id: string, signal: NodeJS.Signals): void {
    this.#processes.get(id)?.kill(signal);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    for (const id of [...this.#processes.keys()]) await this.endOne(id, signal);
  }

  async endOne(id: string, signal: NodeJS.Signals): Promise<void> {
    const child = this.#processes.get(id);
    this.#processes.delete(id);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }

  async journal(id: string): Promise<Entry[]> {
    if (!existsSync(this.#journal(id))) return [];
    const lines = (await readFile(this.#journal(id), "utf8")).split("\n");
    // The last line may be half written.
    return lines.slice(0, -1).map((line) => JSON.parse(line) as Entry);
  }

  async journals(): Promise<Entry[]> {
    const files = await readdir(this.#directory);
    const all = await Promise.all(files.map((file) => this.journal(file.replace(".jsonl", ""))));
    return all.flat();
  }

  #journal(id: string): string {
    return join(this.#directory, `${id}.jsonl`);
  }
}

/** Looks until `look` gives something. Other processes' files tell nobody when they change. */
async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const begun = performance.now(); performance.now() - begun < 60_000; await delay(10)) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error(`It did not come to this within 60 s: ${what}`);
}

/** The master after `epoch`, once it has written to the ledger. */
function primaryAfter(client: Client, masters: Masters, epoch: number): Promise<Primary> {
  return until(`a primary after epoch ${epoch} that writes`, async () => {
    const version = (await client.exists("/epoch"))?.version ?? 0;
    if (version <= epoch) return undefined;
    try {
      const record = decodeMaster((await client.get("/master")).data);
      if (!record.ok) throw new Error(record.detail);
      const { id } = record.value;
      const journal = await masters.journal(id);
      const applied = journal.filter((e) => e.epoch === version && e.outcome === "applied");
      return applied.length >= 3 ? { id, epoch: version } : undefined;
    } catch (error) {
      if (isCoordinationError(error, "NoNode")) return undefined;
      throw error;
    }
  });
}

test(
  "of five masters, killed and stopped in turn, no two write at once, and every stale write is refused",
  async () => {
    const directory = await mkdtemp(join(tmpdir(), "corral-one-primary-"));
    await using server = await startServer({ tickMs: 100, maxSessionTimeoutMs: 60_000 });
    await using client = await connect(server.connectString, { sessionTimeoutMs: 30_000 });
    await client.create(ledger);
    const layout = new Layout();
    const masters = new Masters(directory, server.connectString);
    const elections = new Map<number, bigint>();
    const stoppedEpochs: Primary[] = [];
    try {
      for (let i = 1; i <= masterCount; i++) masters.start(`m${i}`);
      // Real work, so that the masters have something of their own to write.
      await using worker = new Worker(client, { id: "w", capacity: 4, run: async (input) => input });
      await worker.start();
      const tasks = new TaskClient(client);
      const handles = [];

      let primary = await primaryAfter(client, masters, 0);
      for (let round = 0; round < rounds; round++) {
        for (const how of ["SIGKILL", "SIGSTOP"] as const) {
          for (let i = 0; i < 20; i++) handles.push(await tasks.submit(i));
          const before = primary;
          if (how === "SIGKILL") await masters.endOne(before.id, how);
          else masters.signal(before.id, how);
          primary = await primaryAfter(client, masters, before.epoch);
          expect(primary.id).not.toBe(before.id);
          if (how === "SIGKILL") {
            masters.start(before.id);
            continue;
          }
          stoppedEpochs.push(before);
          masters.signal(before.id, "SIGCONT");
          await until(`a stale write of ${before.id} under epoch ${before.epoch}`, async () =>
            (await masters.journal(before.id)).find((e) => e.epoch === before.epoch && e.outcome === "stale"),
          );
        }
      }
      const values = await Promise.all(handles.map((handle) => handle.value()));
      expect(values).toHaveLength(rounds * 2 * 20);
      await masters.end("SIGTERM");

      const journal = await masters.journals();
      for (const { event, epoch, zxid } of journal) {
        if (event !== "elected") continue;
        expect(elections.has(epoch), `epoch ${epoch} was won twice`).toBe(false);
        elections.set(epoch, BigInt(zxid ?? 0));
      }
      const epochs = [...elections.keys()].sort((a, b) => a - b);
      const last = (await client.exists(layout.epoch))?.version ?? 0;
      expect(epochs.at(-1)).toBeLessThanOrEqual(last);
      for (const [i, epoch] of epochs.entries()) {
        expect(elections.get(epoch)).toBeGreaterThan(elections.get(epochs[i - 1] ?? 0) ?? 0n);
      }

      // What really happened, from the tree: who wrote under which epoch, and when.
      const names = await client.children(ledger);
      const writers = new Map<number, Set<string>>();
      await Promise.all(
        names.map(async (name) => {
          const { data, stat } = await client.get(`${ledger}/${name}`);
          const { id, epoch } = JSON.parse(data?.toString() ?? "") as Primary;
          writers.set(epoch, (writers.get(epoch) ?? new Set()).add(id));
          // An epoch whose winner was gone before it knew is nobody's: nothing is written under it.
          expect(elections.has(epoch), `epoch ${epoch} was announced`).toBe(true);
          expect(stat.czxid).toBeGreaterThan(elections.get(epoch) ?? 0n);
          const successor = elections.get(epochs.find((later) => later > epoch) ?? 0);
          if (successor !== undefined) expect(stat.czxid, `${name} came after its successor`).toBeLessThan(successor);
        }),
      );
      for (const [epoch, ids] of writers) expect(ids.size, `writers under epoch ${epoch}`).toBe(1);

      // Every write that was answered as made is there, and none that nobody has tried.
      const there = new Set(names);
      const written = (wanted: (entry: Entry) => boolean): string[] =>
        journal.filter(wanted).map(({ id, pid, epoch, n }) => `${id}-${pid}-${epoch}-${n}`);
      const applied = written((e) => e.outcome === "applied");
      expect(applied.length).toBeGreaterThanOrEqual(3 * rounds * 2);
      expect(applied.filter((name) => !there.has(name))).toEqual([]);
      const attempted = new Set(written((e) => e.event === "attempt"));
      expect(names.filter((name) => !attempted.has(name))).toEqual([]);

      // Every stale write refused: it was answered so, and it is not in the tree. And there was one after every stop.
      const stale = journal.filter((e) => e.outcome === "stale");
      expect(written((e) => e.outcome === "stale").filter((name) => there.has(name))).toEqual([]);
      for (const { id, epoch } of stoppedEpochs) {
        expect(stale.filter((e) => e.id === id && e.epoch === epoch).length).toBeGreaterThan(0);
      }
      expect(stale.length).toBeGreaterThanOrEqual(rounds);
      expect(journal.filter((e) => e.event === "trouble" || e.outcome === "failed")).toEqual([]);
    } finally {
      await masters.end("SIGKILL");
      await rm(directory, { recursive: true, force: true });
    }
  },
  120_000 + rounds * 20_000,
);
