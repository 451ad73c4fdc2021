/** What has happened so far, with the time since the start: shown at once, and kept for the board. */
import type { Display } from "../board/display.ts";
import type { BoardEvent } from "../board/render.ts";

/** How many events are kept: more than any board shows. */
const EVENTS_MAX = 100;

/** The run's events. */
export class Chronicle {
  readonly #display: Display;
  readonly #startMs: number;
  readonly #events: BoardEvent[] = [];

  constructor(display: Display) {
    this.#display = display;
    this.#startMs = performance.now();
  }

  /** Milliseconds since the start. */
  get elapsedMs(): number {
    return performance.now() - this.#startMs;
  }

  /** The latest events, oldest first. */
  get events(): readonly BoardEvent[] {
    return this.#events;
  }

  /** Something happened now. */
  tell(text: string): void {
    const event = { atMs: this.elapsedMs, text };
    this.#events.push(event);
    if (this.#events.length > EVENTS_MAX) {
      this.#events.shift();
    }
    this.#display.event(event.atMs, event.text);
  }
}
