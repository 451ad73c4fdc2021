/** The end of the process, announced to those who have something to put in order. */
export interface ProcessEnd {
  /**
   * When one of `signals` comes, `close` is called, and the process ends as the signal would have ended it, once all who
   * registered are done. Where the program handles the signal itself, the end is left to the program. Returns how to
   * take it back.
   */
  onSignal(signals: readonly SignalName[], close: () => Promise<unknown>): () => void;
  /** Calls `callback` as the process exits: nothing that takes time happens any more. Returns how to take it back. */
  onExit(callback: () => void): () => void;
}

/** Signals by which a process is asked to end. */
export type SignalName = "SIGINT" | "SIGTERM" | "SIGHUP";
