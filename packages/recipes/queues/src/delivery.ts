/**
 * An item in the hands of a consumer, as a value: it begins when the item is claimed and ends once, by acknowledgement, by
 * giving it back, or by loss.
 */
import type { Client, Transaction, TransactionGuard } from "@corral/client";
import { Grant, insist, isGrantLostError, isWriteOutcomeUnknownError } from "@corral/recipe-kit";
import { type Claim, deliveriesOf, encodeObituary } from "./claim.ts";
import { deadName, type Layout } from "./layout.ts";
import type { Placing } from "./placement.ts";
import { settle } from "./settle.ts";

/** What a delivery is made of. */
export interface DeliveryParts<T> {
  readonly layout: Layout;
  readonly claim: Claim;
  readonly value: T;
  readonly placing: Placing;
  readonly maxDeliveries: number;
  readonly whenSuspended: "hold" | "abort" | undefined;
  /** Called when the item may be delivered again. */
  readonly onGivenBack: () => void;
}

/** How to acknowledge. */
export interface AcknowledgeOptions {
  /**
   * What happens if and only if the acknowledgement does, in the same transaction: a result that is written, the next
   * step that is put into another queue.
   */
  readonly with?: ((transaction: Transaction) => unknown) | undefined;
}

/** How to put an item back at the end. */
export interface RequeueOptions extends ReleaseOptions {
  /** Not to be delivered before, ms from now by the server's clock. Default 0. */
  readonly delayMs?: number | undefined;
  /** Its new priority, in a queue that has them. Default: as it was. */
  readonly priority?: number | undefined;
}

/** How to give an item back. */
export interface ReleaseOptions {
  /** Why, for whoever finds it among the dead letters if this was its last delivery. */
  readonly reason?: string | undefined;
}

/** See the head of this file. `await using` gives it back unless it was ended before. */
export class Delivery<T> implements AsyncDisposable, TransactionGuard {
  /** What was put. */
  readonly value: T;
  /** The same as bytes. */
  readonly data: Buffer | null;
  /** The item's node. */
  readonly path: string;
  /** Its last segment. */
  readonly name: string;
  /** Which delivery of the item this is: 1 the first. More: it was delivered before, and may have been worked on. */
  readonly deliveries: number;
  /** Whether it is given up if this delivery is not acknowledged. */
  readonly isLast: boolean;
  /** When it was put, or put back at the end, ms since 1970 by the server's clock. */
  readonly sinceMs: number;
  /** Grows with every delivery of the queue: for a resource outside, which must refuse lower ones for the same item. */
  readonly fencingToken: bigint;
  readonly sessionId: bigint;
  readonly #client: Client;
  readonly #parts: DeliveryParts<T>;
  readonly #ended = new AbortController();
  #grant: Grant;
  #settling: Promise<void> | undefined;

  constructor(client: Client, parts: DeliveryParts<T>) {
    const { claim, layout, maxDeliveries } = parts;
    const { item } = claim;
    this.#client = client;
    this.#parts = parts;
    this.value = parts.value;
    this.data = item.data;
    this.name = item.name.name;
    this.path = layout.item(this.name);
    this.deliveries = deliveriesOf(item) + 1;
    this.isLast = this.deliveries >= maxDeliveries;
    this.sinceMs = item.stat.ctimeMs;
    this.fencingToken = claim.token;
    this.sessionId = claim.sessionId;
    this.#grant = this.#hold();
  }

