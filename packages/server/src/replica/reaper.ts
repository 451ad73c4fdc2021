/** Finds containers that have served and nodes whose time to live is over. The leader proposes their end. */
import type { ReapNode } from "../state/operation.ts";
import type { StateMachine } from "../state/state-machine.ts";

/** At most this many a round, so that a round is no storm. */
const maxPerRound = 10_000;

/**
 * Due are: a container without children that once had one, and a childless node whose own data was last set longer ago
 * than its time to live. A container that never had a child stays for `unusedContainerMs`: somebody may be about to use it;
 * but whoever made it may have died before.
 */
export function dueNodes(state: StateMachine, wallMs: number, unusedContainerMs: number): ReapNode[] {
  const due: ReapNode[] = [];
  for (const path of state.tree.reapablePaths) {
    const node = state.tree.get(path);
    if (node === undefined || node.childCount > 0) continue;
    const { lifetime } = node;
    const isDue =
      lifetime.kind === "container"
        ? node.childCreates > 0 || wallMs - node.ctimeMs > unusedContainerMs
        : lifetime.kind === "ttl" && wallMs - node.mtimeMs > lifetime.ttlMs;
    if (isDue) due.push({ path, czxid: node.czxid });
    if (due.length === maxPerRound) break;
  }
  return due;
}
