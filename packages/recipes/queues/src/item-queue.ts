/** What the three kinds of queues have in common: everything but where a new item goes. */
import { BadArgumentsError, type Client, type Codec, msgpack } from "@corral/client";
import { beginWait, insist, type WaitOptions } from "@corral/recipe-kit";
import { checkCount } from "./arguments.ts";
import { type ConsumeOptions, Consumption } from "./consumption.ts";
import { DeadLetters } from "./dead-letters.ts";
import type { Delivery } from "./delivery.ts";
import { explainQueue, type QueueExplanation } from "./explain.ts";
import { Intake } from "./intake.ts";
import type { ItemOrder } from "./item-name.ts";
import { Layout } from "./layout.ts";
import { limits } from "./limits.ts";
import { type Placement, Placing } from "./placement.ts";
import { type Handler, type ProcessOptions, processItems } from "./process.ts";
import { ServerTime } from "./server-time.ts";
import { Taker } from "./taker.ts";

/** How a queue behaves. Codec, `maxItems` and `maxDeliveries` must be the same for all who use it. */
export interface QueueOptions<T> {
  /** How values become bytes. Default: MessagePack; what comes back is `unknown` then. */
  readonly codec?: Codec<T> | undefined;
  /**
   * Most items that it holds, those that are being worked on included: `put` waits for room, in order of arrival. Default:
   * `put` does not wait, and rejects with QueueFullError when there are about 20 000.
   */
  readonly maxItems?: number | undefined;
  /** After so many deliveries without an acknowledgement an item goes to the dead letters. Default 5; Infinity: never. */
  readonly maxDeliveries?: number | undefined;
  /** What a broken connection means for a delivery. `hold` (default): it holds until its deadline. `abort`: it is over. */
  readonly whenSuspended?: "hold" | "abort" | undefined;
  /** Left in claims and in the lines of those who wait, for `explain()` and for people. Default: nothing. */
  readonly identity?: string | undefined;
}

/** Values that are not `unknown` need a codec that makes them so: a type that nothing checks cannot be claimed. */
export type QueueArguments<T> = unknown extends T
  ? [options?: QueueOptions<T>]
  : [options: QueueOptions<T> & { readonly codec: Codec<T> }];

/** A queue of values. Made as Queue, PriorityQueue or DelayQueue. */
export abstract class ItemQueue<T> implements AsyncDisposable {
  readonly path: string;
  /** What it has given up. */
  readonly deadLetters: DeadLetters;
  readonly #client: Client;
  readonly #layout: Layout;
  readonly #order: ItemOrder;
  readonly #codec: Codec<T>;
  readonly #serverTime: ServerTime;
  readonly #placing: Placing;
  readonly #intake: Intake;
  readonly #taker: Taker<T>;

