/** What a program does as a participant. */
import type { Vote } from "./decide.ts";

/** A participant's part of a transaction. */
export interface Task<W> {
  /** Of the transaction. The same whenever the same part comes again, after whatever crash. */
  readonly id: string;
  /** What the coordinator has asked of this participant. */
  readonly work: W;
  /** Aborts when this process should not go on: it does not serve any more, or, while preparing, all is decided. */
  readonly signal: AbortSignal;
  /** Grows with every process that serves for the participant: for a resource that must refuse the one before. */
  readonly fencingToken: bigint;
}

/**
 * The work itself. Each function may be called more than once for the same part, also by another process after a crash,
 * and must then come to the same end: remember by `id` what was done. Several parts are worked on at the same time.
 */
export interface Participant<W> {
  /**
   * Makes sure that the part can be carried out whatever happens from now on, a restart included, and says "commit";
   * or "abort". Throwing says "abort" too. Nothing of it may show yet.
   */
  prepare(task: Task<W>): Vote | Promise<Vote>;
  /** Carries out what was prepared. Must succeed in the end: if it throws it is called again, after a while, for ever. */
  commit(task: Task<W>): void | Promise<void>;
  /**
   * Undoes what was prepared. Called whenever a transaction aborts, whether `prepare` has said anything, was
   * interrupted, or never called. If it throws it is called again.
   */
  rollback(task: Task<W>): void | Promise<void>;
}
