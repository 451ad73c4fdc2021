/** Tells of quotas that writes go beyond: at most once a minute each, for who writes too much writes often. */
import type { QuotaExcess } from "../state/quota.ts";
import type { Turn } from "./turn.ts";

const silenceMs = 60_000;
/** How many quotas are kept apart; beyond, all are told anew. */
const maxRemembered = 1_000;

/** See the head of this file. */
export class QuotaLog {
  readonly #turn: Turn;
  readonly #toldMs = new Map<string, number>();

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  /** A line for each that was not told of lately. */
  tell(excesses: readonly QuotaExcess[]): void {
    const { elapsedMs } = this.#turn.now;
    for (const excess of excesses) {
      const name = "unreadable" in excess ? excess.unreadable : `${excess.of} ${excess.quota}`;
      const toldMs = this.#toldMs.get(name);
      if (toldMs !== undefined && elapsedMs - toldMs < silenceMs) continue;
      if (this.#toldMs.size >= maxRemembered) this.#toldMs.clear();
      this.#toldMs.set(name, elapsedMs);
      const { quota: path, ...more } = excess;
      const what = "unreadable" in excess ? "a quota cannot be read" : "a write goes beyond a quota";
      this.#turn.log("warn", { path, ...more }, what);
    }
  }
}
