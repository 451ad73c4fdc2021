/**
 * Registrants of a service as `enter` runs them: look, decide, one transaction that happens or fails as a whole, look again;
 * and at any moment any of them may die, with all that is ephemeral of it. All versions are 0, as they are of nodes made
 * anew, so that whatever relies on them alone is found out.
 */
import { decideEntry, type EntryDecision, type Mark } from "@corral/service-registry";
import type { Model } from "../support/explore.ts";

/** Who wants to register what. */
export interface Registrant {
  readonly id: string;
  readonly exclusive?: boolean;
  readonly takeOver?: boolean;
  /** Its entry outlives it. */
  readonly persistent?: boolean;
}

/** Who made an entry: a registrant's claim; `nobody` stands behind it any more; or a `foreign` program. */
type Owner = string;

interface Tree {
  readonly entries: Readonly<Record<string, Owner>>;
  readonly marks: Readonly<Record<string, string>>;
  readonly claims: readonly string[];
  readonly holder: string | null;
}

export interface RegistryState extends Tree {
  readonly phases: readonly ("out" | "look" | "refused" | "dead" | "registered" | EntryDecision)[];
  /** How often each has begun with a new claim. */
  readonly attempts: readonly number[];
  /** What each knows to have made. */
  readonly made: readonly ("nothing" | "name" | "entry")[];
  /** How many claims may still be deleted by hand. */
  readonly hands: number;
}

/** So often does a registrant begin afresh, to come to an end. */
const attemptsMax = 2;

/** The decision under test. */
export type Decide = typeof decideEntry;

