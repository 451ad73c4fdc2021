/** A wake-up call that several watches share: it rings once, for whichever fires first. */
import type { Client, Watcher } from "@corral/client";

/** One wake-up call. Give `watch(path)` to reads, then wait. */
export class WakeUp implements Disposable {
  readonly #client: Client;
  readonly #paths = new Set<string>();
  readonly #ring: () => void;
  readonly #rung: Promise<void>;

  constructor(client: Client) {
    let ring = (): void => {};
    this.#rung = new Promise((resolve) => {
      ring = resolve;
    });
    this.#ring = ring;
    this.#client = client;
  }

  readonly #watcher: Watcher = () => this.#ring();

  /** The watcher for a read of `path`. */
  watch(path: string): Watcher {
    this.#paths.add(path);
    return this.#watcher;
  }

  /** Resolves when one of the watches has fired, or the session ended. Rejects with the signal's reason. */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = (): void => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      void this.#rung.then(() => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      });
    });
  }

  /** Takes back the watches that have not fired. */
  [Symbol.dispose](): void {
    for (const path of this.#paths) this.#client.unwatch(path, this.#watcher);
  }
}
