/** A plan in words, for whoever has to agree to it. */
import { formatZxid } from "@corral/protocol";
import { otherDigests } from "../recover.ts";
import { epochsAreSpent, epochsLeft, epochWarning } from "../storage/epochs.ts";
import { entriesBetween } from "./losses.ts";
import type { RepairPlan, RepairStep } from "./plan.ts";

/** Line by line: what is lost, what is left, what is to be done. */
export function reportRepair(directory: string, { steps, losses, kept, lostUpToZxid }: RepairPlan): string[] {
  const { zxid, nodes, sessions, digest, epoch, hasOtherDigests } = kept;
  const state = `the state after ${formatZxid(zxid)}: ${nodes} nodes, ${sessions} sessions, digest ${digest}`;
  const warning = epochsLeft(epoch) > 0 ? epochWarning(epoch) : epochsAreSpent;
  const isInexact = steps.some((step) => step.kind === "rewrite" && !step.mend.isExact);
  const warnings = [
    ...(isInexact
      ? ["BUT that state is not one that the server has had: see what is LOST; compare it with what you know."]
      : []),
    ...(hasOtherDigests ? [`BUT ${otherDigests}`] : []),
    ...(warning === undefined ? [] : [`BUT ${warning}`]),
  ];
  if (steps.length === 0) return [`Nothing in ${directory} is to be repaired. It holds ${state}`, ...warnings];
  return [
    ...losses.map(({ what }) => `LOST ${what}`),
    losses.length === 0
      ? "Nothing is lost that anybody was promised, as far as the files can tell."
      : summary(losses, zxid, lostUpToZxid),
    `KEPT ${state}`,
    ...steps.map(lineOf),
    ...warnings,
  ];
}

function summary(losses: RepairPlan["losses"], zxid: number, lostUpToZxid: number | undefined): string {
  const readable = losses.reduce((sum, { entries }) => sum + entries, 0);
  if (lostUpToZxid === undefined) {
    return `In all: what came after ${formatZxid(zxid)}, if anything did; the files do not tell.`;
  }
  const count = entriesBetween(zxid, lostUpToZxid);
  const range = `after ${formatZxid(zxid)}, at least up to ${formatZxid(lostUpToZxid)}`;
  const number = count === undefined ? "" : `, ${count} ${count === 1 ? "transaction" : "transactions"}`;
  return `In all: everything ${range}${number}, of which ${readable} could still be read.`;
}

function lineOf(step: RepairStep): string {
  switch (step.kind) {
    case "move":
      return `TO DO ${step.name}: put aside (${step.why})`;
    case "mend":
      return `TO DO ${step.name}: put aside a copy, and mend it up to byte ${step.end} (${step.why})`;
    case "rewrite":
      return `TO DO ${step.name}: put aside a copy, and write it anew (${step.why})`;
    case "epoch":
      return `TO DO ${step.name}: put aside a copy, and write epoch ${step.content.epoch} (${step.why})`;
  }
}
