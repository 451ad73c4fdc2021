/**
 * The identities in access lists: each is kept once, for as long as a list has it. A few bytes of a request can ask for a list of many
 * (`auth`), and for another one each time; read from a file, each list has texts of its own, and what ran could not be started again.
 */
import type { Acl, Id } from "@corral/protocol";
import type { Keeping } from "./shared-values.ts";

interface Shared {
  readonly id: Id;
  uses: number;
}

/** See the head of this file. */
export class SharedIds implements Keeping<readonly Acl[]> {
  /** By scheme, of which there are few, and by the very text that is kept. */
  readonly #schemes = new Map<string, Map<string, Shared>>();

  keep(acl: readonly Acl[]): readonly Acl[] {
    const kept = acl.map((entry) => {
      const id = this.#use(entry.id);
      return id === entry.id ? entry : { perms: entry.perms, id };
    });
    // One that is made once for all may be known again by what it is.
    return kept.every((entry, at) => entry === acl[at]) ? acl : kept;
  }

  drop(acl: readonly Acl[]): void {
    for (const { id } of acl) {
      const shared = this.#of(id.scheme);
      const known = shared.get(id.id);
      if (known !== undefined && --known.uses === 0) shared.delete(id.id);
    }
  }

  #use(id: Id): Id {
    const shared = this.#of(id.scheme);
    let known = shared.get(id.id);
    if (known === undefined) {
      known = { id, uses: 0 };
      shared.set(id.id, known);
    }
    known.uses++;
    return known.id;
  }

  #of(scheme: string): Map<string, Shared> {
    let shared = this.#schemes.get(scheme);
    if (shared === undefined) {
      shared = new Map();
      this.#schemes.set(scheme, shared);
    }
    return shared;
  }
}
