/** Who acts for a participant: one process at a time, the first that came. Pure. */
import { type Decision, decideInTurn } from "@corral/recipe-kit";

/** What stands before the sequence number in the queue of the processes that would act. */
export const servingKind = "serving-";

/** The first serves; everybody else waits for the one right before. */
export function decideServing(names: readonly string[], own: string): Decision {
  return decideInTurn(names, [servingKind], own);
}
