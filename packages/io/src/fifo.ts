/** A queue with both ends cheap, for what is answered in the order in which it was asked. */
export class Fifo<T> {
  #items: T[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** The oldest item, left in; `undefined` when there is none. */
  peek(): T | undefined {
    return this.#items[this.#head];
  }

  /** The oldest item, taken out; `undefined` when there is none. */
  shift(): T | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#head++;
    // The part already taken is dropped now and then, so that each item is moved at most once on average.
    if (this.#head === this.#items.length) this.clear();
    else if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Everything, oldest first, taken out. */
  drain(): T[] {
    const items = this.#items.slice(this.#head);
    this.clear();
    return items;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}
