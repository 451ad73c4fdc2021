/**
 * Finds containers that have served and nodes whose time to live is over; the leader proposes their end. There may be millions
 * that are not due: a round goes through them in slices, and others are answered between two of them.
 */
import type { ReapNode } from "../state/operation.ts";
import type { StateMachine } from "../state/state-machine.ts";
import type { Znode } from "../state/znode.ts";

/** At most this many a round, so that a round is no storm. */
const maxPerRound = 10_000;

/** A slice ends after so many looks, some milliseconds, or so many that are due. */
const looksPerSlice = 10_000;
const duePerSlice = 1_000;

/** Goes through the nodes in question; see the head of this file. */
export class Reaper {
  readonly #state: StateMachine;
  readonly #unusedContainerMs: number;
  #left: Iterator<Znode> | undefined;
  #dueLeft = 0;

  /** `unusedContainerMs`: how long a container may be that never had a child. */
  constructor(state: StateMachine, unusedContainerMs: number) {
    this.#state = state;
    this.#unusedContainerMs = unusedContainerMs;
  }

  get isUnderWay(): boolean {
    return this.#left !== undefined;
  }

  /** Begins a round, unless one is under way. */
  begin(): void {
    if (this.#left !== undefined) return;
    this.#left = this.#state.tree.reapable();
    this.#dueLeft = maxPerRound;
  }

  /** The round is over: the tree is another one. */
  endRound(): void {
    this.#left = undefined;
  }

  /** Those that are due among the next. */
  nextDue(wallMs: number): ReapNode[] {
    const due: ReapNode[] = [];
    for (let looks = 0; this.#left !== undefined && looks < looksPerSlice && due.length < duePerSlice; looks++) {
      const next = this.#left.next();
      if (next.done) {
        this.endRound();
      } else if (isDue(next.value, wallMs, this.#unusedContainerMs)) {
        due.push({ path: this.#state.tree.pathOf(next.value), czxid: next.value.czxid });
        if (--this.#dueLeft === 0) this.endRound();
      }
    }
    return due;
  }
}

/**
 * Due are: a container without children that once had one, and a childless node whose own data was last set longer ago
 * than its time to live. A container that never had a child stays for `unusedContainerMs`: somebody may be about to use it;
 * but whoever made it may have died before.
 */
function isDue(node: Znode, wallMs: number, unusedContainerMs: number): boolean {
  if (node.childCount > 0) return false;
  const { lifetime } = node;
  if (lifetime.kind === "container") return node.childCreates > 0 || wallMs - node.ctimeMs > unusedContainerMs;
  return lifetime.kind === "ttl" && wallMs - node.mtimeMs > lifetime.ttlMs;
}
