/**
 * A fence around a resource outside the tree: whoever held later has been let through, so whoever held before is not.
 *
 * ```ts
 * // At the resource, one fence for each lock that it is protected by.
 * const fence = new Fence({ highest: await tokens.read(), store: (token) => tokens.write(token) });
 * await fence.pass(token, () => replace(file, bytes)); // StaleTokenError, if the holder is a former one
 *
 * // Where the resource compares by itself, such as SQL: here is who holds, and what it says comes back.
 * await fenced(grant, async (token) => (await update("… WHERE id = ? AND token <= ?", id, token)).changes > 0);
 * ```
 *
 * Invariant  what passes, passes in the order of the tokens: nothing that was let through with a lower token begins or
 *            still runs when something passes with a higher one. A token is stored, durable, before anything is done under
 *            it; so this holds over restarts too
 * Equal      tokens are the same holder's: it may write as often as it likes
 * Reads      what is read to be written on top of must pass as well. A read that the fence does not know of would not
 *            keep the former holder from writing after it, and be written over
 * Not given  several processes that each have a fence around the same thing: let one of them serve it, or let the
 *            resource compare token and write in one step of its own. An order among those who hold at the same time, such
 *            as readers or a semaphore's: their tokens say nothing
 */

const mark = Symbol.for("corral.recipe.stale-token");

/** The resource has refused a token: somebody who held later has been there. What was held is not held any more. */
export class StaleTokenError extends Error {
  override readonly name = "StaleTokenError";
  /** The token that was refused. */
  readonly token: bigint;
  /** The highest that was there; `undefined`: the resource did not say. */
  readonly highest: bigint | undefined;

  constructor(token: bigint, highest?: bigint) {
    const than = highest === undefined ? "a later holder" : `a later holder, with token ${highest},`;
    super(`Token ${token} is refused: ${than} has been here. Stop acting on what you held, and acquire it again.`);
    this.token = token;
    this.highest = highest;
    Object.defineProperty(this, mark, { value: true });
  }
}

/** Whether `error` says that a token was refused, of whatever copy of the package it is. */
export function isStaleTokenError(error: unknown): error is StaleTokenError {
  return typeof error === "object" && error !== null && Reflect.get(error, mark) === true;
}

/** Where a fence keeps its token. */
export interface FenceOptions {
  /** The token that was stored last; `undefined`: none ever was. */
  readonly highest: bigint | undefined;
  /** Stores a higher token in its place. When it resolves, a crash cannot lose it. */
  readonly store: (token: bigint) => Promise<void>;
}

/** See the head of this file. */
export class Fence {
  readonly #store: (token: bigint) => Promise<void>;
  #highest: bigint | undefined;
  /** Of whoever came last. */
  #over: Promise<unknown> = Promise.resolve();

  /** Does nothing before something passes. */
  constructor({ highest, store }: FenceOptions) {
    this.#highest = highest;
    this.#store = store;
  }

  /** The highest token that was let through. */
  get highest(): bigint | undefined {
    return this.#highest;
  }

  /**
   * Runs `fn` under `token`: after everything that passed before has ended, and alone. Gives what it gives.
   * @throws StaleTokenError: a higher token has been here, and `fn` was not called; what `store` rejects with: it was not
   * called either; what `fn` rejects with
   */
  pass<T>(token: bigint, fn: () => T | Promise<T>): Promise<T> {
    const passing = this.#over.then(async () => {
      await this.#raise(token);
      return await fn();
    });
    this.#over = passing.catch(() => undefined);
    return passing;
  }

  async #raise(token: bigint): Promise<void> {
    if (this.#highest !== undefined && token < this.#highest) throw new StaleTokenError(token, this.#highest);
    if (token === this.#highest) return;
    await this.#store(token);
    this.#highest = token;
  }
}

/** Who acts: every grant, and whatever hands on a grant's token and its signal. */
export interface TokenHolder {
  readonly fencingToken: bigint;
  readonly signal: AbortSignal;
  readonly held?: boolean;
}

/**
 * Acts under the holder's token, if it still holds as far as can be told from here: `act` gives whether the resource, which
 * knows better, has let it.
 * @throws GrantLostError, or another reason of the holder's signal: `act` was not called; StaleTokenError: the resource has
 * refused it; what `act` rejects with
 */
export async function fenced(holder: TokenHolder, act: (token: bigint) => boolean | Promise<boolean>): Promise<void> {
  // First of the two, for it looks at the clock.
  if (holder.held === false || holder.signal.aborted) throw holder.signal.reason;
  if (!(await act(holder.fencingToken))) throw new StaleTokenError(holder.fencingToken);
}
