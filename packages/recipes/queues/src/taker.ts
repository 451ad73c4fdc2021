/**
 * Taking items: what there is at once, and otherwise by standing in line, where only the first watches the queue. So an
 * item that comes wakes one consumer, however many wait: the first, who leaves the line, which wakes the next to watch.
 */
import { type Client, type Codec, isCoordinationError } from "@corral/client";
import { insist, sleep, until, WakeUp } from "@corral/recipe-kit";
import { isSpent } from "./choose-items.ts";
import { buryItem, type Claim, claimItem, deliveriesOf, type Item, readItem } from "./claim.ts";
import { Delivery } from "./delivery.ts";
import type { ItemName, ItemOrder } from "./item-name.ts";
import type { Layout } from "./layout.ts";
import { limits } from "./limits.ts";
import { standInLine } from "./line.ts";
import { Lookout, putsIn } from "./lookout.ts";
import type { Placing } from "./placement.ts";
import { Prospects } from "./prospects.ts";
import type { ServerTime } from "./server-time.ts";

/** Of a queue's consumers. */
export interface TakerOptions<T> {
  readonly codec: Codec<T>;
  readonly order: ItemOrder;
  readonly placing: Placing;
  readonly maxDeliveries: number;
  readonly identity: string;
  readonly whenSuspended: "hold" | "abort" | undefined;
}

/** See the head of this file. */
export class Taker<T> {
  readonly #client: Client;
  readonly #layout: Layout;
  readonly #options: TakerOptions<T>;
  readonly #prospects = new Prospects();
  readonly #lookout: Lookout;

  constructor(client: Client, layout: Layout, serverTime: ServerTime, options: TakerOptions<T>) {
    this.#client = client;
    this.#layout = layout;
    this.#options = options;
    this.#lookout = new Lookout(client, layout, serverTime, options.order);
  }

