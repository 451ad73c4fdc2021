/** Every bound of a queue, in one place. Sizes in bytes, times in milliseconds. */
export const limits = {
  /**
   * Most items that a queue takes in. Who looks for an item lists them all, and the list must stay below 1 MiB, which is
   * what Java's clients accept; docs/recipes/queues.md has what was measured.
   */
  items: 20_000,
  /** Longest item: it must fit into a request together with what else is in a transaction. */
  itemBytes: 1_000_000,
  /** Most items of one `putAll`, and their bytes all together, names included: they are one request. */
  batchItems: 1_000,
  batchBytes: 1_000_000,
  /** What an item adds to a request besides its bytes and the path of the queue: its name, its access control list. */
  itemOverheadBytes: 150,
  /** Longest reason that is kept with a dead letter, characters. */
  reason: 2_000,
  /** Most names that are remembered of a look at the queue, and for how long. */
  prospects: 32,
  prospectsMs: 1_000,
  /** Puts that are made without looking again how full the queue is, and for how long. */
  unseenPuts: 100,
  unseenMs: 1_000,
  /** How long an estimate of the server's time is good for. */
  serverTimeMs: 60_000,
  /** Longest time for which an item can be held back: a hundred years. */
  delayMs: 100 * 365 * 86_400_000,
  /** Latest time at which an item can be due: what its name has digits for. ms since 1970, some 6 000 years from then. */
  timeMs: 200_000_000_000_000,
  /** First pause after another's put came first; doubles, up to the longest; half of it random. */
  overtakenMs: 2,
  overtakenMsMax: 64,
  /** Items that `explain()` tells of one by one. */
  explained: 100,
  /** Dead letters that are read at a time. */
  readsAtOnce: 32,
} as const;
