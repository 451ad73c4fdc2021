/**
 * A grant: the right to act as the only one, as a value. It begins held and ends once, by release or by loss; nothing
 * about it can go stale, because what must not be trusted any more is aborted.
 *
 * ```ts
 * const { path, sessionId, czxid: fencingToken } = ticket; // of `contend()`
 * const grant = new Grant(client, { path, sessionId, fencingToken, giveBack: () => returnTicket(client, ticket) });
 * await client.transaction().guard(grant).set("/ledger", bytes).commit(); // GrantLostError unless it still holds
 * ```
 *
 * Znodes     none of its own: the one that it is made of
 * Invariant  while `held` says so, the node is there, as far as the client's deadline is earned by the server; see
 *            docs/adr/0005-grants-hold-until-their-deadline.md
 * Wake-up    one watch on the node, for whoever deletes it or writes to it
 * Suspended  it holds until its deadline; with `whenSuspended: "abort"` it ends
 * Lost       `signal` has aborted, by the clock of this process and not later than the server could grant it to others
 * Not given  that who holds it has stopped when it is lost: `guard()` in the tree, and outside `fencingToken`, see fence.ts
 */
import { type Client, isCoordinationError, type StateEvent, type Watcher } from "@corral/client";
import type { TimerHandle } from "@corral/io";
import { type GrantLossReason, GrantLostError } from "./errors.ts";
import { insist, isInterruption } from "./insist.ts";

/** A condition for a transaction: it fails unless the grant still holds. */
export interface Guard {
  readonly path: string;
  /** −1: the node must exist, whatever its version. */
  readonly version: -1;
}

/** What a grant stands on. */
export interface GrantOptions {
  /** The node that stands for the grant: ephemeral, of the present session, with a name that nobody else will ever use. */
  readonly path: string;
  readonly sessionId: bigint;
  /** Grows with every holder; see `fencingToken`. */
  readonly fencingToken: bigint;
  /** Gives the node back. `loss`: the grant was lost before; otherwise its holder has released it. */
  readonly giveBack: (loss?: GrantLossReason) => Promise<void>;
  /**
   * What a broken connection means. `hold` (default): the grant holds while the server cannot have expired the session,
   * that is until `deadlineMs`. `abort`: it ends at once, as Curator's standard policy has it.
   */
  readonly whenSuspended?: "hold" | "abort" | undefined;
  /** Called with the node's data whenever it may have changed while the grant is held. */
  readonly onData?: ((data: Buffer | null) => void) | undefined;
}

/** Whoever holds for less never asks the server to watch its node: that would be what it spends most of the time on. */
const watchAfterMs = 2;

/** Something held; see the head of this file. `using` it gives it back. */
export class Grant implements AsyncDisposable {
  readonly path: string;
  readonly sessionId: bigint;
  /**
   * For the resource outside: it must refuse whoever comes with a lower token than it has seen. The zxid of the node's
   * create, so it grows with every holder, over every session, server and restart.
   */
  readonly fencingToken: bigint;
  readonly #client: Client;
  readonly #options: GrantOptions;
  /** Why it ended, once it has: made into an error only for those who ask. */
  #why: (() => Error) | undefined;
  #loss: GrantLossReason | undefined;
  /** Most grants end without anybody having listened; signals are not cheap. */
  #controller: AbortController | undefined;
  #released: Promise<void> | undefined;
  /** While it is being ended by something else than a release: settles with that. */
  #ending: Promise<unknown> | undefined;
  #onNodeChange: Watcher = () => {};
  #isWatched = true;
  #watchTimer: TimerHandle | undefined;

