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
}

/** Digests that are remembered: an entry is not proposed much longer before it is applied. */
const rememberedMax = 100_000;

/** Forgotten ones that may lie about before they are cleared away, for that moves all others. */
const forgottenMax = 10_000;

/** The digests passed on the way; see the head of this file. */
export class WitnessCheck {
  /** Ascending, and beside each the digests there. Those before #first are forgotten, and go when they are many. */
  #zxids: number[] = [];
  #digests: Digest[] = [];
  #first = 0;
  #confirmedZxid: number | undefined;

  /** The last zxid at which a witness said the same as was found here; undefined if none has. */
  get confirmedZxid(): number | undefined {
    return this.#confirmedZxid;
  }

  /** The state after `zxid` has this digest. */
  pass(zxid: number, digest: Digest): void {
    this.#zxids.push(zxid);
    this.#digests.push(digest);
    if (this.#zxids.length - this.#first > rememberedMax) this.#first++;
    if (this.#first < forgottenMax) return;
    this.#zxids = this.#zxids.slice(this.#first);
    this.#digests = this.#digests.slice(this.#first);
    this.#first = 0;
  }

  /** The digest that the state had here at the zxid of the witness, if it was another one. */
  contradiction(witness: Witness): Digest | undefined {
    const { zxid } = witness;
    while (this.#first < this.#zxids.length && (this.#zxids[this.#first] as number) < zxid) this.#first++;
    // What is not known was before the snapshot: another digest has vouched for that.
    const here = this.#zxids[this.#first] === zxid ? this.#digests[this.#first] : undefined;
    if (here === undefined) return undefined;
    if (!sameDigest(here, witness.digest)) return here;
    this.#confirmedZxid = zxid;
    return undefined;
  }
}
