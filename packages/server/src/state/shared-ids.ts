/**
 * The identities in access lists: each is kept once, for as long as a list has it. A few bytes of a request can ask for a list of many
 * (`auth`), and for another one each time; read from a file, each list has texts of its own, and what ran could not be started again.
 */
import type { Acl, Id } from "@corral/protocol";
import { digestOfText, isLongText } from "./long-text.ts";
import type { Keeping } from "./shared-values.ts";

interface Shared {
  readonly id: Id;
  uses: number;
}

/** See the head of this file. */
export class SharedIds implements Keeping<readonly Acl[]> {
  /** By scheme, of which there are few, and by the very text that is kept. */
  readonly #schemes = new Map<string, Map<string, Shared>>();
  /** Of long ones by a digest; apart from the others, for anybody may have that for an id. */
  readonly #longSchemes = new Map<string, Map<string, Shared>>();

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
      const { shared, key } = this.#placeOf(id);
      const known = shared.get(key);
      if (known !== undefined && --known.uses === 0) shared.delete(key);
    }
  }

  #use(id: Id): Id {
    const { shared, key } = this.#placeOf(id);
    let known = shared.get(key);
    if (known === undefined) {
      known = { id, uses: 0 };
      shared.set(key, known);
    }
    known.uses++;
    return known.id;
  }

  #placeOf({ scheme, id }: Id): { readonly shared: Map<string, Shared>; readonly key: string } {
    const isLong = isLongText(id);
    const schemes = isLong ? this.#longSchemes : this.#schemes;
    let shared = schemes.get(scheme);
    if (shared === undefined) {
      shared = new Map();
      schemes.set(scheme, shared);
    }
    return { shared, key: isLong ? digestOfText(id) : id };
  }
}
