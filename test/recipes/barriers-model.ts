/**
 * Parties of a double barrier as the code runs them, round after round: take a ticket, read ready, list, decide; open by a
 * transaction that checks what was listed; leave, list, decide, wait. Reads and writes are steps of their own, so that
 * anybody can come in between; and a party may die at any of them.
 */
import { decideEnter, decideLeave, membersThere, partyNames } from "@corral/barriers";
import type { Model } from "../support/explore.ts";

/** Where a party stands. Its node, while it has one, is named `<party>.<round>`, or otherwise by `nameOf`. */
type Phase =
  | { readonly at: "outside" }
  /** Has a ticket and must look (again). */
  | { readonly at: "look" }
  /** Has read ready (its openers and version, or null), and must list. */
  | { readonly at: "list"; readonly ready: ReadyView | null }
  /** Has decided to write who is of the round, while some are present. */
  | {
      readonly at: "write";
      readonly ready: ReadyView | null;
      readonly members: readonly string[];
      readonly present: readonly string[];
    }
  | { readonly at: "waiting" }
  | { readonly at: "inside" }
  /** Leaving; `round` is who was there at its beginning. */
  | { readonly at: "leave"; readonly round: readonly string[] | null }
  /** Decided to wait for a node, must still watch it. */
  | { readonly at: "watch"; readonly round: readonly string[]; readonly on: string }
  | { readonly at: "leaveWaiting"; readonly round: readonly string[]; readonly on: string }
  | { readonly at: "dead" };

interface ReadyView {
  readonly members: readonly string[];
  readonly version: number;
}

export interface DoubleBarrierState {
  readonly parties: readonly string[];
  readonly ready: ReadyView | null;
  readonly phases: readonly Phase[];
  /** Rounds that each party has begun to enter. */
  readonly entered: readonly number[];
  /** Rounds that each party has begun to leave. */
  readonly leaving: readonly number[];
  readonly deaths: number;
  /** What the last step broke. */
  readonly broken: string | null;
}

export interface DoubleBarrierRules {
  readonly parties: number;
  readonly rounds: number;
  /** How many may die. */
  readonly deaths: number;
  /** Whether who has died may come back, as a new process. */
  readonly comeBack?: boolean;
  /** The name of a party's node in a round: the order of names decides who leaves last. */
  readonly nameOf?: (party: number, round: number) => string;
  /** As shipped, or something else to see what the model finds. */
  readonly enter?: typeof decideEnter;
  /** Whether who leaves waits for its own round only, as shipped, or for everybody it sees. */
  readonly leaveByRound?: boolean;
}

