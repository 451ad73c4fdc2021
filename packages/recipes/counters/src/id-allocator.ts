/**
 * Unique numbers, handed out without asking the server for each: it is asked for a block at a time.
 *
 * ```ts
 * const orders = new IdAllocator(client, "/ids/orders", { blockSize: 1_000 });
 * const id = await orders.next({ timeoutMs: 5_000 }); // at once, while a block lasts
 * ```
 *
 * Znodes     <path>: the lowest id that nobody has been given, 8 bytes big-endian, as Curator's DistributedAtomicLong has it
 * Invariant  the value only grows, each time from the version that was read; who moved it from a to b, and nobody else
 *            ever, has the ids a to b − 1. A move whose reply was lost may have happened: its ids are let go
 * Wake-up    none: whoever was overtaken reads and tries again
 * Suspended  ids in hand go on being given out; a new block waits for the connection
 * Lost       the same: nothing here belongs to a session
 * Not given  an order among allocators, though each one's ids grow; numbers without gaps: what is in hand when a program
 *            ends is never given out. Uniqueness once somebody has deleted the node or set it back
 */
import { type Acl, type Client, isCoordinationError } from "@corral/client";
import { beginWait, insist, isInterruption, recipePath, sleep, until, type WaitOptions } from "@corral/recipe-kit";
import { decodeCounter, encodeCounter } from "./formats.ts";
import { type IdBlock, IdBlocks } from "./id-blocks.ts";
import { nextVersion } from "./judge.ts";
import { readOrNone } from "./observe-value.ts";

/** Where the ids begin and how many are taken at a time. */
export interface IdAllocatorOptions {
  /** How many ids are asked for at a time. They may differ from allocator to allocator. Default 100. */
  readonly blockSize?: number | undefined;
  /** The first id of all. The same for all who use the path. Default 1. */
  readonly first?: bigint | undefined;
  /** When fewer ids than this are in hand, the next block is asked for already. Default a quarter of `blockSize`. */
  readonly refillBelow?: number | undefined;
  /** Who may do what with the node. Default: everybody everything. */
  readonly acl?: readonly Acl[] | undefined;
}

/** What the node held when it was last seen. */
interface Known {
  readonly free: bigint;
  readonly version: number;
}

/** First pause after somebody else took a block; doubles, up to the longest; half of it random. ms. */
const overtakenMs = 2;
const overtakenMsMax = 64;

/** See the head of this file. */
export class IdAllocator {
  readonly path: string;
  readonly #client: Client;
  readonly #blockSize: number;
  readonly #refillBelow: bigint;
  readonly #first: bigint;
  readonly #acl: readonly Acl[] | undefined;
  readonly #blocks = new IdBlocks();
  #refilling: Promise<void> | undefined;
  #known: Known | undefined;
  /** Right after the last id that was had. */
  #end: bigint | undefined;
  /** Blocks are taken one after the other, so that they grow. */
  #last: Promise<unknown> = Promise.resolve();

  /** Remembers; nothing is sent before it is used. @throws RangeError for a block of no size. */
  constructor(client: Client, path: string, options: IdAllocatorOptions = {}) {
    this.path = recipePath("IdAllocator", path);
    const { blockSize = 100, first = 1n, refillBelow = Math.floor(blockSize / 4), acl } = options;
    if (!(Number.isSafeInteger(blockSize) && blockSize >= 1)) {
      throw new RangeError(`IdAllocator ${path}: blockSize is ${blockSize}; it must be a whole number, at least 1.`);
    }
    if (!(Number.isSafeInteger(refillBelow) && refillBelow >= 0)) {
      throw new RangeError(
        `IdAllocator ${path}: refillBelow is ${refillBelow}; it must be a whole number, at least 0.`,
      );
    }
    encodeCounter("int64", first);
    this.#client = client;
    this.#blockSize = blockSize;
    this.#refillBelow = BigInt(refillBelow);
    this.#first = first;
    this.#acl = acl;
  }

  /** Ids in hand: so many can be had without waiting. */
  get left(): bigint {
    return this.#blocks.left;
  }