export function registryModel(
  registrants: readonly Registrant[],
  {
    entries = {},
    hands = 0,
    decide = decideEntry,
  }: Partial<Pick<RegistryState, "entries" | "hands">> & {
    readonly decide?: Decide;
  } = {},
): Model<RegistryState> {
  const claimOf = (i: number, attempt: number): string =>
    `${String(i).padEnd(34, "-")}#${attempt}-${registrants[i]?.id ?? ""}`;
  const ownerOf = (claim: string): Registrant | undefined => registrants[Number(claim.slice(0, claim.indexOf("-")))];
  const isEntered = (tree: Tree, claim: string): boolean => tree.entries[ownerOf(claim)?.id ?? ""] === claim;

  const request = (state: RegistryState, i: number) => {
    const { id = "", exclusive = false, takeOver = true } = registrants[i] ?? {};
    const attempt = state.attempts[i] ?? 0;
    const earlierClaims = new Set(Array.from({ length: attempt }, (_, n) => claimOf(i, n)));
    return { id, claim: claimOf(i, attempt), earlierClaims, exclusive, takeOver, sequential: false };
  };
  const decision = (state: RegistryState, i: number): EntryDecision => {
    const own = request(state, i);
    const mark = (claim: string | null | undefined): Mark | undefined =>
      claim == null
        ? undefined
        : { claim, isAlive: state.claims.includes(claim), isOwn: ownerOf(claim) === registrants[i], version: 0 };
    const entry = state.entries[own.id];
    return decide(
      {
        own: !state.claims.includes(own.claim) ? "nothing" : entry === own.claim ? "entry" : "name",
        entry: entry === undefined ? undefined : { version: 0, ephemeral: !isPersistent(entry) },
        idMark: mark(state.marks[own.id]),
        holder: mark(state.holder),
        members: Object.keys(state.entries).filter((id) => id !== own.id),
      },
      own,
    );
  };
  const isPersistent = (owner: Owner): boolean => owner === "nobody" || ownerOf(owner)?.persistent === true;

  /** What is left when all that is ephemeral of a claim goes. */
  const without = (tree: Tree, claim: string): Tree => {
    const entries = { ...tree.entries };
    for (const [id, owner] of Object.entries(entries)) {
      if (owner !== claim) continue;
      if (isPersistent(claim)) entries[id] = "nobody";
      else delete entries[id];
    }
    return {
      entries,
      marks: Object.fromEntries(Object.entries(tree.marks).filter(([, of]) => of !== claim)),
      claims: tree.claims.filter((one) => one !== claim),
      holder: tree.holder === claim ? null : tree.holder,
    };
  };

  /** The transaction of `enter.ts`; `undefined`: it fails. */
  const carryOut = (
    state: RegistryState,
    i: number,
    { what, hold, remove }: Extract<EntryDecision, { kind: "enter" }>,
  ) => {
    const { id, claim, exclusive } = request(state, i);
    const [entries, marks, claimsLeft] = [{ ...state.entries }, { ...state.marks }, new Set(state.claims)];
    let { holder } = state;
    for (const one of [...(remove.ownClaim ? [claim] : []), ...remove.claims]) {
      if (!claimsLeft.delete(one)) return undefined;
    }
    if (remove.entry !== undefined) {
      if (entries[id] === undefined) return undefined;
      delete entries[id];
    }
    if (remove.idMark !== undefined) {
      if (marks[id] === undefined) return undefined;
      delete marks[id];
    }
    if (remove.holder !== undefined) {
      if (holder === null) return undefined;
      holder = null;
    }
    if (claimsLeft.has(claim)) return undefined;
    claimsLeft.add(claim);
    if (hold) {
      if (holder !== null) return undefined;
      holder = claim;
    }
    if (what === "name") return { entries, marks, claims: [...claimsLeft].sort(), holder };
    if ((!exclusive && holder !== null) || marks[id] !== undefined || entries[id] !== undefined) return undefined;
    return {
      entries: sorted({ ...entries, [id]: claim }),
      marks: sorted({ ...marks, [id]: claim }),
      claims: [...claimsLeft].sort(),
      holder,
    };
  };

  return {
    start: {
      entries,
      marks: {},
      claims: [],
      holder: null,
      phases: registrants.map(() => "out"),
      attempts: registrants.map(() => 0),
      made: registrants.map(() => "nothing"),
      hands,
    },
    *next(state) {
      const replaced = <T>(list: readonly T[], at: number, by: T): T[] => list.map((one, j) => (j === at ? by : one));
      const to = (i: number, phase: RegistryState["phases"][number], tree: Tree = state): RegistryState => {
        const { entries, marks, claims, holder } = tree;
        return { ...state, entries, marks, claims, holder, phases: replaced(state.phases, i, phase) };
      };
      for (const claim of state.hands > 0 ? state.claims : []) {
        const claims = state.claims.filter((one) => one !== claim);
        yield { step: `${claim} is deleted by hand`, state: { ...state, claims, hands: state.hands - 1 } };
      }
      for (const [i, phase] of state.phases.entries()) {
        const { claim } = request(state, i);
        if (phase === "dead" || phase === "refused") continue;
        if (phase === "out") {
          yield { step: `${i} comes`, state: to(i, "look") };
          continue;
        }
        const all = [...state.claims, ...Object.values(state.entries)].filter((one) => one.startsWith(`${i}-`));
        const gone = [claim, ...all].reduce(without, state);
        yield { step: `${i} dies`, state: to(i, "dead", gone) };
        const made = state.made[i];
        if (phase === "registered" && !state.claims.includes(claim)) {
          yield { step: `${i} has lost it and withdraws`, state: to(i, "refused", gone) };
        } else if (phase === "look" && made !== "nothing" && !state.claims.includes(claim)) {
          // Taken over; before it had an entry it begins afresh, with another claim.
          const attempt = (state.attempts[i] ?? 0) + 1;
          if (made === "entry" || attempt === attemptsMax) {
            yield { step: `${i} is taken over`, state: to(i, "refused", gone) };
          } else {
            const [attempts, none] = [replaced(state.attempts, i, attempt), replaced(state.made, i, "nothing")];
            yield { step: `${i} begins afresh`, state: { ...state, attempts, made: none } };
          }
        } else if (phase === "look") {
          const next = decision(state, i);
          // Having given up, it withdraws what it had made so far.
          if (next.kind === "taken") yield { step: `${i} is refused`, state: to(i, "refused", gone) };
          else if (next.kind === "entered") yield { step: `${i} is registered`, state: to(i, "registered") };
          else yield { step: `${i} decides to enter the ${next.what}`, state: to(i, next) };
        } else if (typeof phase === "object" && phase.kind === "enter") {
          const tree = carryOut(state, i, phase);
          if (tree === undefined) yield { step: `${i} is overtaken`, state: to(i, "look") };
          else
            yield { step: `${i} acts`, state: { ...to(i, "look", tree), made: replaced(state.made, i, phase.what) } };
        }
      }
    },
    problem(state) {
      for (const claim of state.claims) {
        if (!isEntered(state, claim) && state.holder !== claim) return `${claim} stands for nothing`;
      }
      const { holder } = state;
      if (holder === null || !isEntered(state, holder)) return undefined;
      const others = Object.values(state.entries).filter((owner) => owner !== holder);
      return others.length > 0 ? `${holder} does not hold the name alone: ${others.join(", ")}` : undefined;
    },
  };
}

/** Equal states must look equal. */
function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
