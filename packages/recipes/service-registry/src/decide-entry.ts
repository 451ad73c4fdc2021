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

/** What is in the tree. */
export interface Situation {
  /** What the claim of this attempt stands for: nothing yet, or its entry, or (to hold the name alone) only for the name. */
  readonly own: "nothing" | "name" | "entry";
  /** The node with the name of the entry, whoever made it. Of a sequential one there is none. */
  readonly entry: { readonly version: number; readonly ephemeral: boolean } | undefined;
  /** Names of all claims to the service's instances. */
  readonly claims: readonly string[];
  /** Name of the claim that holds the name alone. */
  readonly holder: string | undefined;
  /** Ids of the service's entries, but for the one that is to be made. */
  readonly members: readonly string[];
}

/** What to do. */
export type EntryDecision =
  | { readonly kind: "entered" }
  | { readonly kind: "taken"; readonly by: NameHolder }
  /** One transaction: remove what is in the way, then make the entry and its claim; with `name`, the hold on the name. */
  | { readonly kind: "enter"; readonly what: "entry" | "name"; readonly remove: Removals };

/** Nodes of former selves, and of this attempt so far. */
export interface Removals {
  /** The claim of this attempt, to be made again together with what it is to stand for. */
  readonly ownClaim: boolean;
  /** The version of the entry to remove. */
  readonly entryVersion: number | undefined;
  readonly claims: readonly string[];
  readonly holder: boolean;
}

/**
 * At any zxid an id has at most one entry with a live claim, and a name that is held alone no entry but its holder's: what
 * is decided here is carried out only if nothing of it has changed.
 */
export function decideEntry(situation: Situation, request: EntryRequest): EntryDecision {
  const { own, entry, claims, holder, members } = situation;
  const { id, claim, earlierClaims, exclusive, takeOver, sequential } = request;
  if (own === "entry") return { kind: "entered" };
  const sameId = sequential ? [] : claims.filter((one) => one !== claim && idOfClaim(one) === id);
  const mayRemove = (one: string): boolean => earlierClaims.has(one) || (takeOver && sameId.includes(one));

  const otherHolder = holder === claim ? undefined : holder;
  if (
    otherHolder !== undefined &&
    !mayRemove(otherHolder) &&
    !(takeOver && !sequential && idOfClaim(otherHolder) === id)
  ) {
    return { kind: "taken", by: { id: idOfClaim(otherHolder), holds: "name" } };
  }
  const inTheWay = sameId.filter((one) => !mayRemove(one));
  // An ephemeral entry without a claim is some other program's; one that is not ephemeral has nobody behind it.
  const isForeign = entry?.ephemeral === true && sameId.length === 0;
  if (inTheWay.length > 0 || (isForeign && !takeOver)) return { kind: "taken", by: { id, holds: "id" } };

  const former = claims.filter((one) => one !== claim && (sameId.includes(one) || earlierClaims.has(one)));
  const remove = {
    ownClaim: own !== "nothing",
    entryVersion: entry?.version,
    claims: former,
    holder: otherHolder !== undefined,
  };
  if (!exclusive) return { kind: "enter", what: "entry", remove };
  // First the name, so that nobody can come; then a look who has come before.
  if (own === "nothing" || holder !== claim) return { kind: "enter", what: "name", remove };
  const [member] = members;
  if (member !== undefined) return { kind: "taken", by: { id: member, holds: "member" } };
  return { kind: "enter", what: "entry", remove };
}
