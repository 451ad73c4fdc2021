/** Keeps the display up to date while a run goes on: what is seen in the tree becomes sentences and the board's state. */
import type { Subscription } from "rxjs";
import { Credits, groupOnBoard } from "../board/board-state.ts";
import type { Display } from "../board/display.ts";
import type { Narrator } from "../tree/narrator.ts";
import type { GroupObserver } from "../tree/observe.ts";
import type { Chronicle } from "./chronicle.ts";
import type { Stage } from "./stage.ts";

/** The board's clock ticks so often. */
const REDRAW_MS = 100;

/** What is shown, and where. */
export interface ShowingParts {
  readonly title: string;
  readonly stage: Stage;
  readonly observer: GroupObserver;
  readonly narrator: Narrator;
  readonly chronicle: Chronicle;
  readonly display: Display;
}

/** Shows the run from `start` to `stop`. */
export class Showing {
  /** Tasks in all: 0 until the client has submitted them. */
  submitted = 0;
  readonly #parts: ShowingParts;
  readonly #credits = new Credits();
  #subscription: Subscription | undefined;
  #clock: NodeJS.Timeout | undefined;

  constructor(parts: ShowingParts) {
    this.#parts = parts;
  }

  /** Begins. Whoever waits for the narrator must subscribe to the views after this. */
  start(): void {
    const { observer, narrator, chronicle } = this.#parts;
    this.#subscription = observer.views.subscribe((view) => {
      this.#credits.onView(view);
      for (const sentence of narrator.onView(view, performance.now())) {
        chronicle.tell(sentence);
      }
      this.draw();
    });
    this.#clock = setInterval(() => this.draw(), REDRAW_MS);
  }

  /** Shows the present state. */
  draw(): void {
    const { title, stage, observer, chronicle, display } = this.#parts;
    const serverUp = stage.server?.isRunning === true;
    display.update({
      title,
      elapsedMs: chronicle.elapsedMs,
      server: describeServer(stage, serverUp),
      serverUp,
      ...groupOnBoard({
        view: observer.latest,
        masters: stage.masters,
        workers: stage.workers,
        credits: this.#credits.byWorker,
        submitted: this.submitted,
      }),
      events: chronicle.events,
    });
  }

  /** Ends, with the present state standing. Idempotent. */
  stop(): void {
    if (this.#subscription !== undefined) {
      this.#subscription.unsubscribe();
      this.#subscription = undefined;
      clearInterval(this.#clock);
      this.draw();
    }
    this.#parts.display.close();
  }
}

function describeServer({ connectString, serverStarts }: Stage, serverUp: boolean): string {
  if (!serverUp) {
    return "killed";
  }
  return `running on ${connectString}${serverStarts > 1 ? ", back after a kill with the same data" : ""}`;
}
