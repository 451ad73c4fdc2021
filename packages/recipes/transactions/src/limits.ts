/** Every bound of two-phase commits, in one place. Times in milliseconds. */
export const limits = {
  /** Participants of one transaction: what begins it is one request. */
  participants: 64,
  /** Characters of a participant's name, and of a transaction's label. */
  nameLength: 200,
  /** Transactions that one participant has not acknowledged: no more are begun with it until it has. */
  openTransactions: 1_000,
  /** Finished transactions that are removed in one request. */
  forgetAtOnce: 100,
  /** Finished transactions beyond those to be kept, before any are removed: so that it is not done at every one. */
  forgetSlack: 16,
  /** First pause before something that failed is tried again; doubles, half of it random. */
  againMs: 20,
  /** Longest such pause. */
  againMsMax: 5_000,
  /** Text of a reason, as it is stored. */
  reasonLength: 500,
} as const;
