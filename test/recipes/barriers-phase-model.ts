/**
 * Parties of a phased barrier as the code runs them: read the phase, take a ticket, read again, list, decide; complete the
 * phase by a transaction that checks the arrivals; go on, while the own ticket is deleted in the background. A party may
 * die at any step, and come back as a process that takes up its work where it was.
 */
import { decidePhase } from "@corral/barriers";
import type { Model } from "../support/explore.ts";

type Step =
  | { readonly at: "begin" }
  /** Has read which phase is under way, and will arrive at it. */
  | { readonly at: "ticket" }
  | { readonly at: "look" }
  | { readonly at: "list"; readonly current: number }
  | { readonly at: "advance"; readonly current: number; readonly arrived: readonly string[] }
  | { readonly at: "waiting" }
  | { readonly at: "dead" };

interface Party {
  readonly step: Step;
  /** The phase that it is at: how many it has passed. */
  readonly phase: number;
  /** Whether its arrival at that phase has begun. */
  readonly arriving: boolean;
}

export interface PhasedState {
  readonly current: number;
  readonly names: readonly string[];
  /** Tickets of phases that were passed, still to be deleted in the background. */
  readonly old: readonly string[];
  readonly parties: readonly Party[];
  readonly deaths: number;
  readonly broken: string | null;
}

export interface PhasedRules {
  readonly parties: number;
  readonly phases: number;
  readonly deaths: number;
  /** As shipped, or something else to see what the model finds. */
  readonly decide?: typeof decidePhase;
}

export function phasedBarrierModel({ parties, phases, deaths, decide = decidePhase }: PhasedRules): Model<PhasedState> {
  const ids = Array.from({ length: parties }, (_, i) => i);
  const partyOf = (state: PhasedState, i: number): Party => state.parties[i] as Party;
  const change = (state: PhasedState, i: number, changes: Partial<Party>): PhasedState => ({
    ...state,
    parties: state.parties.map((party, j) => (j === i ? { ...party, ...changes } : party)),
  });
  const ownName = (state: PhasedState, i: number): string =>
    state.names.find((name) => name.startsWith(`_c_${i}-p${partyOf(state, i).phase}-`)) ?? "";

  /** Passes the phase: everybody else must have begun to arrive at it, or be further. */
  function passes(state: PhasedState, i: number): PhasedState {
    const { phase } = partyOf(state, i);
    const behind = ids.filter((j) => {
      const other = partyOf(state, j);
      return other.phase < phase || (other.phase === phase && !other.arriving);
    });
    const broken = behind.length > 0 ? `${i} passed phase ${phase} without ${behind.join(" and ")}` : null;
    const own = ownName(state, i);
    const after = change(state, i, { step: { at: "begin" }, phase: phase + 1, arriving: false });
    return { ...after, old: own === "" ? state.old : [...state.old, own], broken };
  }

  function* stepsOf(state: PhasedState, i: number): Generator<{ step: string; state: PhasedState }> {
    const { step, phase } = partyOf(state, i);
    switch (step.at) {
      case "dead":
        yield { step: `${i} comes back`, state: change(state, i, { step: { at: "begin" } }) };
        return;
      case "begin": {
        if (phase === phases) return;
        const begun = change(state, i, { arriving: true });
        const over = state.current > phase;
        yield {
          step: `${i} begins phase ${phase}`,
          state: over ? passes(begun, i) : change(begun, i, { step: { at: "ticket" } }),
        };
        return;
      }
      case "ticket": {
        // Only the order counts: numbers that are not there any more can come again, and there are fewer states.
        const sequence = Number(state.names.at(-1)?.slice(-10) ?? -1) + 1;
        const name = `_c_${i}-p${phase}-arrival-${String(sequence).padStart(10, "0")}`;
        const looks = change(state, i, { step: { at: "look" } });
        yield { step: `${i} arrives`, state: { ...looks, names: [...state.names, name] } };
        return;
      }
      case "look":
        yield { step: `${i} reads`, state: change(state, i, { step: { at: "list", current: state.current } }) };
        return;
      case "list": {
        const { current } = step;
        const view = { current, phase, names: state.names, own: ownName(state, i), needed: parties };
        const decision = decide(view);
        if (decision.kind === "passed") yield { step: `${i} passes`, state: passes(state, i) };
        else if (decision.kind === "advance") {
          const { arrived } = decision;
          yield { step: `${i} will advance`, state: change(state, i, { step: { at: "advance", current, arrived } }) };
        } else if (decision.kind === "wait") {
          // The watch was left with the read: what has changed since has fired it.
          const at = state.current === current ? "waiting" : "look";
          yield { step: `${i}: ${at}`, state: change(state, i, { step: { at } }) };
        }
        return;
      }
      case "advance": {
        // By number: the names of the tickets are only looked for, whatever the rule takes them for.
        const sequences = step.arrived.map((name) => name.slice(-10));
        const there = sequences.every((sequence) => state.names.some((name) => name.endsWith(sequence)));
        const looks = change(state, i, { step: { at: "look" } });
        if (!there || state.current !== step.current) {
          yield { step: `${i} does not advance`, state: looks };
          return;
        }
        const woken = looks.parties.map((p): Party => (p.step.at === "waiting" ? { ...p, step: { at: "look" } } : p));
        yield { step: `${i} advances`, state: { ...looks, parties: woken, current: state.current + 1 } };
      }
    }
  }

  return {
    start: {
      current: 0,
      names: [],
      old: [],
      parties: ids.map(() => ({ step: { at: "begin" }, phase: 0, arriving: false })),
      deaths: 0,
      broken: null,
    },
    *next(state) {
      for (const i of ids) {
        yield* stepsOf(state, i);
        const { step, phase } = partyOf(state, i);
        if (step.at === "dead" || state.deaths === deaths || phase === phases) continue;
        const mine = (name: string): boolean => !name.startsWith(`_c_${i}-`);
        const dead = change(state, i, { step: { at: "dead" } });
        yield {
          step: `${i} dies`,
          state: { ...dead, names: state.names.filter(mine), old: state.old.filter(mine), deaths: state.deaths + 1 },
        };
      }
      for (const name of state.old) {
        const without = (names: readonly string[]) => names.filter((other) => other !== name);
        yield {
          step: `${name} is deleted`,
          state: { ...state, names: without(state.names), old: without(state.old) },
        };
      }
    },
    problem(state, isFinal) {
      if (state.broken !== null) return state.broken;
      if (!isFinal) return undefined;
      const behind = ids.filter((i) => partyOf(state, i).phase < phases);
      return behind.length > 0 ? `stuck for ever: ${behind.join(" and ")}` : undefined;
    },
  };
}
