/**
 * One value that many clients see, and change only on top of what they have seen.
 *
 * ```ts
 * const limit = new SharedValue(client, "/limits/reports", { codec: int32, initial: 3 });
 * limit.value$.subscribe(({ state, latest }) => apply(latest?.value, state === "current"));
 * await limit.update((value) => value + 1);
 * ```
 *
 * Znodes     <path>: the value, as the codec has it; with `int32` as Curator's SharedCount. <path>/receipt-<guid>:
 *            as AtomicCounter has them
 * Invariant  a change replaces exactly the version that its caller saw, and happens once or not at all
 * Wake-up    who watches reads again at each change, with one watch on the node
 * Suspended  `value$` says so, with the last value known; a change waits
 * Lost       the same: nothing here belongs to a session
 * Not given  every value in between: who watches sees the latest. That a value still stands when you act on it: say so in
 *            the same transaction, with a check of its version
 */
import { type Acl, type Client, type Codec, MarshallingError } from "@corral/client";
import { beginWait, insist, recipePath, type WaitOptions } from "@corral/recipe-kit";
import type { Observable } from "rxjs";
import { exactNode } from "./exact-nodes.ts";
import { type ReadWait, readOrNone, type ValueView, type Versioned, viewValue } from "./observe-value.ts";
import type { Content, Operation } from "./pending.ts";

/** How a value stands in its node, and where it begins. The same for all who use it. */
export interface SharedValueOptions<T> {
  readonly codec: Codec<T>;
  /** What it is before anybody changed it. */
  readonly initial: T;
  /** Who may do what with the nodes that are made. Default: everybody everything. */
  readonly acl?: readonly Acl[] | undefined;
}

/** What came of `trySet`. */
export interface SetAttempt<T> {
  readonly isSet: boolean;
  /** What it is now: what was set, or what was there instead of the expected version. */
  readonly current: Versioned<T>;
}

/** A change that was made. */
export interface ValueChange<T> {
  /** Right before it. */
  readonly previous: Versioned<T>;
  /** Right after it. */
  readonly next: Versioned<T>;
}

/** See the head of this file. */
export class SharedValue<T> implements AsyncDisposable {
  readonly path: string;
  readonly #client: Client;
  readonly #options: SharedValueOptions<T>;

  /** Remembers; nothing is sent before it is used. */
  constructor(client: Client, path: string, options: SharedValueOptions<T>) {
    this.path = recipePath("SharedValue", path);
    this.#client = client;
    this.#options = options;
  }

  /** The value, now and after every change; see `ValueView`. Errors with MarshallingError. */
  get value$(): Observable<ValueView<T>> {
    return viewValue(this.#client, this.path, (data) => this.#decode(data));
  }

  /**
   * The value and its version. As every read it may lag behind what others have just written; with `linearizable` it
   * does not.
   * @throws MarshallingError, WaitTimeoutError, the signal's reason
   */
  async get(wait: ReadWait = {}): Promise<Versioned<T>> {
    using limit = beginWait(this.#client, "The value of", this.path, wait);
    const options = { signal: limit.signal, linearizable: wait.linearizable ?? false };
    const node = await insist(this.#client, () => readOrNone(this.#client, this.path, options), limit.signal);
    const { version = 0, czxid = 0n } = node?.stat ?? {};
    return { value: await this.#decode(node?.data), version, czxid };
  }

  /**
   * Sets it, whatever it was.
   * @throws WaitTimeoutError or the signal's reason, if nothing was sent yet: then it will not happen;
   * WriteOutcomeUnknownError if it was under way when the wait ended; what the codec throws
   */
  async set(value: T, wait: WaitOptions = {}): Promise<Versioned<T>> {
    const write = await this.#codec.encode(value);
    return await this.#perform(() => ({ write, result: (after) => versioned(value, after) }), wait);
  }

  /** Sets it if it is still the version that was seen. Throws as `set`, and MarshallingError. */
  async trySet(expected: Versioned<T>, value: T, wait: WaitOptions = {}): Promise<SetAttempt<T>> {
    const write = await this.#codec.encode(value);
    const initial = await this.#codec.encode(this.#options.initial);
    return await this.#perform<SetAttempt<T>>(async (current) => {
      if (isSeen(expected, current, initial)) {
        return { write, result: (after) => ({ isSet: true, current: versioned(value, after) }) };
      }
      const found = versioned(await this.#decode(current.data), current);
      return { result: () => ({ isSet: false, current: found }) };
    }, wait);
  }

  /**
   * Makes of it what `fn` makes of it; `fn` is called again when another client's change came first. Throws as `set`,
   * MarshallingError, and what `fn` throws.
   */
  async update(fn: (value: T) => T | Promise<T>, wait: WaitOptions = {}): Promise<ValueChange<T>> {
    return await this.#perform(async (current) => {
      const previous = versioned(await this.#decode(current.data), current);
      const next = await fn(previous.value);
      const write = await this.#codec.encode(next);
      return { write, result: (after) => ({ previous, next: versioned(next, after) }) };
    }, wait);
  }

  /** Removes what this client has left beside the value, which it does by itself after a while. It can be used again. */
  close(): Promise<void> {
    return exactNode(this.#client, this.path).close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #codec(): Codec<T> {
    return this.#options.codec;
  }

  async #perform<R>(decide: Operation<R>["decide"], wait: WaitOptions): Promise<R> {
    const { initial, acl } = this.#options;
    const seed = { data: await this.#codec.encode(initial), acl };
    // Each in a write of its own: every version is somebody's.
    return await exactNode(this.#client, this.path).perform({ joins: false, decide }, seed, wait);
  }

  /** `undefined`: there is no node. */
  async #decode(data: Buffer | null | undefined): Promise<T> {
    if (data === undefined) return this.#options.initial;
    try {
      return await this.#codec.decode(data);
    } catch (cause) {
      throw new MarshallingError({
        operation: "read the value",
        path: this.path,
        detail: cause instanceof Error ? cause.message : String(cause),
        remedy: "Use the codec that it was written with, or another path.",
        cause,
      });
    }
  }
}

function versioned<T>(value: T, { version, czxid }: Content): Versioned<T> {
  return { value, version, czxid };
}

/** What was seen as the initial value of no node is the same as a node that was made with it since. */
function isSeen({ version, czxid }: Versioned<unknown>, current: Content, initial: Uint8Array | null): boolean {
  if (version !== current.version) return false;
  if (czxid !== 0n) return czxid === current.czxid;
  if (current.data === null || initial === null) return current.data === initial;
  return Buffer.compare(current.data, initial) === 0;
}
