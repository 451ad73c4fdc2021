/**
 * Entries that bear witness: with an entry stands which zxid had been applied where it was proposed, and what digest the
 * state (tree and sessions) had there. Whoever applies the log again, after a restart or as another server, compares when he
 * has come to that zxid, and so notices that he has another state, before he shows it to anybody.
 */
import type { Digest } from "./tree-digest.ts";
import { sameDigest } from "./tree-digest.ts";

/** What an entry says of the state where it was proposed. */
export interface Witness {
  /** The last zxid applied there. */
  readonly zxid: number;
  /** Of the state after it. */
  readonly digest: Digest;
  /** It is of the tree alone, as those were that the first versions wrote. */
  readonly isOfTree: boolean;
}

/** The digests of a state. */
export interface Digests {
  readonly tree: Digest;
  readonly state: Digest;
}

/** Digests that are remembered: an entry is not proposed much longer before it is applied. */
const rememberedMax = 100_000;

/** The digests passed on the way; see the head of this file. */
export class WitnessCheck {
  /** By zxid, ascending; those before the last witness are forgotten. */
  readonly #passed = new Map<number, Digests>();
  #confirmedZxid: number | undefined;

  /** The last zxid at which a witness said the same as was found here; undefined if none has. */
  get confirmedZxid(): number | undefined {
    return this.#confirmedZxid;
  }

  /** The state after `zxid` has these digests. */
  pass(zxid: number, digests: Digests): void {
    this.#passed.set(zxid, digests);
    if (this.#passed.size <= rememberedMax) return;
    for (const oldest of this.#passed.keys()) {
      this.#passed.delete(oldest);
      return;
    }
  }

  /** The digest that the state had here at the zxid of the witness, if it was another one. */
  contradiction(witness: Witness): Digest | undefined {
    for (const zxid of this.#passed.keys()) {
      if (zxid >= witness.zxid) break;
      this.#passed.delete(zxid);
    }
    // What is not known was before the snapshot: another digest has vouched for that.
    const passed = this.#passed.get(witness.zxid);
    if (passed === undefined) return undefined;
    const here = witness.isOfTree ? passed.tree : passed.state;
    if (!sameDigest(here, witness.digest)) return here;
    this.#confirmedZxid = witness.zxid;
    return undefined;
  }
}
