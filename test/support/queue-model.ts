/**
 * Contenders in a queue of sequential nodes, as the contend loop runs them: take a ticket, list, decide, watch, wake up,
 * and again; and at any moment any of them may leave, by release or by death.
 */
import type { Decision } from "@corral/recipe-kit";
import type { Model } from "./explore.ts";

/** Where a contender stands. `out`: not come yet. `gone`: left for good. */
export type Phase =
  | "out"
  | "gone"
  /** Has a ticket and must look (again). */
  | "look"
  /** Has decided to wait for a node and must still watch it. */
  | `watch ${string}`
  | `waiting ${string}`
  | "granted"
  /** Was granted, and has said in its node that it is content with less: a writer that reads now. */
  | "less";

export interface QueueState {
  /** Names in the tree, in order of creation. */
  readonly names: readonly string[];
  readonly phases: readonly Phase[];
  /** Whose nodes say that they are content with less; and of whose each has read so. */
  readonly content: readonly string[];
  readonly known: readonly (readonly string[])[];
  /** Sequence number of the next ticket. */
  readonly next: number;
  /** How many the last departure woke. */
  readonly woken: number;
}

export interface QueueRules {
  /** For each contender what stands before its sequence number. */
  readonly kinds: readonly string[];
  readonly decide: (names: readonly string[], own: string, contender: number, known: readonly string[]) => Decision;
  /** Who may be content with less once it is granted. Nobody by default. */
  readonly mayBeContent?: (contender: number) => boolean;
  /** Whether these may hold at the same time. `less`: they do, and are content with less. */
  readonly mayHold: (granted: readonly number[], less: readonly number[]) => boolean;
  /** How many a single departure may wake. */
  readonly mayWake: number;
}

export function queueModel(rules: QueueRules): Model<QueueState> {
  const { kinds, decide, mayHold, mayWake, mayBeContent = () => false } = rules;
  const ownName = (state: QueueState, i: number): string | undefined =>
    state.names.find((name) => name.startsWith(`_c_${i}-`));
  const withPhase = (state: QueueState, i: number, phase: Phase): QueueState => ({
    ...state,
    woken: 0,
    phases: state.phases.map((p, j) => (j === i ? phase : p)),
  });
  return {
    start: {
      names: [],
      phases: kinds.map(() => "out"),
      content: [],
      known: kinds.map(() => []),
      next: 0,
      woken: 0,
    },
    *next(state) {
      for (const [i, phase] of state.phases.entries()) {
        if (phase === "gone") continue;
        if (phase === "out") {
          const name = `_c_${i}-${kinds[i]}${String(state.next).padStart(10, "0")}`;
          const joined = withPhase(state, i, "look");
          yield { step: `${i} joins`, state: { ...joined, names: [...state.names, name], next: state.next + 1 } };
          continue;
        }
        const own = ownName(state, i) ?? "";
        // Leaving, from wherever it stands: release, cancellation and death look the same to the others.
        const left = withPhase(state, i, "gone");
        const woken = left.phases.filter((p) => p === `waiting ${own}`).length;
        const phases = left.phases.map((p): Phase => (p === `waiting ${own}` ? "look" : p));
        yield {
          step: `${i} leaves`,
          state: { ...left, phases, woken, names: state.names.filter((name) => name !== own) },
        };
        if (phase === "granted" && mayBeContent(i)) {
          const lessened = withPhase(state, i, "less");
          yield {
            step: `${i} is content with less`,
            state: {
              ...lessened,
              content: [...state.content, own],
              phases: lessened.phases.map((p): Phase => (p === `waiting ${own}` ? "look" : p)),
            },
          };
        }
        if (phase === "look") {
          const decision = decide(state.names, own, i, state.known[i] ?? []);
          const then: Phase = decision.kind === "granted" ? "granted" : `watch ${decision.on}`;
          yield { step: `${i} looks: ${then}`, state: withPhase(state, i, then) };
        } else if (phase.startsWith("watch ")) {
          const on = phase.slice("watch ".length);
          const isNews = state.content.includes(on) && !state.known[i]?.includes(on);
          const then: Phase = state.names.includes(on) && !isNews ? `waiting ${on}` : "look";
          const known = state.known.map((names, j) => (j === i && isNews ? [...names, on] : names));
          yield { step: `${i} watches: ${then}`, state: { ...withPhase(state, i, then), known } };
        }
      }
    },
    problem(state) {
      const granted = state.phases.flatMap((phase, i) => (phase === "granted" ? [i] : []));
      const less = state.phases.flatMap((phase, i) => (phase === "less" ? [i] : []));
      if (!mayHold(granted, less)) return `held at the same time by ${[...granted, ...less].join(" and ")}`;
      if (state.woken > mayWake) return `a departure woke ${state.woken}`;
      const waiting = state.phases.filter((p) => p.startsWith("waiting ")).length;
      const busy = state.phases.some((p) => p === "look" || p.startsWith("watch "));
      if (waiting > 0 && !busy && granted.length + less.length === 0) return "everybody waits and nobody holds";
      return undefined;
    },
  };
}
