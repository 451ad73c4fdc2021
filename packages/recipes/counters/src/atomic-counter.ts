/**
 * A number that many clients count up and down, and that loses and repeats no count, whatever happens to requests,
 * replies, connections and sessions.
 *
 * ```ts
 * const visits = new AtomicCounter(client, "/counters/visits");
 * const { previous, next } = await visits.increment({ timeoutMs: 5_000 });
 * ```
 *
 * Znodes     <path>: the value, 8 bytes big-endian, as Curator's DistributedAtomicLong has it (or another CounterFormat).
 *            <path>/receipt-<guid>: persistent, one per client that changes it; its version counts the client's changes
 * Invariant  a change sets value and receipt in one transaction, each from the version that was read: so it happens at
 *            most once however often it is sent, and the receipt tells whether it has
 * Wake-up    none: whoever was overtaken by another's change reads and tries again, after a short random pause
 * Suspended  a change waits. One that was under way is sent again on the next connection, of whatever session
 * Lost       the same: receipts are not ephemeral. A client removes its own half a minute after the last change; what a
 *            dead one leaves is removed an hour later by the next client that comes
 * Not given  an answer to a client that is cut off for more than an hour in the middle of a change: WriteOutcomeUnknownError.
 *            Exactness among clients of which some change the node without a receipt and repeat their writes blindly.
 *            Deleting the counter starts it anew
 */
import type { Acl, Client } from "@corral/client";
import { beginWait, insist, recipePath, type WaitOptions } from "@corral/recipe-kit";
import type { Observable } from "rxjs";
import { exactNode } from "./exact-nodes.ts";
import { type CounterFormat, checkBigint, decodeCounter, encodeCounter } from "./formats.ts";
import { type ReadWait, readOrNone, type ValueView, viewValue } from "./observe-value.ts";

/** How a counter stands in its node, and where it begins. The same for all who use it. */
export interface CounterOptions {
  /** What it is before anybody changed it. Default 0. */
  readonly initial?: bigint | undefined;
  /** Default `int64`. */
  readonly format?: CounterFormat | undefined;
  /** Who may do what with the nodes that are made. Default: everybody everything. */
  readonly acl?: readonly Acl[] | undefined;
}

/** A change that was made. */
export interface CounterChange {
  /** Right before it. */
  readonly previous: bigint;
  /** Right after it. */
  readonly next: bigint;
}

/** What came of `compareAndSet`. */
export interface CounterComparison extends CounterChange {
  /** Whether the counter was as expected, and so was set. If not, `previous` and `next` say what it was. */
  readonly isSet: boolean;
}

/** See the head of this file. */
export class AtomicCounter implements AsyncDisposable {
  readonly path: string;
  readonly #client: Client;
  readonly #format: CounterFormat;
  readonly #initial: bigint;
  readonly #acl: readonly Acl[] | undefined;

  /** Remembers; nothing is sent before it is used. @throws RangeError if `format` has no room for `initial`. */
  constructor(client: Client, path: string, { initial = 0n, format = "int64", acl }: CounterOptions = {}) {
    this.path = recipePath("AtomicCounter", path);
    encodeCounter(format, initial);
    this.#client = client;
    this.#format = format;
    this.#initial = initial;
    this.#acl = acl;
  }

  /** The value, now and after every change; see `ValueView`. Errors with MarshallingError. */
  get value$(): Observable<ValueView<bigint>> {
    return viewValue(this.#client, this.path, (data) => this.#decode(data ?? null));
  }

  /**
   * The value. As every read it may lag behind what others have just written; with `linearizable` it does not.
   * @throws MarshallingError, WaitTimeoutError, the signal's reason
   */
  async get(wait: ReadWait = {}): Promise<bigint> {
    using limit = beginWait(this.#client, "The value of", this.path, wait);
    const options = { signal: limit.signal, linearizable: wait.linearizable ?? false };
    const node = await insist(this.#client, () => readOrNone(this.#client, this.path, options), limit.signal);
    return this.#decode(node?.data ?? null);
  }

  /** Counts up by one. Throws as `add`. */
  increment(wait?: WaitOptions): Promise<CounterChange> {
    return this.add(1n, wait);
  }

  /** Counts down by one. Throws as `add`. */
  decrement(wait?: WaitOptions): Promise<CounterChange> {
    return this.add(-1n, wait);
  }

  /**
   * Adds `amount`, which may be negative. Several at a time by one client are made in one write.
   * @throws RangeError if the format has no room for the sum; WaitTimeoutError or the signal's reason, if nothing was
   * sent yet: then it will not happen; WriteOutcomeUnknownError if it was under way when the wait ended; MarshallingError
   */
  async add(amount: bigint, wait: WaitOptions = {}): Promise<CounterChange> {
    checkBigint(amount);
    return await this.update((value) => value + amount, wait);
  }

  /** Sets it, whatever it was. Throws as `add`. */
  set(value: bigint, wait: WaitOptions = {}): Promise<CounterChange> {
    return this.update(() => value, wait);
  }

  /**
   * Makes of it what `fn` makes of it; `fn` is called again when another client's change came first. Throws as `add`, and
   * what `fn` throws.
   */
  update(fn: (value: bigint) => bigint, wait: WaitOptions = {}): Promise<CounterChange> {
    return this.#change((previous) => {
      const next = fn(previous);
      return { next, result: { previous, next } };
    }, wait);
  }

  /** Sets it if it is `expected`. If it is not, that is certain too: the value told was the newest. Throws as `add`. */
  compareAndSet(expected: bigint, value: bigint, wait: WaitOptions = {}): Promise<CounterComparison> {
    return this.#change<CounterComparison>((previous) => {
      if (previous !== expected) return { next: undefined, result: { isSet: false, previous, next: previous } };
      return { next: value, result: { isSet: true, previous, next: value } };
    }, wait);
  }

  /** Removes what this client has left beside the value, which it does by itself after a while. It can be used again. */
  close(): Promise<void> {
    return exactNode(this.#client, this.path).close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** `decide` gives what to make of the value, `undefined` for nothing, and what to tell when that is done. */
  #change<T>(
    decide: (value: bigint) => { readonly next: bigint | undefined; readonly result: T },
    wait: WaitOptions,
  ): Promise<T> {
    const seed = { data: encodeCounter(this.#format, this.#initial), acl: this.#acl };
    return exactNode(this.#client, this.path).perform(
      {
        joins: true,
        decide: ({ data }) => {
          const { next, result } = decide(this.#decode(data));
          // The same value again is a change too: others see a new version.
          return { write: next === undefined ? undefined : encodeCounter(this.#format, next), result: () => result };
        },
      },
      seed,
      wait,
    );
  }

  #decode(data: Buffer | null): bigint {
    return decodeCounter(this.#format, data, this.path) ?? this.#initial;
  }
}
