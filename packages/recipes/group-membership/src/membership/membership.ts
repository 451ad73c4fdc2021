/** A name in a group that is held, with its data. */
import { type Client, type Codec, isCoordinationError } from "@corral/client";
import { beginWait, Grant, insist, isInterruption, type WaitOptions, WakeUp } from "@corral/recipe-kit";
import { ownRecord } from "./own-sessions.ts";
import { type Registration, unregister } from "./registration.ts";

/** What a membership is made of. */
export interface MembershipParts<T> {
  readonly name: string;
  readonly data: T;
  readonly codec: Codec<T>;
  readonly registration: Registration;
  readonly whenSuspended: "hold" | "abort" | undefined;
}

/**
 * Being a member, as a value: it begins when the node is there and ends once, by `leave()` or by loss; `signal` aborts
 * then. `path` is its claim, which `guard()` checks for. `fencingToken` grows with every holder of the name.
 */
export class Membership<T = unknown> extends Grant {
  /** The name in the group. */
  readonly name: string;
  /** The member's node, which the others see. */
  readonly memberPath: string;
  readonly #client: Client;
  readonly #codec: Codec<T>;
  #data: T;
  #updates: Promise<unknown> = Promise.resolve();

  constructor(client: Client, { name, data, codec, registration, whenSuspended }: MembershipParts<T>) {
    const { claimPath, memberPath, sessionId, czxid } = registration;
    super(client, {
      path: claimPath,
      sessionId,
      fencingToken: czxid,
      whenSuspended,
      giveBack: () => unregister(client, registration),
    });
    this.name = name;
    this.memberPath = memberPath;
    this.#client = client;
    this.#codec = codec;
    this.#data = data;
    const { claims } = ownRecord(client);
    this.signal.addEventListener("abort", () => claims.delete(claimPath), { once: true });
    if (this.held) void this.#watchMember();
    else claims.delete(claimPath);
  }

  /** What was last written. */
  get data(): T {
    return this.#data;
  }

  /**
   * Replaces the data, for the others to see. Calls take effect in the order in which they are made.
   * @throws GrantLostError when it is not a member any more: nothing was written; WaitTimeoutError and the signal's
   * reason: whether it was written is unknown
   */
  async update(data: T, wait: WaitOptions = {}): Promise<void> {
    const update = this.#updates.then(() => this.#update(data, wait));
    this.#updates = update.catch(() => undefined);
    await update;
  }

  /** Leaves the group. Resolves when the others can see it. Idempotent; the same as `release()`. */
  leave(): Promise<void> {
    return this.release();
  }

  async #update(data: T, wait: WaitOptions): Promise<void> {
    this.throwIfLost();
    using limit = beginWait(this.#client, "The update of", this.memberPath, wait);
    const { signal } = limit;
    const bytes = await this.#codec.encode(data);
    const write = () => this.#client.transaction().guard(this).set(this.memberPath, bytes).commit({ signal });
    try {
      // Safe to repeat: nobody else writes here, and of our own the next one waits for this one.
      await insist(this.#client, write, signal);
    } catch (error) {
      if (!isCoordinationError(error, "NoNode")) throw error;
      this.lose("node deleted");
      throw this.signal.reason;
    }
    this.#data = data;
  }

  /** The member's node may be deleted by others: then the others see no member, and so there is none. */
  async #watchMember(): Promise<void> {
    const { signal } = this;
    while (!signal.aborted) {
      using wakeUp = new WakeUp(this.#client);
      try {
        const { stat } = await this.#client.get(this.memberPath, { watch: wakeUp.watch(this.memberPath), signal });
        if (stat.czxid !== this.fencingToken) return this.lose("node deleted");
        await wakeUp.wait(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (isInterruption(error)) continue;
        if (isCoordinationError(error, "NoNode")) return this.lose("node deleted");
        // Not even readable for its own holder: then only the session and the clock tell.
        this.#client.logger.warn({ err: error, path: this.memberPath }, "a member's node cannot be watched");
        return;
      }
    }
  }
}
