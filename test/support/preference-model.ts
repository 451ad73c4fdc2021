/**
 * Candidates with priorities, as the election runs them: read who is written down, list, decide, then watch or claim. The
 * reads are steps of their own, so that everything may happen between them.
 */
import { decideByPreference } from "@corral/leader-election";
import type { Model } from "./explore.ts";

interface PreferenceState {
  readonly names: readonly string[];
  /** Who is written down, and how often that has changed. */
  readonly leader: string;
  readonly version: number;
  readonly phases: readonly string[];
  readonly next: number;
}

export function preferenceModel(priorities: readonly number[]): Model<PreferenceState> {
  const nameOf = (state: PreferenceState, i: number) => state.names.find((name) => name.startsWith(`_c_${i}-`)) ?? "";
  const put = (state: PreferenceState, i: number, phase: string): PreferenceState => ({
    ...state,
    phases: state.phases.map((p, j) => (j === i ? phase : p)),
  });
  return {
    start: { names: [], leader: "", version: 0, phases: priorities.map(() => "out"), next: 0 },
    *next(state) {
      for (const [i, phase] of state.phases.entries()) {
        const [what, ...args] = phase.split(" ");
        const own = nameOf(state, i);
        if (what === "gone") continue;
        if (what === "out") {
          const sequence = String(state.next).padStart(10, "0");
          const name = `_c_${i}-p${String(priorities[i]).padStart(4, "0")}-latch-${sequence}`;
          yield {
            step: `${i} joins`,
            state: { ...put(state, i, "read"), names: [...state.names, name], next: state.next + 1 },
          };
          continue;
        }
        const left = put(state, i, "gone");
        yield {
          step: `${i} leaves`,
          state: {
            ...left,
            names: state.names.filter((name) => name !== own),
            phases: left.phases.map((p) => (p === `waiting ${own}` ? "read" : p)),
          },
        };
        switch (what) {
          case "read":
            yield { step: `${i} reads`, state: put(state, i, `list ${state.version} ${state.leader}`) };
            break;
          case "list": {
            const [version, leader] = args;
            const decision = decideByPreference(state.names, own, leader === "" ? undefined : leader);
            const then =
              decision.kind === "leads"
                ? "leads"
                : decision.kind === "claim"
                  ? `claim ${version}`
                  : `watch ${decision.on}`;
            yield { step: `${i} lists: ${then}`, state: put(state, i, then) };
            break;
          }
          case "watch": {
            const then = state.names.includes(args[0] ?? "") ? `waiting ${args[0]}` : "read";
            yield { step: `${i} watches`, state: put(state, i, then) };
            break;
          }
          case "claim": {
            const wins = Number(args[0]) === state.version;
            const claimed = wins ? { ...state, leader: own, version: state.version + 1 } : state;
            yield { step: `${i} claims: ${wins}`, state: put(claimed, i, "read") };
            break;
          }
        }
      }
    },
    problem(state) {
      const leaders = state.phases.flatMap((phase, i) => (phase === "leads" ? [i] : []));
      if (leaders.length > 1) return `${leaders.join(" and ")} lead`;
      const waiting = state.phases.some((p) => p.startsWith("waiting "));
      const busy = state.phases.some((p) => /^(read|list|watch|claim)/.test(p));
      if (waiting && !busy && leaders.length === 0) return "everybody waits and nobody leads";
      return undefined;
    },
  };
}
