/**
 * Answers that the second thread hands to the operating system while the first goes on with the next requests (docs/adr/0020). With many requests in
 * flight on many connections, `write` is a third of what a read costs the server.
 *
 * What was put in is written in order. A socket that does not take a write whole is left alone from then on, whatever else the queue
 * has for it, until the first thread has come and has written the rest itself. Before a socket is ended or closed, or written to past
 * the queue, the queue is waited for (`settle`): no descriptor that is in it becomes another's.
 */
import { layout, type SecondThread } from "./second-thread.ts";

/** Whoever's bytes are in the queue. */
export interface QueueUser {
  /** To be written in another way, ahead of all else: the operating system did not take them. */
  takeBack(rest: Uint8Array): void;
  /** It cannot be known which of the bytes were written. */
  lose(): void;
}

/** To wake a thread for shorter ones costs as much as to write them. */
const worthwhileBytes = 256;
/** So many worthwhile ones in one turn of the event loop are many. */
const many = 8;
/** With more in the queue than that, the first thread writes as well. */
const longest = 32;

const { slots: slotCount, slotBytes, slotWords } = layout;
const writeBytesMax = (slotCount / 2) * slotBytes;

/** The queue. There is one for each second thread. */
export class WriteQueue {
  /** How many writes were put in, and how many of them were not taken whole. For tests. */
  total = 0;
  shortTotal = 0;
  readonly #thread: SecondThread;
  readonly #users: (QueueUser | undefined)[] = new Array(slotCount).fill(undefined);
  /** These three go round at 32 bits: writes that were put in, those that the thread knows of, and those that need no look any more. */
  #queued: number;
  #published: number;
  #settled: number;
  #worthwhile = 0;
  #isBusy = false;
  #isTurnDue = false;

  constructor(thread: SecondThread) {
    this.#thread = thread;
    this.#queued = this.#published = this.#settled = Atomics.load(thread.words, layout.published);
    thread.onShort = () => this.settle();
    thread.onEnd = () => this.#lose();
  }

  /** Whether an answer of that length is better put in than written. To be asked for each: that is how it is known how many there are. */
  isWorthwhile(byteLength: number): boolean {
    if (byteLength < worthwhileBytes) return false;
    this.#worthwhile++;
    this.#endTurnSoon();
    return this.#isBusy && this.#countWaiting() < longest && this.#thread.isReady;
  }

  /** Makes room for so many bytes, of which at most `writeBytesMax` may come at once. False: they are not to be put in. */
  makeRoom(byteLength: number): boolean {
    if (byteLength > writeBytesMax || !this.#thread.isReady) return false;
    if (this.#countWaiting() + Math.ceil(byteLength / slotBytes) > slotCount) this.settle();
    return this.#thread.isReady;
  }

  /** Puts bytes in; see `makeRoom`. Returns what `isUnwritten` may be asked for. */
  put(user: QueueUser, descriptor: number, bytes: Uint8Array): number {
    const { slots, slotRoom } = this.#thread;
    for (let from = 0; from < bytes.length; from += slotBytes) {
      const slot = this.#queued & (slotCount - 1);
      const part = bytes.length <= slotBytes ? bytes : bytes.subarray(from, from + slotBytes);
      slotRoom.set(part, slot * slotBytes);
      slots[slot * slotWords] = descriptor;
      slots[slot * slotWords + 1] = part.length;
      this.#users[slot] = user;
      this.#queued = (this.#queued + 1) | 0;
      this.total++;
    }
    this.#endTurnSoon();
    if (((this.#queued - this.#published) | 0) >= many) this.#publish();
    return this.#queued;
  }

  /** Whether that which was put in, or anything before it, may still have to be written. */
  isUnwritten(ticket: number): boolean {
    const { words } = this.#thread;
    if (((ticket - Atomics.load(words, layout.written)) | 0) > 0) return true;
    return Atomics.load(words, layout.shorts) !== Atomics.load(words, layout.settled);
  }

  /**
   * Waits until all that was put in has been written, and what was not taken has been given back. Where the thread fails, what it has not written is lost.
   * Where it does not come to an end, that is still in here (`isUnwritten`), and lost when it has ended.
   */
  settle(): void {
    this.#publish();
    const waited = this.#thread.waitFor(layout.written, this.#queued);
    if (waited === "failed") this.#lose();
    else this.#giveBack(waited === "done" ? this.#queued : Atomics.load(this.#thread.words, layout.written));
  }

  /** Looks after all that was written before the one of that number, when no more is: what was not taken goes back. */
  #giveBack(written: number): void {
    const { words, slots, slotRoom } = this.#thread;
    const shorts = Atomics.load(words, layout.shorts);
    while (this.#settled !== written) {
      const { slot, user } = this.#next();
      const length = slots[slot * slotWords + 1]!;
      const taken = slots[slot * slotWords + 2]!;
      if (taken === length) continue;
      this.shortTotal++;
      user?.takeBack(slotRoom.slice(slot * slotBytes + taken, slot * slotBytes + length));
    }
    // Not before the last rest is on its way.
    Atomics.store(words, layout.settled, shorts);
  }

  /** The next one that needs no look any more from here on. */
  #next(): { readonly slot: number; readonly user: QueueUser | undefined } {
    const slot = this.#settled & (slotCount - 1);
    const user = this.#users[slot];
    this.#users[slot] = undefined;
    this.#settled = (this.#settled + 1) | 0;
    return { slot, user };
  }

  /** How many are in it, those included that were not taken whole and have not been looked after. */
  #countWaiting(): number {
    const { words } = this.#thread;
    const written = Atomics.load(words, layout.written);
    // In this order: nothing before `written` can be found short later.
    if (Atomics.load(words, layout.shorts) !== Atomics.load(words, layout.settled)) this.settle();
    else while (this.#settled !== written) this.#next();
    return (this.#queued - this.#settled) | 0;
  }

  #publish(): void {
    if (this.#published === this.#queued) return;
    this.#published = this.#queued;
    Atomics.store(this.#thread.words, layout.published, this.#queued);
    this.#thread.ring();
  }

  #endTurnSoon(): void {
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    setImmediate(this.#endTurn);
  }

  readonly #endTurn = (): void => {
    this.#isTurnDue = false;
    this.#isBusy = this.#worthwhile >= many;
    this.#worthwhile = 0;
    this.#publish();
  };

  /** The thread is no more: whoever has something in the queue that may not have been written is told. */
  #lose(): void {
    const { words } = this.#thread;
    this.#giveBack(Atomics.load(words, layout.written));
    const users = new Set<QueueUser>();
    while (this.#settled !== this.#queued) {
      const { user } = this.#next();
      if (user !== undefined) users.add(user);
    }
    this.#published = this.#queued;
    for (const word of [layout.published, layout.written]) Atomics.store(words, word, this.#queued);
    for (const user of users) user.lose();
  }
}
