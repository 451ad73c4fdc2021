/**
 * What a master knows of the tree: its copy of names and registrations, refreshed wherever a watch says it is stale.
 * Level-triggered: nothing is derived from events; after an event the node is read again.
 *
 * The list of waiting tasks may be long, and every submission changes it. So it is read again only when somebody wants
 * more tasks than are known: a backlog of thousands is not listed anew for each task that joins it.
 */
import type { Client } from "@corral/client";
import { type Observable, Subject } from "rxjs";
import type { AssignmentView, GroupView, QueueView, WorkerView } from "../core/decide.ts";
import { isName, type Layout, parseAssignmentName } from "../core/layout.ts";
import { decodeWorker } from "../core/payloads.ts";
import { inFlight } from "./flow.ts";
import { Watched } from "./watched.ts";

/** A node that a master leaves alone, and why. */
export interface Quarantined {
  readonly path: string;
  readonly problem: "malformed" | "newer";
  readonly detail: string;
}

interface QueueMirror {
  readonly names: Watched<readonly string[]>;
  /** For each assignment a zxid after which it was created, as far as known. */
  readonly since: Map<string, bigint>;
}

/** The master's copy of its group. */
export class GroupMirror {
  readonly #client: Client;
  readonly #layout: Layout;
  readonly #limit: number;
  readonly #hints = new Subject<void>();
  readonly #onQuarantined: (node: Quarantined) => void;
  readonly #quarantined = new Set<string>();

  readonly #workerNames: Watched<readonly string[]>;
  readonly #workers = new Map<string, Watched<WorkerView>>();
  readonly #queueNames: Watched<readonly string[]>;
  readonly #queues = new Map<string, QueueMirror>();
  readonly #taskNames: Watched<readonly string[]>;
  #waiting = new Set<string>();
  #mustListTasks = false;
  #finished: ReadonlySet<string> = new Set();

  /** `limit`: reads in flight at once. `onQuarantined` hears once of each node that is left alone. */
  constructor(client: Client, layout: Layout, limit: number, onQuarantined: (node: Quarantined) => void) {
    this.#client = client;
    this.#layout = layout;
    this.#limit = limit;
    this.#onQuarantined = onQuarantined;
    this.#workerNames = this.#children(layout.workers);
    this.#queueNames = this.#children(layout.assign);
    this.#taskNames = this.#children(layout.tasks);
  }

  /** Emits when something may have changed. */
  get hints(): Observable<void> {
    return this.#hints.asObservable();
  }

