/** Access lists by number. Nearly all nodes share a few lists, so each list is kept once, for as long as it is used. */
import type { Acl } from "@corral/protocol";

/** The access lists in use. */
export class AclTable {
  readonly #lists: (readonly Acl[] | undefined)[] = [];
  readonly #uses: number[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #free: number[] = [];
  /** The list that was added last: mostly the next is the same one. */
  #latest: { readonly acl: readonly Acl[]; readonly number: number } | undefined;

  /** The list's number, used once more. */
  add(acl: readonly Acl[]): number {
    const number = this.#latest?.acl === acl ? this.#latest.number : this.#find(acl);
    this.#uses[number] = (this.#uses[number] ?? 0) + 1;
    return number;
  }

  get(number: number): readonly Acl[] {
    return this.#lists[number] ?? [];
  }

  /** Used once less; forgotten with its last use. */
  remove(number: number): void {
    const uses = (this.#uses[number] ?? 0) - 1;
    this.#uses[number] = uses;
    if (uses > 0) return;
    this.#numbers.delete(keyOf(this.get(number)));
    this.#lists[number] = undefined;
    this.#free.push(number);
    this.#latest = undefined;
  }

  #find(acl: readonly Acl[]): number {
    const key = keyOf(acl);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#free.pop() ?? this.#lists.length;
      this.#lists[number] = acl;
      this.#uses[number] = 0;
      this.#numbers.set(key, number);
    }
    this.#latest = { acl, number };
    return number;
  }
}

function keyOf(acl: readonly Acl[]): string {
  return JSON.stringify(acl.map(({ perms, id }) => [perms, id.scheme, id.id]));
}
