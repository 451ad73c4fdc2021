/**
 * A worker's view of its own registration and of its queue. Level-triggered: `read` tells which assignments are there now
 * and which of them are new; a watch only says that it is time to ask again.
 */
import { type Client, isCoordinationError } from "@corral/client";
import { type Layout, parseAssignmentName } from "../core/layout.ts";
import { decodeTask, decodeWorker, encodeWorker, type WorkerRecord } from "../core/payloads.ts";
import { Execution } from "./execution.ts";
import { inFlight } from "./flow.ts";
import type { Quarantined } from "./group-mirror.ts";
import type { Registration } from "./registration.ts";
import { Watched } from "./watched.ts";

/** What a reader needs. */
export interface QueueReaderOptions {
  readonly client: Client;
  readonly layout: Layout;
  readonly id: string;
  readonly registration: Registration;
  readonly onQuarantined: (node: Quarantined) => void;
  /** Something may have changed. */
  readonly onHint: () => void;
}

interface OwnNode {
  readonly guid: string | undefined;
  readonly version: number;
  readonly record: WorkerRecord | undefined;
}

const readsInFlight = 16;

/** Reads for one registration. */
export class QueueReader {
  readonly #options: QueueReaderOptions;
  readonly #own: Watched<OwnNode>;
  readonly #names: Watched<readonly string[]>;
  /** Set while the queue is missing, to learn that a master has made it anew. */
  #absenceWatched = false;
  /** Assignments already handed out, and those that are not for us. */
  readonly #known = new Map<string, "ours" | "left alone">();
  #closed = false;

  constructor(options: QueueReaderOptions) {
    const { client, layout, id, onHint } = options;
    this.#options = options;
    const hint = (): void => {
      if (!this.#closed) onHint();
    };
    this.#own = new Watched(async (read) => {
      const { data, stat } = await client.get(layout.worker(id), read);
      const record = decodeWorker(data);
      const value = record.ok ? record.value : undefined;
      return { guid: value?.guid, version: stat.version, record: value };
    }, hint);
    this.#names = new Watched((read) => client.children(layout.queue(id), read), hint);
  }

  /** Whether something must be read before the answers can be relied upon. */
  get stale(): boolean {
    return this.#own.stale || this.#names.stale;
  }

  /** Whether the registration says that this worker takes nothing more. */
  get draining(): boolean {
    return this.#own.value?.record?.draining === true;
  }

  /** Makes the next calls read everything again. */
  invalidate(): void {
    this.#own.invalidate();
    this.#names.invalidate();
  }

  /** No hints any more. */
  close(): void {
    this.#closed = true;
  }

  /**
   * Whether the registration still stands. If `draining` is wanted and not yet said there, says so: every assignment made
   * from then on is refused, for assignments check the registration's version.
   */
  async confirm(draining: boolean, signal: AbortSignal): Promise<boolean> {
    const { client, layout, id, registration } = this.#options;
    await this.#own.refresh(signal);
    const own = this.#own.value;
    if (own === undefined || own.guid !== registration.guid) return false;
    if (draining && own.record !== undefined && !own.record.draining) {
      const record = encodeWorker({ ...own.record, draining: true });
      this.#own.invalidate();
      await client.set(layout.worker(id), record, { version: own.version, signal });
      // What was assigned before this is listed from here on.
      this.#names.invalidate();
      await this.#own.refresh(signal);
    }
    return true;
  }

  /** Which assignments of this registration are there, by node name, and those of them that are new. */
  async read(signal: AbortSignal): Promise<{ assigned: ReadonlySet<string>; added: readonly Execution[] }> {
    await this.#names.refresh(signal);
    if (this.#names.value === undefined) await this.#awaitQueue(signal);
    const listed = new Set(this.#names.value);
    for (const name of this.#known.keys()) if (!listed.has(name)) this.#known.delete(name);
    const unknown = [...listed].filter((name) => !this.#known.has(name));
    const accepted = await inFlight(readsInFlight, unknown, (name) => this.#accept(name, signal));
    const added = accepted
      .filter((candidate) => candidate !== undefined)
      .sort((a, b) => (a.czxid < b.czxid ? -1 : a.czxid > b.czxid ? 1 : a.execution.task < b.execution.task ? -1 : 1))
      .map(({ execution }) => execution);
    for (const { assignment } of added) this.#known.set(assignment, "ours");
    const assigned = new Set<string>();
    for (const [name, whose] of this.#known) if (whose === "ours") assigned.add(name);
    return { assigned, added };
  }

  async #accept(name: string, signal: AbortSignal): Promise<{ execution: Execution; czxid: bigint } | undefined> {
    const { client, layout, id, registration, onQuarantined } = this.#options;
    const path = layout.assignment(id, name);
    const parts = parseAssignmentName(name);
    if (parts === undefined) {
      this.#known.set(name, "left alone");
      onQuarantined({ path, problem: "malformed", detail: "not a name that this group uses" });
      return undefined;
    }
    try {
      const { data, stat } = await client.get(path, { signal });
      const decoded = decodeTask(data);
      if (stat.czxid < registration.czxid) {
        // An earlier process's: a master will take it back.
        this.#known.set(name, "left alone");
        return undefined;
      }
      if (!decoded.ok && decoded.problem === "newer") {
        this.#known.set(name, "left alone");
        onQuarantined({ path, problem: "newer", detail: decoded.detail });
        return undefined;
      }
      const record = decoded.ok ? decoded.value : { unreadable: decoded.detail };
      const execution = new Execution({ ...parts, assignment: name, record, fencingToken: stat.czxid });
      return { execution, czxid: stat.czxid };
    } catch (error) {
      if (isCoordinationError(error, "NoNode")) return undefined;
      throw error;
    }
  }

  /** The queue is not there. A master makes it again; this learns when. */
  async #awaitQueue(signal: AbortSignal): Promise<void> {
    if (this.#absenceWatched) return;
    const { client, layout, id, onHint } = this.#options;
    this.#absenceWatched = true;
    const watch = (): void => {
      this.#absenceWatched = false;
      this.#names.invalidate();
      if (!this.#closed) onHint();
    };
    try {
      if ((await client.exists(layout.queue(id), { watch, signal })) !== undefined) this.#names.invalidate();
    } catch (error) {
      this.#absenceWatched = false;
      throw error;
    }
  }
}
