/** The identities that a client presents on every connection. */
import { noPassword } from "./believed-session.ts";
import type { SessionAuth } from "./session-types.ts";

/** Credentials in the order in which they were added. */
export class Credentials {
  #list: SessionAuth[] = [];

  [Symbol.iterator](): Iterator<SessionAuth> {
    return this.#list[Symbol.iterator]();
  }

  add(auth: SessionAuth): void {
    this.#list.push(auth);
  }

  remove(auth: SessionAuth): void {
    this.#list = this.#list.filter((other) => other !== auth);
  }

  /** `auth` was accepted: the same credentials, if they had been added before, need not be presented twice. */
  accepted(auth: SessionAuth): void {
    const index = this.#list.indexOf(auth);
    this.#list = this.#list.filter((other, at) => at >= index || !same(other, auth));
  }
}

function same(a: SessionAuth, b: SessionAuth): boolean {
  return a.scheme === b.scheme && Buffer.compare(a.auth ?? noPassword, b.auth ?? noPassword) === 0;
}