  constructor(client: Client, path: string, order: ItemOrder, options: QueueOptions<T> = {}) {
    const { maxItems, maxDeliveries = 5, whenSuspended, identity = "" } = options;
    if (maxItems !== undefined) checkCount(path, "maxItems", maxItems, limits.items);
    checkCount(path, "maxDeliveries", maxDeliveries, Number.POSITIVE_INFINITY);
    // Without a codec T is unknown: the signatures of the constructors see to that.
    const codec = options.codec ?? (msgpack as Codec<T>);
    this.path = path;
    this.#client = client;
    this.#layout = new Layout(path);
    this.#order = order;
    this.#codec = codec;
    this.#serverTime = new ServerTime(client, this.#layout.clock);
    this.#placing = new Placing(path, order, this.#serverTime);
    this.#intake = new Intake(client, this.#layout, { maxItems, identity });
    const taking = { codec, order, placing: this.#placing, maxDeliveries, identity, whenSuspended };
    this.#taker = new Taker(client, this.#layout, this.#serverTime, taking);
    this.deadLetters = new DeadLetters(client, this.#layout, this.#intake, this.#placing);
  }

  /**
   * Waits for an item. Cancelled or timed out, it leaves nothing behind.
   * @throws WaitTimeoutError, the signal's reason, ClientClosedError
   */
  async take(wait: WaitOptions = {}): Promise<Delivery<T>> {
    using limit = beginWait(this.#client, "An item of", this.path, wait);
    return await this.#taker.take(limit.signal);
  }

  /** The next item if there is one now, otherwise `undefined`. Throws as `take`. */
  async tryTake(wait: WaitOptions = {}): Promise<Delivery<T> | undefined> {
    using limit = beginWait(this.#client, "A look at", this.path, wait);
    return await this.#taker.tryTake(limit.signal);
  }

  /**
   * Deliveries one after the other, without end.
   *
   * ```ts
   * for await (const delivery of queue.consume({ signal })) {
   *   await work(delivery.value, delivery.signal);
   *   await delivery.acknowledge();
   * }
   * ```
   *
   * The next one is taken when it is asked for and fewer than `concurrency` are held, so a delivery that is never ended
   * holds the loop up. Leaving it, also by an exception, gives back what was not ended. When `signal` aborts the loop ends,
   * and what it has given may still be acknowledged.
   */
  consume(options: ConsumeOptions = {}): AsyncIterableIterator<Delivery<T>, undefined, undefined> {
    this.#checkConcurrency(options);
    return new Consumption((signal) => this.#taker.take(signal), options);
  }

  /**
   * Calls `handler` for each item, for so many at a time as `concurrency` says: acknowledges when it resolves, gives the
   * item back when it rejects. Resolves when `signal` has aborted and what was in hand is done.
   */
  async process(handler: Handler<T>, options: ProcessOptions<T> = {}): Promise<void> {
    this.#checkConcurrency(options);
    await processItems(this.#client, (signal) => this.#taker.take(signal), handler, options);
  }

  /** How many items there are, those that are being worked on included. As every read it may lag a little. */
  async size(wait: WaitOptions = {}): Promise<number> {
    using limit = beginWait(this.#client, "A look at", this.path, wait);
    const { signal } = limit;
    const look = () => this.#client.exists(this.#layout.entries, { signal });
    return (await insist(this.#client, look, signal))?.numChildren ?? 0;
  }

  /** What is in it, who works on what, who waits: for people. */
  async explain(wait: WaitOptions = {}): Promise<QueueExplanation> {
    using limit = beginWait(this.#client, "A look at", this.path, wait);
    return await explainQueue(this.#client, this.#layout, this.#order, this.#serverTime, limit.signal);
  }

  /**
   * Removes what this client keeps on the server for its puts, which it does by itself after a while. The queue can be
   * used again.
   */
  close(): Promise<void> {
    return this.#intake.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Puts `values` in one transaction, all at the same place. */
  protected async enqueue(values: readonly T[], placement: Placement, wait: WaitOptions): Promise<void> {
    this.#placing.check(placement);
    const data = await Promise.all(values.map((value) => this.#encode(value)));
    this.#intake.check(data);
    if (data.length === 0) return;
    using limit = beginWait(this.#client, "A put to", this.path, wait);
    const { signal } = limit;
    const prefix = await this.#placing.prefix(placement, signal);
    const items = data.map((bytes) => ({ prefix, data: bytes }));
    await this.#intake.put(items, { signal });
  }

  async #encode(value: T): Promise<Uint8Array | null> {
    try {
      return await this.#codec.encode(value);
    } catch (cause) {
      throw new BadArgumentsError({
        operation: "put",
        path: this.path,
        detail: `the value cannot be encoded: ${cause instanceof Error ? cause.message : String(cause)}`,
        remedy: "Correct the value, or use a codec that takes it.",
        cause,
      });
    }
  }

  #checkConcurrency({ concurrency = 1 }: ConsumeOptions): void {
    checkCount(this.path, "concurrency", concurrency, Number.POSITIVE_INFINITY);
  }
}