  /** Aborts when it is over: with a GrantLostError if it was lost, otherwise with an AbortError. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Whether it holds now, by the clock: right even after a stalled event loop. */
  get held(): boolean {
    if (this.signal.aborted) return false;
    if (this.#settling === undefined) return this.#grant.held;
    return this.#client.sessionId === this.sessionId && this.#client.clock.elapsedMs() < this.#client.deadlineMs;
  }

  /** On `client.clock.elapsedMs()`: until then nobody else is given the item. Moves on with every answer of the server. */
  get deadlineMs(): number {
    return this.signal.aborted ? Number.NEGATIVE_INFINITY : this.#client.deadlineMs;
  }

  /** @throws GrantLostError unless it holds now. */
  throwIfLost(): void {
    if (!this.signal.aborted && this.#settling === undefined) this.#grant.throwIfLost();
    if (this.signal.aborted) throw this.signal.reason;
  }

  /**
   * The condition that makes a transaction fail once the item was delivered again or is gone. For what is written on the
   * way; what belongs to the acknowledgement goes into `acknowledge({ with })`.
   */
  guard(): { readonly path: string; readonly version: number } {
    return { path: this.path, version: this.#parts.claim.version };
  }

  /**
   * The item is done: it goes, and with it whatever `with` adds happens, or neither. Once, whatever replies are lost.
   * @throws GrantLostError: it is not acknowledged, and will be delivered again or was. WriteOutcomeUnknownError: the
   * session ended in the middle. An error of an operation that `with` added: nothing happened, and the item is still held.
   */
  async acknowledge({ with: build }: AcknowledgeOptions = {}): Promise<void> {
    await this.#settle("acknowledged", "delete", build);
  }

  /** Gives it back in its old place: it is delivered again, unless this was the last delivery. Fine if it is over. */
  async release({ reason = "it was given back" }: ReleaseOptions = {}): Promise<void> {
    while (this.#settling !== undefined) await this.#settling;
    if (this.signal.aborted) return;
    try {
      if (this.isLast) await this.deadLetter(reason);
      else await this.#settle("given back", "check");
    } catch (error) {
      // If it is over, it was given back by the end of its session, or is somebody else's already.
      if (this.held) throw error;
    }
  }

  /**
   * Puts it back at the end, or later; how often it was delivered stays with it. If this was the last delivery it goes to
   * the dead letters instead. Throws as `acknowledge`.
   */
  async requeue({ delayMs = 0, priority, reason = "it was put back" }: RequeueOptions = {}): Promise<void> {
    const { layout, claim, placing } = this.#parts;
    const placement = { priority: priority ?? claim.item.name.priority, delayMs, earlier: this.deliveries };
    placing.check(placement);
    if (this.isLast) return await this.deadLetter(reason);
    this.throwIfLost();
    const path = `${layout.entries}/${await placing.prefix(placement, this.signal)}`;
    await this.#settle("put back", "delete", (t) => t.create(path, this.data, { mode: "persistentSequential" }));
  }

  /** Gives it up: it goes to the dead letters, where it can be looked at and put back. Throws as `acknowledge`. */
  async deadLetter(reason: string): Promise<void> {
    this.throwIfLost();
    const { layout, claim } = this.#parts;
    const { name, deliveries } = this;
    const dead = deadName(name, claim.item.stat.czxid);
    const obituary = await encodeObituary({ reason, deliveries, name });
    // Before the transaction needs it, so that a lost reply leaves one question only.
    await insist(this.#client, () => this.#client.ensurePath(layout.dead));
    await this.#settle("given up", "delete", (t) =>
      t.create(layout.deadLetter(dead), obituary).create(layout.deadItem(dead), this.data),
    );
  }

  /** Gives it back in the background: for whoever must not wait, because the connection may be down. */
  abandon(): void {
    const { logger } = this.#client;
    this.release().catch((err: unknown) => logger.error({ err, path: this.path }, "giving an item back failed"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  #hold(): Grant {
    const { layout, whenSuspended } = this.#parts;
    const grant = new Grant(this.#client, {
      path: layout.claim(this.name),
      sessionId: this.sessionId,
      fencingToken: this.fencingToken,
      whenSuspended,
      // Called when it is lost while the session lives.
      giveBack: () => this.#giveBack(),
    });
    const onAbort = (): void => {
      // Handed over while it is being ended, it says nothing.
      if (this.#settling === undefined) this.#ended.abort(grant.signal.reason);
    };
    if (grant.signal.aborted) onAbort();
    else grant.signal.addEventListener("abort", onAbort, { once: true });
    return grant;
  }

  async #giveBack(): Promise<void> {
    try {
      await settle(this.#client, this.#settlement("check", undefined));
    } catch (error) {
      if (!isGrantLostError(error) && !isWriteOutcomeUnknownError(error)) throw error;
    }
  }

  /** One after the other: an end that comes to nothing leaves the item held, for the next to try. */
  async #settle(how: string, item: "delete" | "check", build?: (transaction: Transaction) => unknown): Promise<void> {
    while (this.#settling !== undefined) await this.#settling;
    this.throwIfLost();
    let settled = (): void => {};
    this.#settling = new Promise((resolve) => {
      settled = resolve;
    });
    try {
      // From here on it is this transaction that deletes the claim: that it goes is no loss.
      this.#grant.supersede();
      await settle(this.#client, this.#settlement(item, build));
      if (item === "check") this.#parts.onGivenBack();
      this.#ended.abort(new DOMException(`${this.path} was ${how}`, "AbortError"));
    } catch (error) {
      this.#settling = undefined;
      if (isGrantLostError(error) || isWriteOutcomeUnknownError(error)) this.#ended.abort(error);
      else this.#grant = this.#hold();
      throw error;
    } finally {
      this.#settling = undefined;
      settled();
    }
  }

  #settlement(item: "delete" | "check", build: ((transaction: Transaction) => unknown) | undefined) {
    const { layout, claim } = this.#parts;
    const claimPath = layout.claim(this.name);
    return { itemPath: this.path, claimPath, version: claim.version, sessionId: this.sessionId, item, build };
  }
}
