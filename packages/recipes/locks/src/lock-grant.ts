/** A lock that is held. */
import type { Client } from "@corral/client";
import { Grant, type GrantLossReason, type Ticket } from "@corral/recipe-kit";
import { marksOf } from "./marks.ts";

/** What the grant of a lock is made of. */
export interface LockGrantParts {
  readonly ticket: Ticket;
  readonly whenSuspended: "hold" | "abort" | undefined;
  /** Gives the lock back, when the last has left it. */
  readonly giveBack: (loss?: GrantLossReason) => Promise<void>;
  readonly onRevoke: ((grant: LockGrant) => void) | undefined;
}

/** What those have in common who have entered one lock. */
interface Entered {
  readonly handles: Set<LockGrant>;
  isAsked: boolean;
}

/** A grant that can be entered several times by those who have it. */
export class LockGrant extends Grant {
  readonly #client: Client;
  readonly #parts: LockGrantParts;
  readonly #entered: Entered;

  constructor(client: Client, parts: LockGrantParts, entered: Entered = { handles: new Set(), isAsked: false }) {
    const { ticket, whenSuspended } = parts;
    super(client, {
      path: ticket.path,
      sessionId: ticket.sessionId,
      fencingToken: ticket.czxid,
      whenSuspended,
      giveBack: (loss) => this.#leave(loss),
      onData: (data) => this.#onData(data),
    });
    this.#client = client;
    this.#parts = parts;
    this.#entered = entered;
    entered.handles.add(this);
  }

  /** Whether others have entered it as well, and not left it. */
  get isShared(): boolean {
    return this.#entered.handles.size > 1;
  }

  /**
   * Enters once more: for code that needs the lock and is called with or without it. What is returned is released on its
   * own; the lock is given back with the last of them, and lost by all at once. Explicit, because there is nothing in Node
   * that could tell who is asking.
   * @throws GrantLostError if it was lost; an AbortError if this one was released.
   */
  reenter(): LockGrant {
    this.throwIfLost();
    return new LockGrant(this.#client, this.#parts, this.#entered);
  }

  async #leave(loss: GrantLossReason | undefined): Promise<void> {
    this.#entered.handles.delete(this);
    if (this.#entered.handles.size === 0) await this.#parts.giveBack(loss);
  }

  /** What one has lost is lost by all. */
  protected override onLoss(reason: GrantLossReason): void {
    for (const other of this.#entered.handles) if (other !== this) other.lose(reason);
  }

  #onData(data: Buffer | null): void {
    if (this.#entered.isAsked || !marksOf(data).isAskedFor) return;
    this.#entered.isAsked = true;
    this.#parts.onRevoke?.(this);
  }
}
