/**
 * Contenders for a semaphore, as it runs them: stand first in the mutex's queue, take a lease node, list, and hold it if it
 * is one of the first; otherwise watch the list and look again. Each may leave at any moment, and the limit may change.
 */
import { decideLease, decideMutex } from "@corral/locks";
import type { Model } from "./explore.ts";

interface SemaphoreState {
  /** The mutex's queue, and the leases, in order of creation. */
  readonly turns: readonly string[];
  readonly leases: readonly string[];
  readonly limit: number;
  /** Limits that are still to be set. */
  readonly limits: readonly number[];
  readonly phases: readonly Phase[];
  readonly next: number;
}

type Phase =
  | "out"
  | "gone"
  /** Has a place in the mutex's queue, and must look; must watch who is before it; waits for it. */
  | "turn"
  | `watch ${string}`
  | `await ${string}`
  /** Has the mutex, and no lease node yet; has one, and must list; has listed, and must read the limit; waits. */
  | "first"
  | "lease"
  | `listed ${string}`
  | "room"
  /** Has a lease and still the mutex, and then only the lease. */
  | "held first"
  | "held";

/** `limits`: what the limit is one after the other, at any moments. */
export function semaphoreModel(
  contenders: number,
  limits: readonly [number, ...number[]],
  decide = decideLease,
): Model<SemaphoreState> {
  const [limit, ...others] = limits;
  const isOf = (i: number) => (name: string) => name.startsWith(`_c_${i}-`);
  const put = (state: SemaphoreState, i: number, phase: Phase): SemaphoreState => ({
    ...state,
    phases: state.phases.map((p, j) => (j === i ? phase : p)),
  });
  /** The watch on the list of leases fires; who has listed and does not wait yet will not. */
  const wakeRoom = (state: SemaphoreState): SemaphoreState => ({
    ...state,
    phases: state.phases.map((p) => {
      if (p === "room") return "lease";
      return p.startsWith("listed ") && !p.endsWith(" rung") ? (`${p} rung` as Phase) : p;
    }),
  });
  const withoutTurn = (state: SemaphoreState, i: number): SemaphoreState => {
    const own = state.turns.find(isOf(i));
    if (own === undefined) return state;
    const phases = state.phases.map((p): Phase => (p === `await ${own}` ? "turn" : p));
    return { ...state, phases, turns: state.turns.filter((name) => name !== own) };
  };
  const withoutLease = (state: SemaphoreState, i: number): SemaphoreState =>
    state.leases.some(isOf(i)) ? wakeRoom({ ...state, leases: state.leases.filter((name) => !isOf(i)(name)) }) : state;
  const nameOf = (state: SemaphoreState, i: number, kind: string) =>
    `_c_${i}-${kind}${String(state.next).padStart(10, "0")}`;
  return {
    start: {
      turns: [],
      leases: [],
      limit,
      limits: others,
      phases: Array.from({ length: contenders }, () => "out" as const),
      next: 0,
    },
    *next(state) {
      const [limitNext, ...limitsLater] = state.limits;
      if (limitNext !== undefined) {
        // Whoever has listed reads the limit after this: only those who wait have a watch on it.
        const phases = state.phases.map((p): Phase => (p === "room" ? "lease" : p));
        yield { step: `limit ${limitNext}`, state: { ...state, phases, limit: limitNext, limits: limitsLater } };
      }
      for (const [i, phase] of state.phases.entries()) {
        if (phase === "gone") continue;
        if (phase === "out") {
          // All are alike: they come in one order, for another is the same with other numbers.
          if (state.phases[i - 1] === "out") continue;
          const turns = [...state.turns, nameOf(state, i, "lock-")];
          yield { step: `${i} joins`, state: { ...put(state, i, "turn"), turns, next: state.next + 1 } };
          continue;
        }
        yield { step: `${i} leaves`, state: withoutLease(withoutTurn(put(state, i, "gone"), i), i) };
        const turn = state.turns.find(isOf(i)) ?? "";
        if (phase === "turn") {
          const decision = decideMutex(state.turns, turn);
          const then = decision.kind === "granted" ? "first" : (`watch ${decision.on}` as const);
          yield { step: `${i} looks: ${then}`, state: put(state, i, then) };
        } else if (phase.startsWith("watch ")) {
          const on = phase.slice("watch ".length);
          const then = state.turns.includes(on) ? (`await ${on}` as const) : "turn";
          yield { step: `${i} watches: ${then}`, state: put(state, i, then) };
        } else if (phase === "first") {
          const leases = [...state.leases, nameOf(state, i, "lease-")];
          const taken = wakeRoom({ ...state, leases, next: state.next + 1 });
          yield { step: `${i} takes a node`, state: put(taken, i, "lease") };
        } else if (phase === "lease") {
          yield { step: `${i} lists`, state: put(state, i, `listed ${state.leases.join()}`) };
        } else if (phase.startsWith("listed ")) {
          const names = (phase.split(" ")[1] ?? "").split(",");
          const holds = decide(names, names.find(isOf(i)) ?? "", state.limit);
          const then = holds ? "held first" : phase.endsWith(" rung") ? "lease" : "room";
          yield { step: `${i} reads the limit ${state.limit}: ${then}`, state: put(state, i, then) };
        } else if (phase === "held first") {
          yield { step: `${i} lets the next try`, state: withoutTurn(put(state, i, "held"), i) };
        }
      }
    },
    problem(state) {
      const held = state.phases.filter((p) => p.startsWith("held")).length;
      if (held > Math.max(...limits)) return `${held} hold`;
      const isQuiet = state.phases.every((p) => /^(out|gone|held$|room|await)/.test(p));
      const waits = state.phases.some((p) => /^(room|await)/.test(p));
      if (isQuiet && waits && state.limits.length === 0 && held < state.limit) return `${held} hold, and others wait`;
      return undefined;
    },
  };
}