export function doubleBarrierModel(rules: DoubleBarrierRules): Model<DoubleBarrierState> {
  const { parties: count, rounds, nameOf = (p, r) => `${p}.${r}`, enter = decideEnter, leaveByRound = true } = rules;
  const ids = Array.from({ length: count }, (_, i) => i);

  const to = (state: DoubleBarrierState, party: number, phase: Phase): DoubleBarrierState => ({
    ...state,
    phases: state.phases.map((p, i) => (i === party ? phase : p)),
  });
  const own = (state: DoubleBarrierState, party: number) => nameOf(party, state.entered[party] ?? 0);
  /** Everybody who watches ready looks again. */
  const withReady = (state: DoubleBarrierState, ready: ReadyView | null): DoubleBarrierState => ({
    ...state,
    ready,
    phases: state.phases.map((p): Phase => (p.at === "waiting" ? { at: "look" } : p)),
  });
  const without = (state: DoubleBarrierState, name: string): DoubleBarrierState => ({
    ...state,
    parties: state.parties.filter((other) => other !== name),
    phases: state.phases.map(
      (p): Phase => (p.at === "leaveWaiting" && p.on === name ? { at: "leave", round: p.round } : p),
    ),
  });

  /** Who enters for the n-th time does so with everybody who lives: nobody is a round behind. */
  function enters(state: DoubleBarrierState, party: number): DoubleBarrierState {
    const round = state.entered[party] ?? 0;
    const behind = ids.filter((i) => (state.entered[i] ?? 0) < round);
    const broken = behind.length > 0 ? `${party} entered round ${round} without ${behind.join(" and ")}` : null;
    return { ...to(state, party, { at: "inside" }), broken: state.deaths === 0 ? broken : null };
  }

  function left(state: DoubleBarrierState, party: number): DoubleBarrierState {
    const round = state.leaving[party] ?? 0;
    const behind = ids.filter((i) => (state.leaving[i] ?? 0) < round);
    const broken = behind.length > 0 ? `${party} left round ${round} before ${behind.join(" and ")}` : null;
    return { ...to(state, party, { at: "outside" }), broken: state.deaths === 0 ? broken : null };
  }

  function* stepsOf(state: DoubleBarrierState, party: number): Generator<{ step: string; state: DoubleBarrierState }> {
    const phase = state.phases[party] as Phase;
    const name = own(state, party);
    switch (phase.at) {
      case "dead":
        if (rules.comeBack) yield { step: `${party} comes back`, state: to(state, party, { at: "outside" }) };
        return;
      case "waiting":
      case "leaveWaiting":
        return;
      case "outside": {
        const round = (state.entered[party] ?? 0) + 1;
        if (round > rounds) return;
        const entered = state.entered.map((n, i) => (i === party ? round : n));
        const parties = [...state.parties, nameOf(party, round)].sort();
        yield { step: `${party} takes a ticket`, state: { ...to(state, party, { at: "look" }), entered, parties } };
        return;
      }
      case "look":
        yield { step: `${party} reads ready`, state: to(state, party, { at: "list", ready: state.ready }) };
        return;
      case "list": {
        const listed = partyNames([...state.parties, ...(state.ready ? ["ready"] : [])]);
        const ready = phase.ready ?? undefined;
        const decision = enter({ parties: listed, own: name, ready, needed: count });
        switch (decision.kind) {
          case "enter":
            yield { step: `${party} enters`, state: enters(state, party) };
            return;
          case "join":
          case "open": {
            const { members } = decision;
            const present = decision.kind === "open" ? members : [decision.via, name];
            const write = { at: "write", ready: phase.ready, members, present } as const;
            yield { step: `${party} will ${decision.kind}`, state: to(state, party, write) };
            return;
          }
          case "wait": {
            // The watch was left with the read: what has changed since has fired it.
            const isStale = JSON.stringify(state.ready) !== JSON.stringify(phase.ready);
            yield { step: `${party} waits`, state: to(state, party, { at: isStale ? "look" : "waiting" }) };
          }
        }
        return;
      }
      case "write": {
        const allThere = phase.present.every((other) => state.parties.includes(other));
        const sameReady = (phase.ready?.version ?? -1) === (state.ready?.version ?? -1);
        const looks = to(state, party, { at: "look" });
        const version = (phase.ready?.version ?? -1) + 1;
        const done = allThere && sameReady;
        yield {
          step: `${party} writes ready: ${done}`,
          state: done ? withReady(looks, { members: phase.members, version }) : looks,
        };
        return;
      }
      case "inside": {
        const leaving = state.leaving.map((n, i) => (i === party ? (state.entered[party] ?? 0) : n));
        yield {
          step: `${party} begins to leave`,
          state: { ...to(state, party, { at: "leave", round: null }), leaving },
        };
        return;
      }
      case "leave": {
        const ofRound = (leaveByRound ? membersThere(state.ready ?? undefined, state.parties) : null) ?? state.parties;
        const round = (leaveByRound ? phase.round : null) ?? ofRound;
        const there = state.parties.filter((other) => round.includes(other));
        const decision = decideLeave(there, name);
        if (decision.kind === "done") yield { step: `${party} has left`, state: left(state, party) };
        else if (decision.kind === "wait") {
          yield { step: `${party} will wait`, state: to(state, party, { at: "watch", round, on: decision.on }) };
        } else {
          // In one transaction with a look at the others: see giveBackParty.
          const isLast = membersThere(state.ready ?? undefined, state.parties).every((other) => other === name);
          const gone = without(to(state, party, { at: "leave", round }), name);
          yield { step: `${party} leaves`, state: isLast ? withReady(gone, null) : gone };
        }
        return;
      }
      case "watch": {
        const at = state.parties.includes(phase.on)
          ? ({ at: "leaveWaiting", round: phase.round, on: phase.on } as const)
          : ({ at: "leave", round: phase.round } as const);
        yield { step: `${party} watches ${phase.on}`, state: to(state, party, at) };
      }
    }
  }

  return {
    start: {
      parties: [],
      ready: null,
      phases: ids.map(() => ({ at: "outside" })),
      entered: ids.map(() => 0),
      leaving: ids.map(() => 0),
      deaths: 0,
      broken: null,
    },
    *next(state) {
      for (const party of ids) {
        yield* stepsOf(state, party);
        const { at } = state.phases[party] as Phase;
        if (at === "dead" || at === "outside" || state.deaths === rules.deaths) continue;
        const dead = without(to(state, party, { at: "dead" }), own(state, party));
        yield { step: `${party} dies`, state: { ...dead, deaths: state.deaths + 1 } };
      }
    },
    problem(state, isFinal) {
      if (state.broken !== null) return state.broken;
      if (!isFinal) return undefined;
      const stuck = ids.filter((i) => !["outside", "dead"].includes(state.phases[i]?.at ?? ""));
      // Whoever waits for a party that has died waits rightly; nobody else does.
      const wait = stuck.every((i) => state.phases[i]?.at === "waiting");
      // A process that came back may be a round behind, and the others done.
      const missing = state.parties.length < count;
      if (stuck.length > 0 && !(wait && missing && state.deaths > 0)) return `stuck for ever: ${stuck.join(" and ")}`;
      return undefined;
    },
  };
}