  /** Whether workers or queues must be read before the view can be relied upon. */
  get stale(): boolean {
    if (this.#workerNames.stale || this.#queueNames.stale) return true;
    for (const watched of this.#workers.values()) if (watched.stale) return true;
    for (const { names } of this.#queues.values()) if (names.stale) return true;
    return false;
  }

  /** Whether a list could not be read because its parent is not there: nothing is watched then. */
  get uprooted(): boolean {
    const lists = [this.#workerNames, this.#queueNames, this.#taskNames];
    return lists.some(({ stale, value }) => !stale && value === undefined);
  }

  /** Forgets nothing, but takes nothing for granted: the next refresh reads everything. */
  invalidateAll(): void {
    for (const watched of [this.#workerNames, this.#queueNames, this.#taskNames]) watched.invalidate();
    for (const watched of this.#workers.values()) watched.invalidate();
    for (const { names } of this.#queues.values()) names.invalidate();
  }

  /** The next refresh reads this worker and its queue. */
  invalidateWorker(worker: string): void {
    this.#workerNames.invalidate();
    this.#queueNames.invalidate();
    this.#workers.get(worker)?.invalidate();
    this.#queues.get(worker)?.names.invalidate();
  }

  /** Reads which tasks have a result. Only a new master does this: afterwards results and assignments go together. */
  async readFinished(signal: AbortSignal): Promise<void> {
    this.#finished = new Set(await this.#client.children(this.#layout.status, { signal }));
  }

  /** The recovery is over: what was finished by then has been dealt with. */
  forgetFinished(): void {
    this.#finished = new Set();
  }

  /** Reads workers and queues wherever they are stale. Rejects with what a read rejects with. */
  async refresh(signal: AbortSignal): Promise<void> {
    // A worker and its queue come in one multi, and here they are two reads. If the multi fell between them, the watch of
    // the first has spoken before the second was answered: read again, rather than take the one for an orphan.
    for (let round = 0; round < 3 && (this.#workerNames.stale || this.#queueNames.stale); round++) {
      const lists = [this.#workerNames, this.#queueNames];
      const [workersRead, queuesRead] = await inFlight(2, lists, (names) => names.refresh(signal));
      if (workersRead)
        this.#follow(this.#layout.workers, this.#workerNames, this.#workers, (name) => this.#worker(name));
      if (queuesRead) this.#follow(this.#layout.assign, this.#queueNames, this.#queues, (name) => this.#queue(name));
    }
    await inFlight(this.#limit, [...this.#workers.values()], (worker) => worker.refresh(signal));
    await inFlight(this.#limit, [...this.#queues], async ([worker, queue]) => {
      if (await queue.names.refresh(signal)) await this.#learnAges(worker, queue, signal);
    });
  }

  /** Lists the waiting tasks again if fewer than `wanted` are known and the list may have changed. */
  async refreshWaiting(wanted: number, signal: AbortSignal): Promise<void> {
    if (this.#waiting.size >= wanted && !this.#mustListTasks) return;
    if (!(await this.#taskNames.refresh(signal))) return;
    this.#mustListTasks = false;
    const names = this.#taskNames.value ?? [];
    this.#waiting = new Set(names.filter((name) => this.#isOurs(isName(name), this.#layout.task(name))));
  }

  /** Everything known, for the core to decide on. */
  view(): GroupView {
    const workers = new Map<string, WorkerView>();
    for (const [id, { value }] of this.#workers) if (value !== undefined) workers.set(id, value);
    const queues = new Map<string, QueueView>();
    for (const [id, { names, since }] of this.#queues) {
      if (names.value === undefined) continue;
      const assignments = new Map<string, AssignmentView>();
      for (const name of names.value) {
        const parts = parseAssignmentName(name);
        if (parts === undefined || this.#quarantined.has(this.#layout.assignment(id, name))) continue;
        assignments.set(name, { ...parts, since: since.get(name) ?? 0n });
      }
      queues.set(id, { assignments, foreign: names.value.length - assignments.size });
    }
    return { workers, queues, waiting: [...this.#waiting], finished: this.#finished };
  }

  /** This task has left `/tasks`. */
  noteTaken(task: string): void {
    this.#waiting.delete(task);
  }

  /** `/tasks` is not as believed, or a task has come back to it, older than those known: the list is wanted at once. */
  noteTasksChanged(): void {
    this.#mustListTasks = true;
    this.#taskNames.invalidate();
  }

  /** This master has made an assignment after `since`: so its age need not be asked for. */
  noteAssigned(worker: string, assignment: string, since: bigint): void {
    const queue = this.#queues.get(worker);
    queue?.since.set(assignment, since);
    queue?.names.invalidate();
  }

  /** A node that this master had better not touch. It is reported once, and left out of every view. */
  quarantine(node: Quarantined): void {
    if (this.#quarantined.has(node.path)) return;
    this.#quarantined.add(node.path);
    this.#onQuarantined(node);
  }

  #children(path: string): Watched<readonly string[]> {
    return new Watched((options) => this.#client.children(path, options), this.#hint);
  }

  readonly #hint = (): void => this.#hints.next();

  /** Keeps `mirrors` to the names listed, and has those that were absent looked at again: they may be back. */
  #follow<T extends Watched<WorkerView> | QueueMirror>(
    parent: string,
    names: Watched<readonly string[]>,
    mirrors: Map<string, T>,
    make: (name: string) => T,
  ): void {
    const listed = new Set(names.value);
    for (const name of mirrors.keys()) if (!listed.has(name)) mirrors.delete(name);
    for (const name of listed) {
      const mirror = mirrors.get(name);
      if (mirror === undefined) {
        if (this.#isOurs(isName(name), `${parent}/${name}`)) mirrors.set(name, make(name));
        continue;
      }
      const watched = mirror instanceof Watched ? mirror : mirror.names;
      if (watched.value === undefined) watched.invalidate();
    }
  }

  #worker(id: string): Watched<WorkerView> {
    const path = this.#layout.worker(id);
    return new Watched(async (options): Promise<WorkerView> => {
      const { data, stat } = await this.#client.get(path, options);
      const base = { czxid: stat.czxid, version: stat.version };
      const record = decodeWorker(data);
      if (record.ok) return { ...base, ...record.value };
      // It lives and may be running tasks, so it is no orphanage; but nothing is given to it.
      this.#onQuarantined({ path, problem: record.problem, detail: record.detail });
      return { ...base, capacity: 1, backlog: 0, draining: true };
    }, this.#hint);
  }

  #queue(worker: string): QueueMirror {
    return { names: this.#children(this.#layout.queue(worker)), since: new Map() };
  }

  /** Finds out when assignments were made that this master did not make (or does not know that it made). */
  async #learnAges(worker: string, { names, since }: QueueMirror, signal: AbortSignal): Promise<void> {
    const listed = new Set(names.value);
    for (const name of since.keys()) if (!listed.has(name)) since.delete(name);
    const unknown = [...listed].filter((name) => !since.has(name));
    await inFlight(this.#limit, unknown, async (name) => {
      const path = this.#layout.assignment(worker, name);
      if (!this.#isOurs(parseAssignmentName(name) !== undefined, path)) return;
      try {
        const stat = await this.#client.exists(path, { signal });
        since.set(name, stat?.czxid ?? 0n);
      } catch (error) {
        // The list counts as unread, so that the next pass comes back to this.
        names.invalidate();
        throw error;
      }
      if (!since.has(name) || since.get(name) === 0n) names.invalidate();
    });
  }

  #isOurs(valid: boolean, path: string): boolean {
    if (!valid) this.quarantine({ path, problem: "malformed", detail: "not a name that this group uses" });
    return valid && !this.#quarantined.has(path);
  }
}
