/** What a registration does next, from what it finds in the tree. Pure. */
import type { NameHolder } from "./errors.ts";
import { idOfClaim } from "./layout.ts";

/** What is to be registered, and how far it may go for that. */
export interface EntryRequest {
  readonly id: string;
  /** The claim that this attempt makes. */
  readonly claim: string;
  /** Claims of attempts and sessions before, of the same registration: they are in nobody's way. */
  readonly earlierClaims: ReadonlySet<string>;
  /** To hold the name alone. */
  readonly exclusive: boolean;
  /** Whoever has the same id is taken for a former self, and loses its entry. */
  readonly takeOver: boolean;
  /** The server makes the id unique. */
  readonly sequential: boolean;
}

/** A node that says whose something is. */
export interface Mark {
  /** The name of the claim behind it. */
  readonly claim: string;
  /** Whether that claim is there. Otherwise somebody has deleted it by hand. */
  readonly isAlive: boolean;
  /** Made by this session. */
  readonly isOwn: boolean;
  /** The mark's own. */
  readonly version: number;
}

/** What is in the tree. */
export interface Situation {
  /** What the claim of this attempt stands for: nothing yet, or its entry, or (to hold the name alone) only for the name. */
  readonly own: "nothing" | "name" | "entry";
  /** The node with the name of the entry, whoever made it. Not looked for if it is to have a name of its own. */
  readonly entry: { readonly version: number; readonly ephemeral: boolean } | undefined;
  /** Who has the id. */
  readonly idMark: Mark | undefined;
  /** Who holds the name alone. */
  readonly holder: Mark | undefined;
  /** Ids of the service's entries, but for the one that is to be made. Looked at after `holder`. */
  readonly members: readonly string[];
}

/** What to do. */
export type EntryDecision =
  | { readonly kind: "entered" }
  | { readonly kind: "taken"; readonly by: NameHolder }
  /** One transaction: remove what is in the way, then make the claim, and what it is to stand for. */
  | {
      readonly kind: "enter";
      /** `name`: only the hold on the name. `entry`: the entry and the mark on its id. */
      readonly what: "name" | "entry";
      /** Make the hold on the name too. */
      readonly hold: boolean;
      readonly remove: Removals;
    };

/** Nodes of former selves, and of this attempt so far. */
export interface Removals {
  /** The claim of this attempt, to be made again together with what it is to stand for. */
  readonly ownClaim: boolean;
  /** Versions of the nodes to remove. */
  readonly entry: number | undefined;
  readonly idMark: number | undefined;
  readonly holder: number | undefined;
  readonly claims: readonly string[];
}

/**
 * At any zxid an id has at most one registration, and a name that is held alone none but its holder's. Versions are of no
 * help there, for every node begins with version 0. What makes it true:
 *
 * - whoever makes an entry makes the mark on its id, and whoever holds a name makes its mark: of two one fails;
 * - whoever removes a mark removes the claim behind it in the same transaction, and a claim is never made twice;
 * - a mark that has lost its claim, by somebody's hand, is removed by nobody but the session that made it.
 */
export function decideEntry(situation: Situation, request: EntryRequest): EntryDecision {
  const { own, entry, members } = situation;
  const { id, claim, earlierClaims, exclusive, takeOver, sequential } = request;
  if (own === "entry") return { kind: "entered" };
  const isFormerSelf = (other: Mark): boolean =>
    (other.isAlive || other.isOwn) &&
    (earlierClaims.has(other.claim) || (takeOver && !sequential && idOfClaim(other.claim) === id));
  const holder = situation.holder?.claim === claim ? undefined : situation.holder;
  const idMark = situation.idMark?.claim === claim ? undefined : situation.idMark;
  if (holder !== undefined && !isFormerSelf(holder)) {
    return { kind: "taken", by: { id: idOfClaim(holder.claim), holds: "name" } };
  }
  // An ephemeral entry that nobody has marked is some other program's. One that is not ephemeral has nobody behind it.
  const isForeign = entry?.ephemeral === true && situation.idMark === undefined;
  if ((idMark !== undefined && !isFormerSelf(idMark)) || (isForeign && !takeOver)) {
    return { kind: "taken", by: { id, holds: "id" } };
  }
  const ownClaim = own !== "nothing";
  const [member] = members;
  const isHeld = situation.holder?.claim === claim || holder?.isAlive === true;
  // First the name, so that nobody can come; then a look who has come before. A former self has kept them away already.
  if (exclusive && !isHeld) {
    const remove = { ownClaim, entry: undefined, idMark: undefined, holder: holder?.version, claims: [] };
    return { kind: "enter", what: "name", hold: true, remove };
  }
  if (exclusive && member !== undefined) return { kind: "taken", by: { id: member, holds: "member" } };
  const claims = [idMark, holder].flatMap((mark) => (mark?.isAlive ? [mark.claim] : []));
  const remove: Removals = {
    ownClaim,
    entry: entry?.version,
    idMark: situation.idMark?.version,
    holder: holder?.version,
    claims: [...new Set(claims)],
  };
  return { kind: "enter", what: "entry", hold: exclusive && situation.holder?.claim !== claim, remove };
}