  /** An item that can be had now; otherwise `undefined`. */
  async tryTake(signal: AbortSignal): Promise<Delivery<T> | undefined> {
    for (;;) {
      const name = (await this.#nextProspect(signal)) ?? (await this.#lookForMore(signal));
      if (name === undefined) return undefined;
      const delivery = await this.#tryItem(name, signal);
      if (delivery !== undefined) return delivery;
    }
  }

  /** Waits for an item. */
  async take(signal: AbortSignal): Promise<Delivery<T>> {
    const there = await this.tryTake(signal);
    if (there !== undefined) return there;
    const place = { line: this.#layout.takers, identity: this.#options.identity };
    return await standInLine(this.#client, place, signal, async (isFirst) => {
      while (isFirst()) {
        using wakeUp = new WakeUp(this.#client);
        const { ready, dueInMs } = await this.#lookout.look(signal, wakeUp);
        for (const name of ready.slice(0, limits.prospects)) {
          const delivery = await this.#tryItem(name, signal);
          if (delivery !== undefined) return delivery;
        }
        // Whatever came in between has rung already: both lists are watched since they were read.
        if (ready.length <= limits.prospects) await this.#wait(wakeUp, dueInMs, signal);
      }
      return undefined;
    });
  }

  async #nextProspect(signal: AbortSignal): Promise<ItemName | undefined> {
    const client = this.#client;
    if (this.#options.order !== "fifo") {
      // By priority or time, what was put meanwhile may belong before what was seen.
      const { entries } = this.#layout;
      const stat = this.#prospects.isEmpty
        ? undefined
        : await insist(client, () => client.exists(entries, { signal }), signal);
      if (stat === undefined || !this.#prospects.isCurrent(putsIn(stat))) return undefined;
    }
    return this.#prospects.next(client.clock.elapsedMs(), client.random.fraction());
  }

  async #lookForMore(signal: AbortSignal): Promise<ItemName | undefined> {
    const { clock, random } = this.#client;
    const { ready, puts } = await this.#lookout.look(signal);
    this.#prospects.show(ready, clock.elapsedMs(), puts);
    return this.#prospects.next(clock.elapsedMs(), random.fraction());
  }

  /** Resolves when something has changed, or after so long. */
  async #wait(wakeUp: WakeUp, delayMs: number | undefined, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const waits = [until(wakeUp.wait(over.signal), signal)];
    if (delayMs !== undefined) {
      // The estimate of the server's time is made anew long before a long wait is over.
      waits.push(sleep(this.#client.clock, Math.min(delayMs + 1, limits.serverTimeMs), over.signal));
    }
    const [rung] = waits;
    rung?.catch(() => undefined);
    try {
      await Promise.race(waits);
    } finally {
      over.abort();
    }
  }

  /** The item as a delivery, unless it is somebody else's, or is given up. */
  async #tryItem(name: ItemName, signal: AbortSignal): Promise<Delivery<T> | undefined> {
    const item = await this.#read(name, signal);
    if (item === undefined) {
      this.#prospects.tried(false);
      return undefined;
    }
    const { codec, maxDeliveries } = this.#options;
    if (isSpent(deliveriesOf(item), maxDeliveries)) {
      await this.#bury(item, "no consumer has acknowledged it", signal);
      return undefined;
    }
    let value: T;
    try {
      value = await codec.decode(item.data);
    } catch (error) {
      await this.#bury(item, `it cannot be decoded: ${error instanceof Error ? error.message : String(error)}`, signal);
      return undefined;
    }
    return await this.#claim(item, value, signal);
  }

  async #claim(item: Item, value: T, signal: AbortSignal): Promise<Delivery<T> | undefined> {
    const claiming = claimItem(this.#client, this.#layout, item, this.#options.identity);
    let claim: Claim | undefined;
    try {
      claim = await until(claiming, signal);
    } catch (error) {
      if (signal.aborted) this.#giveBackLater(claiming, value);
      throw error;
    }
    this.#prospects.tried(claim !== undefined);
    const delivery = claim && this.#deliver(claim, value);
    // Lost again before anybody had it.
    return delivery?.held ? delivery : undefined;
  }

  /** A claim that nobody waits for any more: if it was made, the item is given back as soon as that can be done. */
  #giveBackLater(claiming: Promise<Claim | undefined>, value: T): void {
    claiming.then(
      (claim) => claim && this.#deliver(claim, value).abandon(),
      (err: unknown) => this.#client.logger.debug({ err, path: this.#layout.path }, "a claim was given up and failed"),
    );
  }

  #deliver(claim: Claim, value: T): Delivery<T> {
    const { maxDeliveries, whenSuspended, placing } = this.#options;
    const parts = { layout: this.#layout, claim, value, placing, maxDeliveries, whenSuspended };
    return new Delivery(this.#client, { ...parts, onGivenBack: () => this.#prospects.forget() });
  }

  /** `undefined`: it is gone, or cannot be taken. */
  async #read(name: ItemName, signal: AbortSignal): Promise<Item | undefined> {
    const path = this.#layout.item(name.name);
    try {
      const item = await readItem(this.#client, this.#layout, name, signal);
      const bytes = item?.data?.length ?? 0;
      if (bytes <= limits.itemBytes) return item;
      this.#client.logger.warn({ path, bytes, most: limits.itemBytes }, "an item is too long to be taken");
    } catch (err) {
      if (!isCoordinationError(err, "NoAuth")) throw err;
      this.#client.logger.warn({ err, path }, "an item cannot be taken");
    }
    this.#lookout.leave(name.name);
    return undefined;
  }

  async #bury(item: Item, reason: string, signal: AbortSignal): Promise<void> {
    const deliveries = deliveriesOf(item);
    this.#client.logger.warn({ path: this.#layout.item(item.name.name), deliveries, reason }, "an item is given up");
    await buryItem(this.#client, this.#layout, item, reason, signal);
  }
}
