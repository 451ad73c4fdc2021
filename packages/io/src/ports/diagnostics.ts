/** Events for whoever traces a program from outside. */
export interface Diagnostics {
  /** The channel of this name; always the same one. */
  channel(name: string): DiagnosticsChannel;
}

/** Where messages of one kind go. */
export interface DiagnosticsChannel {
  /** Whether anybody listens: if not, a message need not even be made. */
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}
