/** Proving to a server who one is, message by message. */

/** One exchange, on one connection. */
export interface SaslExchange {
  /** The client's first message. It tells the server which mechanism is meant; an empty one asks for DIGEST-MD5's challenge. */
  readonly first: Uint8Array;
  /**
   * Takes the server's message, `null` if it has none, and gives the next of the client's; or `"done"`.
   * @throws Error if the server refuses, offers nothing, or does not prove that it knows the secret itself
   */
  next(message: Uint8Array | null): Uint8Array | "done";
}

/** Begins an exchange on a new connection. */
export type BeginSasl = () => SaslExchange;
