/**
 * What a queue has given up: items that no consumer has acknowledged however often they were delivered, that cannot be
 * decoded, or that a consumer has given up by itself. To be looked at, put back, or thrown away.
 */
import { type Client, isCoordinationError, msgpack, type Observed } from "@corral/client";
import { beginWait, childrenOrNone, insist, type WaitOptions } from "@corral/recipe-kit";
import type { Obituary } from "./claim.ts";
import type { Intake } from "./intake.ts";
import { parseItemName } from "./item-name.ts";
import type { Layout } from "./layout.ts";
import { limits } from "./limits.ts";
import type { Placing } from "./placement.ts";

/** An item that was given up. */
export interface DeadLetter {
  /** By which it can be put back or thrown away. */
  readonly name: string;
  /** What the item was called when it was given up. */
  readonly itemName: string;
  /** Why it was given up, in words. */
  readonly reason: string;
  /** How often it was delivered. */
  readonly deliveries: number;
  /** When it was given up, ms since 1970 by the server's clock. */
  readonly sinceMs: number;
  /** What was put. */
  readonly data: Buffer | null;
}

/** See the head of this file. */
export class DeadLetters {
  readonly #client: Client;
  readonly #layout: Layout;
  readonly #intake: Intake;
  readonly #placing: Placing;

  constructor(client: Client, layout: Layout, intake: Intake, placing: Placing) {
    this.#client = client;
    this.#layout = layout;
    this.#intake = intake;
    this.#placing = placing;
  }

  /** How many there are. */
  async size(wait: WaitOptions = {}): Promise<number> {
    using limit = beginWait(this.#client, "A look at", this.#layout.dead, wait);
    const { signal } = limit;
    return (
      (await insist(this.#client, () => this.#client.exists(this.#layout.dead, { signal }), signal))?.numChildren ?? 0
    );
  }

  /** All of them, those that were given up first first. */
  async list(wait: WaitOptions = {}): Promise<DeadLetter[]> {
    using limit = beginWait(this.#client, "A look at", this.#layout.dead, wait);
    const { signal } = limit;
    const names = (await this.#names(signal)).values();
    const found: DeadLetter[] = [];
    const reader = async (): Promise<void> => {
      for (const name of names) {
        const letter = await this.#read(name, signal);
        if (letter !== undefined) found.push(letter);
      }
    };
    await Promise.all(Array.from({ length: limits.readsAtOnce }, reader));
    return found.sort((a, b) => a.sinceMs - b.sinceMs || (a.name < b.name ? -1 : 1));
  }

  /** Their names, now and after every change; `undefined` while there was never one. For an alarm, say. */
  watch({ signal }: { readonly signal?: AbortSignal } = {}): Observed<readonly string[] | undefined> {
    return this.#client.watchChildren(this.#layout.dead, signal === undefined ? {} : { signal });
  }

  /**
   * Puts one back into the queue as if it were new: at the end, never delivered. Once, whatever replies are lost. `false`:
   * it is not there any more. Throws as a put.
   */
  async redrive(name: string, wait: WaitOptions = {}): Promise<boolean> {
    using limit = beginWait(this.#client, "A look at", this.#layout.dead, wait);
    const letter = await this.#read(name, limit.signal);
    if (letter === undefined) return false;
    const { signal } = limit;
    const prefix = await this.#placing.prefix({ priority: parseItemName(letter.itemName)?.priority }, signal);
    const away = [this.#layout.deadItem(name), this.#layout.deadLetter(name)];
    try {
      await this.#intake.put([{ prefix, data: letter.data }], { signal }, (transaction) => {
        for (const path of away) transaction.delete(path);
      });
      return true;
    } catch (error) {
      // Somebody else has put it back, or thrown it away.
      if (isCoordinationError(error, "NoNode") && away.includes(error.path ?? "")) return false;
      throw error;
    }
  }

  /** Puts all of them back. How many it were. */
  async redriveAll(wait: WaitOptions = {}): Promise<number> {
    using limit = beginWait(this.#client, "Room in", this.#layout.path, wait);
    const { signal } = limit;
    let count = 0;
    for (const { name } of await this.list({ signal })) if (await this.redrive(name, { signal })) count++;
    return count;
  }

  /** Throws one away. Fine if it is not there any more. */
  async discard(name: string, wait: WaitOptions = {}): Promise<void> {
    using limit = beginWait(this.#client, "A look at", this.#layout.dead, wait);
    const { signal } = limit;
    const remove = () =>
      this.#client
        .transaction()
        .delete(this.#layout.deadItem(name))
        .delete(this.#layout.deadLetter(name))
        .commit({ signal });
    try {
      await insist(this.#client, remove, signal);
    } catch (error) {
      if (!isCoordinationError(error, "NoNode")) throw error;
    }
  }

  #names(signal: AbortSignal): Promise<string[]> {
    return insist(this.#client, () => childrenOrNone(this.#client, this.#layout.dead, signal), signal);
  }

  async #read(name: string, signal: AbortSignal): Promise<DeadLetter | undefined> {
    const read = (path: string) => insist(this.#client, () => this.#client.get(path, { signal }), signal);
    try {
      const [letter, item] = await Promise.all([
        read(this.#layout.deadLetter(name)),
        read(this.#layout.deadItem(name)),
      ]);
      const obituary = await decodeObituary(letter.data);
      const { reason, deliveries } = obituary;
      return { name, itemName: obituary.name, reason, deliveries, sinceMs: letter.stat.ctimeMs, data: item.data };
    } catch (error) {
      if (isCoordinationError(error, "NoNode")) return undefined;
      throw error;
    }
  }
}

/** What cannot be read is told as unknown: the item itself is what counts. */
async function decodeObituary(data: Buffer | null): Promise<Obituary> {
  let told: unknown;
  try {
    told = await msgpack.decode(data);
  } catch {
    told = undefined;
  }
  const value = (key: keyof Obituary): unknown =>
    typeof told === "object" && told !== null ? Reflect.get(told, key) : undefined;
  const [reason, deliveries, name] = [value("reason"), value("deliveries"), value("name")];
  return {
    reason: typeof reason === "string" ? reason : "unknown",
    deliveries: typeof deliveries === "number" || typeof deliveries === "bigint" ? Number(deliveries) : 0,
    name: typeof name === "string" ? name : "",
  };
}
