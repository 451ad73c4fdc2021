/** What to do with a value when it comes, and when it goes. */
export interface Keeping<Value> {
  /** The value that is kept: the same one, maybe of parts that others have too. */
  keep(value: Value): Value;
  /** One that was kept is not any more. */
  drop(value: Value): void;
}

/** Values by number that many nodes have in common: each is kept once, for as long as a node uses it. */
export class SharedValues<Value> {
  readonly #keyOf: (value: Value) => string | number | bigint;
  readonly #none: Value;
  readonly #keeping: Keeping<Value> | undefined;
  readonly #values: (Value | undefined)[] = [];
  readonly #uses: number[] = [];
  readonly #numbers = new Map<string | number | bigint, number>();
  readonly #free: number[] = [];
  /** What was added last: mostly the next is the same one. */
  #latest: { readonly value: Value; readonly number: number } | undefined;

  /** Values with the same key are the same. `none`: what a number has that is not in use. */
  constructor(keyOf: (value: Value) => string | number | bigint, none: Value, keeping?: Keeping<Value>) {
    this.#keyOf = keyOf;
    this.#none = none;
    this.#keeping = keeping;
  }

  /** The value's number, used once more. */
  add(value: Value): number {
    const number = this.#latest?.value === value ? this.#latest.number : this.#find(value);
    this.#uses[number] = (this.#uses[number] ?? 0) + 1;
    return number;
  }

  get(number: number): Value {
    return this.#values[number] ?? this.#none;
  }

  /** Used once less; forgotten with its last use. */
  remove(number: number): void {
    const uses = (this.#uses[number] ?? 0) - 1;
    this.#uses[number] = uses;
    if (uses > 0) return;
    const value = this.get(number);
    this.#numbers.delete(this.#keyOf(value));
    this.#keeping?.drop(value);
    this.#values[number] = undefined;
    this.#free.push(number);
    this.#latest = undefined;
  }

  #find(value: Value): number {
    const key = this.#keyOf(value);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#free.pop() ?? this.#values.length;
      this.#values[number] = this.#keeping === undefined ? value : this.#keeping.keep(value);
      this.#uses[number] = 0;
      this.#numbers.set(key, number);
    }
    this.#latest = { value, number };
    return number;
  }
}
