/**
 * Watches the group in the server's tree, through a client of its own, and says what it sees. It only reads. Whatever a
 * watch marks as stale is read again, in the order in which a task moves, so that a task on its way is seen twice rather
 * than not at all. What connection trouble interrupts is read when the connection is back.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "@corral/client";
import type { Layout } from "@corral/master-worker";
import { BehaviorSubject, type Observable } from "rxjs";
import { assemble, type GroupReaders, groupReaders, lookOnce } from "./group-readers.ts";
import { type Assignment, emptyView, type GroupView } from "./group-view.ts";
import { readPersistently } from "./reads.ts";
import { Watched } from "./watched.ts";

/** Looks follow each other at this distance at the soonest: a change of a long list is not read once for each task. */
const LOOK_INTERVAL_MS = 30;

/** The group as it changes. The group's persistent nodes must exist before `run`. */
export class GroupObserver {
  readonly #client: Client;
  readonly #layout: Layout;
  readonly #signal: AbortSignal;
  readonly #read: GroupReaders;
  readonly #views = new BehaviorSubject<GroupView>(emptyView);
  readonly #primary: Watched<string>;
  readonly #epoch: Watched<number>;
  readonly #workers: Watched<string[]>;
  readonly #waiting: Watched<string[]>;
  readonly #queueNames: Watched<string[]>;
  readonly #queues = new Map<string, Watched<Assignment[]>>();
  readonly #done: Watched<string[]>;
  #isHinted = false;
  #wake: () => void = () => {};

  /** It looks until `signal` aborts. */
  constructor(client: Client, layout: Layout, signal: AbortSignal) {
    this.#client = client;
    this.#layout = layout;
    this.#signal = signal;
    this.#read = groupReaders(client, layout, signal);
    this.#primary = new Watched(this.#read.primary, this.#onHint);
    this.#epoch = new Watched(this.#read.epoch, this.#onHint);
    this.#workers = new Watched(this.#read.workers, this.#onHint);
    this.#waiting = new Watched(this.#read.waiting, this.#onHint);
    this.#queueNames = new Watched(this.#read.queueNames, this.#onHint);
    this.#done = new Watched(this.#read.done, this.#onHint);
    signal.addEventListener("abort", () => this.#wake(), { once: true });
  }

  /** What is seen: the latest view at once, then each new one. */
  get views(): Observable<GroupView> {
    return this.#views;
  }

  /** The latest view. */
  get latest(): GroupView {
    return this.#views.value;
  }

  /** Looks whenever something may have changed. Never resolves; rejects with the signal's reason, or when reading is refused. */
  async run(): Promise<never> {
    for (;;) {
      this.#isHinted = false;
      this.#views.next(await readPersistently(() => this.#look(), this.#signal));
      await delay(LOOK_INTERVAL_MS, undefined, { signal: this.#signal });
      await this.#hint();
    }
  }

  /** A view of which everything is read after this call, whatever the connection has to go through for it. */
  async lookAfresh(signal: AbortSignal): Promise<GroupView> {
    return await readPersistently(() => lookOnce(this.#client, this.#layout, signal), signal);
  }

  /** The epoch of the newest zxid seen. Each start of the server begins one. */
  get serverEpoch(): number {
    return epochOf(this.#client.lastZxid);
  }

  /** The tasks whose results were recorded in that epoch of the server's or before. */
  async doneUpTo(serverEpoch: number, signal: AbortSignal): Promise<ReadonlySet<string>> {
    return await readPersistently(async () => {
      const done = new Set<string>();
      for (const task of (await this.#read.done(undefined)) ?? []) {
        const stat = await this.#client.exists(this.#layout.statusOf(task), { signal });
        if (stat !== undefined && epochOf(stat.czxid) <= serverEpoch) {
          done.add(task);
        }
      }
      return done;
    }, signal);
  }

  async #look(): Promise<GroupView> {
    const primary = await this.#primary.refresh();
    const epoch = await this.#epoch.refresh();
    const workers = await this.#workers.refresh();
    const waiting = await this.#waiting.refresh();
    const queues = await this.#lookAtQueues((await this.#queueNames.refresh()) ?? []);
    return assemble({ primary, epoch, workers, waiting, queues, done: await this.#done.refresh() });
  }

  async #lookAtQueues(names: readonly string[]): Promise<Map<string, readonly Assignment[]>> {
    for (const gone of [...this.#queues.keys()].filter((name) => !names.includes(name))) {
      this.#queues.delete(gone);
    }
    const queues = new Map<string, readonly Assignment[]>();
    for (const name of names) {
      const queue = this.#queues.get(name) ?? new Watched(this.#read.queue(name), this.#onHint);
      this.#queues.set(name, queue);
      const assignments = await queue.refresh();
      if (assignments !== undefined) {
        queues.set(name, assignments);
      }
    }
    return queues;
  }

  readonly #onHint = (): void => {
    this.#isHinted = true;
    this.#wake();
  };

  /** Resolves when there is something to look at, or the signal aborts. */
  async #hint(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#isHinted || this.#signal.aborted) {
        resolve();
      }
    });
  }
}

/** The upper 32 bits of a zxid. */
function epochOf(zxid: bigint): number {
  return Number(zxid >> 32n);
}
