/** The client process as the demo hears it: what it submitted, and what came of it. */
import type { ClientMessage } from "../roles/messages.ts";
import type { CorpusStatistics } from "../words/statistics.ts";
import { DemoError } from "./demo-error.ts";

/** The job, as lines of the client's standard output tell of it. */
export class Job {
  /** The names of the submitted tasks. */
  readonly submitted: Promise<readonly string[]>;
  /** The client's result. Never comes when a task failed. */
  readonly statistics: Promise<CorpusStatistics>;
  readonly #onFailure: (error: DemoError) => void;
  #onSubmitted: (tasks: readonly string[]) => void = () => {};
  #onStatistics: (statistics: CorpusStatistics) => void = () => {};

  /** `onFailure` is called when a task has failed, so that there will be no result. */
  constructor(onFailure: (error: DemoError) => void) {
    this.#onFailure = onFailure;
    this.submitted = new Promise((resolve) => {
      this.#onSubmitted = resolve;
    });
    this.statistics = new Promise((resolve) => {
      this.#onStatistics = resolve;
    });
  }

  /** Takes a line. Throws a SyntaxError for one that is not JSON. */
  onLine(line: string): void {
    const message = JSON.parse(line) as ClientMessage;
    switch (message.type) {
      case "submitted":
        this.#onSubmitted(message.tasks);
        break;
      case "statistics":
        this.#onStatistics(message.statistics);
        break;
      case "failed":
        this.#onFailure(new DemoError(message.message));
        break;
    }
  }
}
