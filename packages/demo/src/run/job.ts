/** The client process as the demo hears it: what it submitted, and what came of it. */
import type { ClientMessage } from "../roles/messages.ts";
import type { CorpusStatistics } from "../words/statistics.ts";
import { DemoError } from "./demo-error.ts";

/** The job, as lines of the client's standard output tell of it. */
export class Job {
  /** The names of the submitted tasks. */
  readonly submitted: Promise<readonly string[]>;
  /** The client's result. Rejects with `DemoError` when a task failed. */
  readonly statistics: Promise<CorpusStatistics>;
  #onSubmitted: (tasks: readonly string[]) => void = () => {};
  #onStatistics: (statistics: CorpusStatistics) => void = () => {};
  #onFailed: (error: DemoError) => void = () => {};

  constructor() {
    this.submitted = new Promise((resolve) => {
      this.#onSubmitted = resolve;
    });
    this.statistics = new Promise((resolve, reject) => {
      this.#onStatistics = resolve;
      this.#onFailed = reject;
    });
    // Whoever waits gets the failure; until somebody does it is no fault of its own.
    this.statistics.catch(() => {});
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
        this.#onFailed(new DemoError(message.message));
        break;
    }
  }
}