  /** The next id, if one is in hand. Asks for more in the background when it is time. */
  tryNext(): bigint | undefined {
    const id = this.#blocks.take();
    if (this.#blocks.left < this.#refillBelow || id === undefined) this.#refillInBackground();
    return id;
  }

  /**
   * The next id: greater than all that this allocator has given before, and nobody else's ever.
   * @throws WaitTimeoutError, the signal's reason, MarshallingError, RangeError when int64 is exhausted, Error if the
   * node was set back or made anew
   */
  async next(wait: WaitOptions = {}): Promise<bigint> {
    wait.signal?.throwIfAborted();
    const atOnce = this.tryNext();
    if (atOnce !== undefined) return atOnce;
    using limit = beginWait(this.#client, "An id of", this.path, wait);
    for (;;) {
      await until(this.#refill(), limit.signal);
      const id = this.tryNext();
      if (id !== undefined) return id;
    }
  }

  /** A block of one's own, of ids greater than all before, and not given out by `next()`. Throws as `next`. */
  async block(size = this.#blockSize, wait: WaitOptions = {}): Promise<IdBlock> {
    if (!(Number.isSafeInteger(size) && size >= 1)) {
      throw new RangeError(`IdAllocator ${this.path}: a block of ${size} ids; it must be a whole number, at least 1.`);
    }
    using limit = beginWait(this.#client, "A block of ids of", this.path, wait);
    return await until(this.#take(size), limit.signal);
  }

  #refillInBackground(): void {
    if (this.#refilling !== undefined) return;
    this.#refill().catch((err: unknown) =>
      // Whoever needs an id and finds none asks again, and is told.
      this.#client.logger.debug({ err, path: this.path }, "no block of ids could be had in advance"),
    );
  }

  /** One more block in hand, for however many wait for it. */
  #refill(): Promise<void> {
    this.#refilling ??= this.#take(this.#blockSize)
      .then((block) => this.#blocks.add(block))
      .finally(() => {
        this.#refilling = undefined;
      });
    return this.#refilling;
  }

  #take(size: number): Promise<IdBlock> {
    const taken = this.#last.then(() => this.#move(BigInt(size)));
    // The next one waits for it and does not care how it went.
    this.#last = taken.catch(() => undefined);
    return taken;
  }

  /** Moves the lowest free id up by `size`. */
  async #move(size: bigint): Promise<IdBlock> {
    for (let overtakes = 0; ; overtakes++) {
      const known = this.#known ?? (await insist(this.#client, () => this.#look()));
      const block = { from: known.free, to: known.free + size };
      if (this.#end !== undefined && block.from < this.#end) {
        throw new Error(
          `${this.path} was set back: ids up to ${this.#end} are given out, and now it says ${block.from}.`,
        );
      }
      const bytes = encodeCounter("int64", block.to);
      this.#known = undefined;
      try {
        await this.#client.set(this.path, bytes, { version: known.version });
        this.#known = { free: block.to, version: nextVersion(known.version) };
        this.#end = block.to;
        return block;
      } catch (error) {
        // Without an answer it may have been moved, or may still be: then those ids are nobody's.
        const isOvertaken = isCoordinationError(error, "BadVersion") || isCoordinationError(error, "NoNode");
        if (!isOvertaken && !isInterruption(error)) throw error;
      }
      const fullMs = Math.min(overtakenMsMax, overtakenMs * 2 ** Math.min(overtakes, 10));
      await sleep(this.#client.clock, fullMs * (0.5 + this.#client.random.fraction() / 2));
    }
  }

  /** What the node holds; it is made if it is missing. */
  async #look(): Promise<Known> {
    for (;;) {
      const node = await readOrNone(this.#client, this.path, {});
      if (node !== undefined) {
        const free = decodeCounter("int64", node.data, this.path) ?? this.#first;
        return { free, version: node.stat.version };
      }
      const options = this.#acl === undefined ? {} : { acl: this.#acl };
      try {
        await this.#client.create(this.path, encodeCounter("int64", this.#first), { ...options, createParents: true });
      } catch (error) {
        if (!isCoordinationError(error, "NodeExists")) throw error;
      }
    }
  }
}
