/** A warning that anybody can cause as often as he likes, told without filling the log. */
import type { Clock, LogFields, Logger } from "@corral/io";

/** Between two lines of a kind, ms. */
const pauseMs = 1_000;

/** Tells the first of each kind at once, and after that at most one a second, with how many were left out before it. */
export class RepeatedWarning {
  readonly #logger: Pick<Logger, "warn">;
  readonly #clock: Pick<Clock, "elapsedMs">;
  readonly #message: string;
  readonly #kinds = new Map<string, { nextMs: number; leftOut: number }>();

  constructor(message: string, parts: { logger: Pick<Logger, "warn">; clock: Pick<Clock, "elapsedMs"> }) {
    this.#message = message;
    this.#logger = parts.logger;
    this.#clock = parts.clock;
  }

  /** It has happened again. `kind`: one of few, never what others choose. */
  tell(kind: string, fields: LogFields): void {
    const nowMs = this.#clock.elapsedMs();
    const known = this.#kinds.get(kind);
    if (known !== undefined && nowMs < known.nextMs) {
      known.leftOut++;
      return;
    }
    const leftOut = known?.leftOut ?? 0;
    this.#kinds.set(kind, { nextMs: nowMs + pauseMs, leftOut: 0 });
    this.#logger.warn(leftOut === 0 ? fields : { ...fields, leftOut }, this.#message);
  }
}
