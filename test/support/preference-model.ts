/**
 * Candidates with priorities, as the election runs them: watch one's own node, read who is written down, list, decide,
 * then watch or claim; and who leads may hand over to whoever is there. The reads are steps of their own, so that
 * everything may happen between them. Among them candidates without a priority, who know of no order but that of arrival.
 */
import { decideByPreference, decideFirstCome, decideHandOver } from "@corral/leader-election";
import type { Model } from "./explore.ts";

interface PreferenceState {
  readonly names: readonly string[];
  /** Who is written down, while it is there: one that is gone is as good as none. */
  readonly leader: string;
  /** Where each stands. What it has read of the record is followed by `stale` once that has changed. */
  readonly phases: readonly string[];
  /** Whose own node was touched since it began to watch it. */
  readonly touched: readonly boolean[];
  readonly next: number;
}

/** `priorities`: `undefined` for a candidate without one. `decide` as the library has it, unless a test has a worse one. */
export function preferenceModel(
  priorities: readonly (number | undefined)[],
  { decide = decideByPreference, handOver = decideHandOver } = {},
): Model<PreferenceState> {
  const nameOf = (state: PreferenceState, i: number) => state.names.find((name) => name.startsWith(`_c_${i}-`)) ?? "";
  const put = (state: PreferenceState, i: number, phase: string): PreferenceState => ({
    ...state,
    phases: state.phases.map((p, j) => (j === i ? phase : p)),
  });
  /** The node is gone: who waits for it wakes up, and who has read that it leads knows what is as good as nothing. */
  const without = (state: PreferenceState, name: string): PreferenceState => ({
    ...state,
    leader: state.leader === name ? "" : state.leader,
    names: state.names.filter((other) => other !== name),
    phases: state.phases.map((p) => (p === `waiting ${name}` ? "read" : p.replace(`list ${name}`, "list "))),
  });
  const record = (state: PreferenceState, leader: string): PreferenceState => ({
    ...state,
    leader,
    phases: state.phases.map((p) => (/^(list|claim)(?!.* stale)/.test(p) ? `${p} stale` : p)),
  });
  return {
    start: {
      names: [],
      leader: "",
      phases: priorities.map(() => "out"),
      touched: priorities.map(() => false),
      next: 0,
    },
    *next(state) {
      for (const [i, phase] of state.phases.entries()) {
        const [what, ...args] = phase.split(" ");
        const own = nameOf(state, i);
        const priority = priorities[i];
        if (what === "gone") continue;
        if (what === "out") {
          // Equals come in one order: another is the same with other numbers.
          if (priorities.some((p, j) => j < i && p === priority && state.phases[j] === "out")) continue;
          const sequence = String(state.next).padStart(10, "0");
          const mark = priority === undefined ? "" : `p${String(priority).padStart(4, "0")}-`;
          const name = `_c_${i}-${mark}latch-${sequence}`;
          yield {
            step: `${i} joins`,
            state: { ...put(state, i, "read"), names: [...state.names, name], next: state.next + 1 },
          };
          continue;
        }
        yield { step: `${i} leaves`, state: without(put(state, i, "gone"), own) };
        if (what === "leads") {
          for (const [j] of priorities.entries()) {
            const to = nameOf(state, j);
            if (j === i || to === "") continue;
            const how = handOver(state.names, own, to);
            if (how === "refuse") continue;
            const gone = without(put(state, i, "gone"), own);
            if (how === "next") yield { step: `${i} resigns in favour of ${j}`, state: gone };
            else {
              const phases = gone.phases.map((p, k) => (k === j && p.startsWith("waiting ") ? "read" : p));
              const touched = gone.touched.map((t, k) => (k === j ? gone.phases[j] === phases[j] : t));
              yield {
                step: `${i} hands over to ${j}`,
                state: record({ ...gone, phases, touched }, to),
              };
            }
          }
        }
        switch (what) {
          case "read": {
            const touched = state.touched.map((t, j) => (j === i ? false : t));
            yield { step: `${i} reads`, state: { ...put(state, i, `list ${state.leader}`), touched } };
            break;
          }
          case "list": {
            const [leader, stale] = args;
            if (priority === undefined) {
              const { kind, ...rest } = decideFirstCome(state.names, own);
              const then = kind === "granted" || !("on" in rest) ? "leads" : `watch ${rest.on}`;
              yield { step: `${i} lists: ${then}`, state: put(state, i, then) };
              break;
            }
            const decision = decide(state.names, own, leader === "" ? undefined : leader);
            const then =
              decision.kind === "leads"
                ? "leads"
                : decision.kind === "claim"
                  ? `claim ${stale ?? ""}`
                  : `watch ${decision.on}`;
            yield { step: `${i} lists: ${then}`, state: put(state, i, then) };
            break;
          }
          case "watch": {
            const waits = state.names.includes(args[0] ?? "") && !state.touched[i];
            yield { step: `${i} watches`, state: put(state, i, waits ? `waiting ${args[0]}` : "read") };
            break;
          }
          case "claim": {
            const wins = args.at(-1) !== "stale";
            yield { step: `${i} claims: ${wins}`, state: put(wins ? record(state, own) : state, i, "read") };
            break;
          }
        }
      }
    },
    problem(state) {
      const leaders = state.phases.flatMap((phase, i) => (phase === "leads" ? [i] : []));
      if (leaders.length > 1) return `${leaders.join(" and ")} lead`;
      const isStuck = state.phases.every((p) => p === "gone" || p === "out" || p.startsWith("waiting "));
      if (isStuck && state.names.length > 0) return "everybody waits and nobody leads";
      return undefined;
    },
  };
}
