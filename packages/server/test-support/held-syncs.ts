/** Syncs of a log that wait until a test lets them through, so that two batches are under way for as long as it likes. */
import type { MemoryDisk } from "@corral/testing";

/** Takes the disk's `onOperation`. */
export class HeldSyncs {
  #held: { resolve: () => void; reject: (error: Error) => void }[] | undefined;

  constructor(disk: MemoryDisk) {
    disk.onOperation = ({ kind, path }) => {
      const held = this.#held;
      if (kind !== "sync" || !path.includes("/log.") || held === undefined) return undefined;
      return new Promise((resolve, reject) => held.push({ resolve, reject }));
    };
  }

  /** Holds back the syncs of the log from now on. */
  hold(): void {
    this.#held = [];
  }

  /** How many have been held back, those that were let through since included. */
  get count(): number {
    return this.#held?.length ?? 0;
  }

  /** Resolves when one more than `count` is held back. Rejects when nothing goes on any more without. */
  async another(count: number): Promise<void> {
    await allTurns();
    if (this.count <= count) throw new Error("no sync was asked for");
  }

  /** Lets number `index` of them through. */
  release(index: number): void {
    this.#held?.[index]?.resolve();
  }

  /** Number `index` of them fails. */
  fail(index: number, error: Error): void {
    this.#held?.[index]?.reject(error);
  }

  /** Lets all through, and holds back no more. */
  releaseAll(): void {
    for (const { resolve } of this.#held ?? []) resolve();
    this.#held = undefined;
  }
}

/** Whatever can go on without anything being let through has gone on. */
export async function allTurns(): Promise<void> {
  for (let turns = 0; turns < 500; turns += 1) await Promise.resolve();
}
