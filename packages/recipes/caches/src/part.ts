/**
 * One thing on the server that is kept up with: read with a watch, and read again whenever the watch has fired.
 *
 * The client keeps watches over broken connections, and the server tells on the next one what they missed. So what was
 * read once is read again only when it has changed, or when the session was lost: then every watch fires.
 */
import { type Client, isCoordinationError, type Watcher, type WatchOptions } from "@corral/client";
import { insist } from "@corral/recipe-kit";
import type { Gate } from "./gate.ts";

/** One look: its watcher is its own, so that an event of it can only be newer than what was seen. */
class Look {
  readonly over: Promise<void>;
  readonly end: Watcher & (() => void);
  /** The answer has been looked at. */
  isRead = false;
  /** And something has happened since, or meanwhile. */
  isOver = false;

  constructor() {
    let resolve = (): void => {};
    this.over = new Promise((done) => {
      resolve = done;
    });
    this.end = () => {
      this.isOver = true;
      resolve();
    };
  }
}

/** See the head of this file. */
export class Part<T> {
  readonly #client: Client;
  readonly #path: string;
  readonly #gate: Gate;
  readonly #read: (options: WatchOptions) => Promise<T>;
  readonly #stop = new AbortController();
  #look = new Look();

  /** `read` leaves a watch on `path`, unless it rejects with NoNodeError. `gate`: so many reads at a time. */
  constructor(client: Client, path: string, gate: Gate, read: (options: WatchOptions) => Promise<T>) {
    this.#client = client;
    this.#path = path;
    this.#gate = gate;
    this.#read = read;
  }

  /** Whether what was told last is what there is, as far as events have told. */
  get isUpToDate(): boolean {
    return this.#look.isRead && !this.#look.isOver;
  }

  /** Keeps up until `end()`; tells each state, `undefined` while there is none. Rejects when it cannot be read. */
  async keepUp(tell: (state: T | undefined) => void): Promise<void> {
    const { signal } = this.#stop;
    try {
      while (!signal.aborted) {
        const look = new Look();
        this.#look = look;
        const state = await this.#inTurn(() => insist(this.#client, () => this.#answer(look, signal), signal));
        if (signal.aborted) return;
        look.isRead = true;
        tell(state);
        await look.over;
        // One event ends it, but what it read in several attempts may have left another watch.
        this.#client.unwatch(this.#path, look.end);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Ends it, and takes the watch back. */
  end(): void {
    this.#stop.abort();
    this.#client.unwatch(this.#path, this.#look.end);
    this.#look.end();
  }

  async #answer({ end }: Look, signal: AbortSignal): Promise<T | undefined> {
    const options = { watch: end, signal };
    for (;;) {
      try {
        return await this.#read(options);
      } catch (error) {
        if (!isCoordinationError(error, "NoNode")) throw error;
      }
      // A read leaves its watch only on a node that is there; on one that is not, `exists` leaves it.
      if ((await this.#client.exists(this.#path, options)) === undefined) return undefined;
    }
  }

  async #inTurn<R>(work: () => Promise<R>): Promise<R> {
    await new Promise<void>((resolve) => this.#gate.enter(resolve));
    try {
      return await work();
    } finally {
      this.#gate.leave();
    }
  }
}
