/** A registration that is held. */
import { type Client, isCoordinationError } from "@corral/client";
import { beginWait, Grant, insist, isInterruption, type WaitOptions, WakeUp } from "@corral/recipe-kit";
import type { Draft } from "./draft.ts";
import type { Entered } from "./enter.ts";
import type { HealthMonitor } from "./health-monitor.ts";
import { type HealthState, type InstanceChanges, type InstanceFields, isDynamic } from "./instance.ts";
import { withdraw } from "./withdraw.ts";

/** What a registration consists of. */
export interface RegistrationParts<In, Out> {
  readonly entered: Entered;
  /** What the entry says. */
  readonly data: string;
  readonly draft: Draft<In, Out>;
  readonly monitor: HealthMonitor;
  readonly whenSuspended: "hold" | "abort" | undefined;
}

/**
 * An entry, and the right to call it one's own. `signal` aborts when the entry is gone, or may be: the session ended, the
 * entry was deleted, somebody with the same id has taken it over. `fencingToken` grows with every registration of an id,
 * and with every holder of a name that is held alone. `guard()` makes a transaction fail unless the registration stands.
 * `release()` takes the entry out.
 */
export class Registration<In = unknown, Out = unknown> extends Grant {
  /** The entry's node. `path` is that of the claim, which stands for the registration. */
  readonly entryPath: string;
  readonly #client: Client;
  readonly #parts: RegistrationParts<In, Out>;
  readonly #leaving: { withEntry: boolean };
  #written: Promise<void> = Promise.resolve();
  #lastData: string | undefined;

  /** Made by `ServiceRegistry.register()`. */
  constructor(client: Client, parts: RegistrationParts<In, Out>) {
    const { entered, draft, whenSuspended } = parts;
    const leaving = { withEntry: true };
    const persistent = !isDynamic(draft.fields.serviceType);
    super(client, {
      path: entered.claimPath,
      sessionId: entered.sessionId,
      fencingToken: entered.czxid,
      whenSuspended,
      giveBack: () => withdraw(client, entered, { persistent, withEntry: leaving.withEntry }),
    });
    this.#client = client;
    this.#parts = parts;
    this.#leaving = leaving;
    this.#lastData = parts.data;
    this.entryPath = entered.path;
    void this.#watchEntry();
  }

  /** The service. */
  get service(): string {
    return this.#parts.draft.fields.name;
  }

  get id(): string {
    return this.#parts.draft.fields.id;
  }

  /** What the entry says, or is about to. */
  get fields(): InstanceFields {
    return this.#parts.draft.fields;
  }

  /**
   * Changes the entry. Resolves when it is written.
   * @throws GrantLostError, InvalidPayloadError, RangeError, WaitTimeoutError, the signal's reason
   */
  async update(changes: InstanceChanges<In>, wait: WaitOptions = {}): Promise<void> {
    await this.#parts.draft.change(changes);
    await this.flush(wait);
  }

  /** Says how the instance does. It counts until a check says otherwise; `draining` until another state is set. */
  async setHealth(state: HealthState, options: WaitOptions & { readonly note?: string } = {}): Promise<void> {
    this.#parts.monitor.report(state, options.note);
    await this.flush(options);
  }

  /** Asks to be given nothing new: providers leave it alone from now on. The entry stays until `release()`. */
  async drain(wait: WaitOptions = {}): Promise<void> {
    await this.setHealth("draining", wait);
  }

  /**
   * Ends the registration and leaves the entry: for STATIC and PERMANENT ones, which need nobody behind them.
   * @throws TypeError for the others, whose entry would go with the session all the same.
   */
  async leave(): Promise<void> {
    if (isDynamic(this.fields.serviceType)) {
      throw new TypeError(
        `${this.entryPath} is ${this.fields.serviceType}: its entry cannot be left without a session.`,
      );
    }
    this.#leaving.withEntry = false;
    await this.release();
  }

  /** Writes the entry as its owner wants it now, unless it says so already. One write after the other. */
  async flush(wait: WaitOptions = {}): Promise<void> {
    using limit = beginWait(this.#client, "The update of", this.entryPath, wait);
    const before = this.#written;
    const write = before.then(() => this.#write(AbortSignal.any([limit.signal, this.signal])));
    // The next write comes after this one, whatever became of it.
    this.#written = write.catch(() => undefined);
    await write;
  }

  /** The same in the background. What could not be written because the registration was lost is the next one's. */
  flushSoon(): void {
    this.flush().catch((err: unknown) => {
      if (this.held) this.#client.logger.error({ err, path: this.entryPath }, "an entry could not be updated");
    });
  }

  async #write(signal: AbortSignal): Promise<void> {
    this.throwIfLost();
    const data = this.#parts.draft.encode();
    if (data === this.#lastData) return;
    try {
      await insist(
        this.#client,
        () => this.#client.transaction().guard(this).set(this.entryPath, data).commit({ signal }),
        signal,
      );
    } catch (error) {
      this.#lastData = undefined;
      if (isCoordinationError(error, "NoNode")) this.lose("node deleted");
      this.throwIfLost();
      throw error;
    }
    this.#lastData = data;
  }

  /** The claim is watched by the grant; but the entry may be deleted, or made anew, by programs that know of no claims. */
  async #watchEntry(): Promise<void> {
    const { path, czxid } = this.#parts.entered;
    while (!this.signal.aborted) {
      using wakeUp = new WakeUp(this.#client);
      try {
        const { stat } = await this.#client.get(path, { watch: wakeUp.watch(path), signal: this.signal });
        if (stat.czxid !== czxid) return this.lose("node deleted");
        await wakeUp.wait(this.signal);
      } catch (error) {
        if (this.signal.aborted) return;
        if (isInterruption(error)) continue;
        if (isCoordinationError(error, "NoNode")) return this.lose("node deleted");
        this.#client.logger.warn({ err: error, path }, "an entry cannot be watched");
        return;
      }
    }
  }
}