  constructor(client: Client, options: GrantOptions) {
    this.#client = client;
    this.#options = options;
    this.path = options.path;
    this.sessionId = options.sessionId;
    this.fencingToken = options.fencingToken;
    if (client.sessionId !== options.sessionId) {
      // Lost before anybody had it: what subclasses add is not there yet, and need not be told.
      this.#loss = "session lost";
      this.#why = lost(this.path, "session lost");
      return;
    }
    client.on("state", this.#onState);
    this.#watchTimer = client.clock.setTimer(watchAfterMs, () => void this.#watchNode());
  }

  /** Aborts the moment the grant cannot be trusted any more: reason GrantLostError, or after `release()` an AbortError. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#why !== undefined) this.#controller.abort(this.#why());
    }
    return this.#controller.signal;
  }

  /** On `client.clock.elapsedMs()`: until then nobody else can hold this. Moves on with every answer of the server. */
  get deadlineMs(): number {
    return this.#isOver ? Number.NEGATIVE_INFINITY : this.#client.deadlineMs;
  }

  /**
   * Whether the grant holds now. Looks at the clock, not at what timers have got round to: after a stalled event loop
   * this is the truth while `signal` may still be catching up.
   */
  get held(): boolean {
    if (this.#isOver) return false;
    if (this.#client.sessionId === this.sessionId && this.#client.clock.elapsedMs() < this.#client.deadlineMs)
      return true;
    this.lose("session lost");
    return false;
  }

  /** @throws GrantLostError unless the grant holds now. */
  throwIfLost(): void {
    if (!this.held) throw this.signal.reason;
  }

  /** The condition that makes a transaction fail unless the grant still holds: `transaction().guard(grant)`. */
  guard(): Guard {
    return { path: this.path, version: -1 };
  }

  /** Gives it back. Resolves when the next in line can have it. Idempotent; fine when it was lost. */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<void> {
    this.#endBecause("was released");
    await this.#giveBack(this.#loss);
  }

  /** The watch goes with the node, which spares the server being asked to forget it. Where the node stays, it is asked. */
  async #giveBack(loss: GrantLossReason | undefined): Promise<void> {
    try {
      await this.#options.giveBack(loss);
    } finally {
      this.#unwatch();
    }
  }

  #unwatch(): void {
    this.#isWatched = false;
    this.#client.unwatch(this.path, this.#onNodeChange);
  }

  /**
   * Gives it back, having made sure that it held until now: the node is looked at first, for a delete whose answer is lost
   * would not tell afterwards who had taken it.
   * @throws GrantLostError
   */
  async releaseHeld(): Promise<void> {
    this.throwIfLost();
    const stat = await insist(this.#client, () => this.#client.exists(this.path, { signal: this.signal }), this.signal);
    if (stat?.ephemeralOwner !== this.sessionId) this.lose("node deleted");
    this.throwIfLost();
    await this.release();
  }

  /**
   * Ends this grant without giving its node back: what it stood for goes on as another grant, made of the same node.
   * @throws GrantLostError if it is not held.
   */
  supersede(): void {
    this.throwIfLost();
    this.#released = Promise.resolve();
    this.#endBecause("goes on as another grant");
    this.#unwatch();
  }

  /**
   * Ends it by `act`, which takes its node away in another way than giving it back: while that is under way, that the
   * node goes is no loss. When `act` rejects it is held as before, unless it was lost.
   */
  protected async endBy(how: string, act: () => Promise<void>): Promise<void> {
    this.throwIfLost();
    const acting = act();
    this.#ending = acting.catch(() => undefined);
    try {
      await acting;
    } finally {
      this.#ending = undefined;
    }
    this.#released ??= Promise.resolve();
    this.#endBecause(`was ${how}`);
  }

  /** Gives it back in the background: for whoever must not wait, because the connection may be down. */
  abandon(): void {
    this.release().catch((err: unknown) => this.#client.logger.error({ err, path: this.path }, "giving back failed"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  readonly #onState = ({ state }: StateEvent): void => {
    if (state === "lost") this.lose("session lost");
    else if (state === "closed") this.lose("client closed");
    else if (state === "suspended" && this.#options.whenSuspended === "abort") this.lose("connection lost");
  };

  /** The node may be deleted by others, or written to: both concern the holder. */
  async #watchNode(): Promise<void> {
    while (!this.#isOver) {
      const changed = new Promise<void>((resolve) => {
        this.#onNodeChange = () => resolve();
      });
      try {
        const { data, stat } = await this.#client.get(this.path, { watch: this.#onNodeChange });
        if (!this.#isWatched) this.#unwatch();
        if (this.#isOver) return;
        if (stat.ephemeralOwner !== this.sessionId) return this.lose("node deleted");
        this.#tellData(data);
        await changed;
      } catch (error) {
        if (this.#isOver) return;
        if (isInterruption(error)) continue;
        if (this.#ending !== undefined) {
          // Gone by what ends it, or not: then the next look tells.
          await this.#ending;
          continue;
        }
        if (isCoordinationError(error, "NoNode")) return this.lose("node deleted");
        // Not even readable for its own holder: then only the session and the clock tell.
        this.#client.logger.warn({ err: error, path: this.path }, "a held node cannot be watched");
        return;
      }
    }
  }

  /** What the holder's function throws must not keep us from watching. */
  #tellData(data: Buffer | null): void {
    try {
      this.#options.onData?.(data);
    } catch (err) {
      this.#client.logger.error({ err, path: this.path }, "a function that was told of a held node's data has thrown");
    }
  }

  /** Ends the grant without being asked to by its holder. Where the session lives on, the node is given back. */
  lose(reason: GrantLossReason): void {
    if (this.#isOver) return;
    this.#loss = reason;
    this.#end(lost(this.path, reason));
    if (reason === "session lost" || reason === "client closed") return this.#unwatch();
    this.#released = this.#giveBack(reason);
    this.#released.catch((err: unknown) => this.#client.logger.error({ err, path: this.path }, "giving back failed"));
  }

  get #isOver(): boolean {
    return this.#why !== undefined;
  }

  #endBecause(what: string): void {
    this.#end(() => new DOMException(`${this.path} ${what}`, "AbortError"));
  }

  #end(why: () => Error): void {
    if (this.#isOver) return;
    this.#why = why;
    this.#client.off("state", this.#onState);
    this.#watchTimer?.cancel();
    if (this.#loss !== undefined) this.onLoss(this.#loss);
    this.#controller?.abort(why());
  }

  /** Called when it is lost, before anybody else hears of it. */
  protected onLoss(_reason: GrantLossReason): void {}
}

/** The error is made where the loss is found out: its stack tells. */
function lost(path: string, reason: GrantLossReason): () => Error {
  const error = new GrantLostError(path, reason);
  return () => error;
}
