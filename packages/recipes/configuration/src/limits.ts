/** Every bound of configurations, in one place. Sizes in bytes. */
export const limits = {
  /** A configuration as it is stored: an edit carries it up to three times, and must fit into one request. */
  valueBytes: 256 * 1024,
  /** Characters of an identity, a comment, a reason; what is longer is cut. */
  textLength: 1_000,
  /** Things that are wrong with a value, as they are passed on. */
  issues: 100,
  /** Old versions that one edit removes. */
  forgetAtOnce: 50,
  /** Processes that are asked for their consent: the activation names each of them in one request. */
  subscribers: 2_000,
  /** How long a change can be tried out, ms: what a timer can wait for. */
  soakMsMax: 2 ** 31 - 1,
  /** How often an edit begins again because nodes beside the configuration are not as it has just read them. */
  attempts: 20,
  /** First pause before something is tried again, ms; doubles, half of it random. */
  againMs: 5,
  /** Longest such pause, ms. */
  againMsMax: 1_000,
} as const;
