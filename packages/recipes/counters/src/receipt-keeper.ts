/**
 * One client's receipt below one value: made when it is needed, removed when it has not been for a while or when it is
 * given back. What clients leave behind that die before that, the next one that makes a receipt removes.
 */
import { type Client, isCoordinationError, type NodeOptions, type Stat } from "@corral/client";
import type { TimerHandle } from "@corral/io";
import { childrenOrNone, insist, newGuid } from "@corral/recipe-kit";
import type { Seed } from "./exact-node.ts";
import {
  childPath,
  isLeftBehind,
  isReceipt,
  isUsable,
  type Receipt,
  receiptIdleMs,
  receiptPath,
  used,
} from "./receipt.ts";

/** So many receipts of others are looked at, at one time, and at most. */
const sweepMax = 100;

/** See the head of this file. */
export class ReceiptKeeper {
  readonly #client: Client;
  readonly #path: string;
  readonly #onIdle: () => void;
  #receipt: Receipt | undefined;
  #leaving: TimerHandle | undefined;

  /** `onIdle`: there has been no use for it for a while. */
  constructor(client: Client, path: string, onIdle: () => void) {
    this.#client = client;
    this.#path = path;
    this.#onIdle = onIdle;
  }

  /** The receipt to be used next. With it comes the value's node, made of `seed` if it was missing. */
  async receipt(seed: Seed): Promise<Receipt> {
    const { clock } = this.#client;
    if (this.#receipt !== undefined && isUsable(this.#receipt, clock.elapsedMs())) return this.#receipt;
    this.#abandon();
    const path = receiptPath(this.#path, newGuid(this.#client.random));
    // Counted from before the create: it is never younger than it is believed to be.
    const usedAtMs = clock.elapsedMs();
    const made = await insist(this.#client, () => this.#make(path, seed));
    this.#receipt = { path, version: made.version, usedAtMs };
    void this.#sweep(made.ctimeMs);
    return this.#receipt;
  }

  /** It was used, in a change that began at `sinceMs`, on `clock.elapsedMs()`. */
  use(sinceMs: number): void {
    if (this.#receipt !== undefined) this.#receipt = used(this.#receipt, sinceMs);
  }

  /** It must not be used any more; what becomes of its node is somebody else's affair. */
  forget(): void {
    this.#receipt = undefined;
  }

  /** It is being used. */
  stay(): void {
    this.#leaving?.cancel();
    this.#client.off("state", this.#onState);
  }

  /** Nothing is under way: it may go after a while. */
  leaveWhenIdle(): void {
    this.stay();
    if (this.#client.state === "closed") return this.#onIdle();
    // One that nobody came to use leaves at once.
    if (this.#receipt?.version === 0) this.#abandon();
    this.#leaving = this.#client.clock.setTimer(receiptIdleMs, () => {
      this.#abandon();
      this.#onIdle();
    });
    // The timer must not keep a program alive that is done.
    this.#client.on("state", this.#onState);
  }

  /** Removes it now. */
  async giveBack(): Promise<void> {
    this.stay();
    const receipt = this.#receipt;
    this.#receipt = undefined;
    if (receipt !== undefined) await this.#remove(receipt.path);
  }

  readonly #onState = ({ state }: { readonly state: string }): void => {
    if (state !== "closed") return;
    this.stay();
    this.#onIdle();
  };

  #abandon(): void {
    const { logger } = this.#client;
    this.giveBack().catch((err: unknown) => logger.warn({ err, path: this.#path }, "a receipt could not be removed"));
  }

  /** Makes the node, or finds out that an earlier attempt has. */
  async #make(path: string, seed: Seed): Promise<Stat> {
    const options = seed.acl === undefined ? {} : { acl: seed.acl };
    for (;;) {
      try {
        return (await this.#client.create2(path, null, options)).stat;
      } catch (error) {
        if (isCoordinationError(error, "NodeExists")) {
          const stat = await this.#client.exists(path);
          if (stat !== undefined) return stat;
        } else if (isCoordinationError(error, "NoNode")) {
          await this.#seed(seed.data, options);
        } else {
          throw error;
        }
      }
    }
  }

  async #seed(data: Uint8Array | null, options: NodeOptions): Promise<void> {
    try {
      await this.#client.create(this.#path, data, { ...options, createParents: true });
    } catch (error) {
      if (!isCoordinationError(error, "NodeExists")) throw error;
    }
  }

  async #remove(path: string): Promise<void> {
    await insist(this.#client, async () => {
      try {
        await this.#client.delete(path);
      } catch (error) {
        // A client that is closed leaves it to the others.
        if (!isCoordinationError(error, "NoNode") && !isCoordinationError(error, "ClientClosed")) throw error;
      }
    });
  }

  /** Removes what dead clients have left. `nowMs`: by the server's clock. */
  async #sweep(nowMs: number): Promise<void> {
    try {
      const names = (await childrenOrNone(this.#client, this.#path)).filter(isReceipt);
      const from = Math.floor(this.#client.random.fraction() * names.length);
      const some = [...names.slice(from), ...names.slice(0, from)].slice(0, sweepMax);
      await Promise.all(some.map((name) => this.#sweepOne(childPath(this.#path, name), nowMs)));
    } catch (err) {
      this.#client.logger.debug({ err, path: this.#path }, "receipts that others left could not be removed this time");
    }
  }

  async #sweepOne(path: string, nowMs: number): Promise<void> {
    const stat = await this.#client.exists(path);
    if (stat === undefined || !isLeftBehind(stat.mtimeMs, nowMs)) return;
    try {
      await this.#client.delete(path, { version: stat.version });
    } catch (error) {
      // Removed by somebody else, or used again.
      if (!isCoordinationError(error, "NoNode") && !isCoordinationError(error, "BadVersion")) throw error;
    }
  }
}
