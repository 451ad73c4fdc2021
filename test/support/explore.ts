/**
 * Every interleaving of a small model: all states that can be reached from a start, each looked at once. What a recipe
 * promises is then checked in every one of them, not in those that a timer happened to produce.
 */

/** A model: plain data for a state, and the steps that anybody could take in it. */
export interface Model<S> {
  readonly start: S;
  /** Every state that can come next, with what happened. */
  next(state: S): Iterable<{ readonly step: string; readonly state: S }>;
  /** Says what is wrong with a state, or with its having no step left, or only these; `undefined` if nothing is. */
  problem(state: S, isFinal: boolean, steps: readonly string[]): string | undefined;
  /** The same text for the same state only. Default: its JSON, which is long where there are many states. */
  key?(state: S): string;
}

/** Explores everything. @throws Error with the shortest sequence of steps that leads to a problem. */
export function explore<S>(model: Model<S>): { readonly states: number; readonly finals: number } {
  const key = (state: S): string => model.key?.(state) ?? JSON.stringify(state);
  const cameFrom = new Map<string, { readonly from: string; readonly step: string } | undefined>();
  const start = key(model.start);
  let frontier: (readonly [S, string])[] = [[model.start, start]];
  cameFrom.set(start, undefined);
  let finals = 0;
  while (frontier.length > 0) {
    const following: (readonly [S, string])[] = [];
    for (const [state, from] of frontier) {
      const steps: string[] = [];
      for (const { step, state: next } of model.next(state)) {
        steps.push(step);
        const k = key(next);
        if (cameFrom.has(k)) continue;
        cameFrom.set(k, { from, step });
        following.push([next, k]);
      }
      const isFinal = steps.length === 0;
      if (isFinal) finals++;
      const problem = model.problem(state, isFinal, steps);
      if (problem !== undefined)
        throw new Error(`${problem}\nafter: ${history(cameFrom, from).join(", ")}\nin ${JSON.stringify(state)}`);
    }
    frontier = following;
  }
  return { states: cameFrom.size, finals };
}

function history(cameFrom: Map<string, { from: string; step: string } | undefined>, at: string): string[] {
  const steps: string[] = [];
  for (let k = at, came = cameFrom.get(k); came !== undefined; k = came.from, came = cameFrom.get(k))
    steps.unshift(came.step);
  return steps;
}
