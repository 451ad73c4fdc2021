/**
 * The counters from which sequence numbers come. A client cannot set them; but each create below a node moves its counter
 * on by one, so a child that is made and deleted again, in one transaction, does it without leaving anything behind.
 */
import { type Client, insist, isCoordinationError, isRecoverable } from "@corral/client";
import { childCreatesOf, hasSequenceNumber, parentOf, type TreeNode } from "./tree-node.ts";

/**
 * Whose counters go on where they were: `sequential`: those of nodes that have children with sequence numbers, which
 * would otherwise meet new ones with smaller numbers. `all`: everybody's. `none`: nobody's.
 */
export type CounterPolicy = "sequential" | "all" | "none";

const stepsPerTransaction = 200;
const transactionsAtOnce = 16;
/** There only within a transaction. */
const passingName = "corral-counter";

/** What the counters of a tree should be. */
export class Counters {
  readonly #policy: CounterPolicy;
  readonly #wanted = new Map<string, number>();
  readonly #sequential = new Set<string>();

  constructor(policy: CounterPolicy) {
    this.#policy = policy;
  }

  add({ path, childCreates }: TreeNode): void {
    if (this.#policy === "none") return;
    if (childCreates > 0) this.#wanted.set(path, childCreates);
    if (hasSequenceNumber(path)) this.#sequential.add(parentOf(path));
  }

  /** Path and counter of the nodes that are looked after. */
  *[Symbol.iterator](): Iterator<readonly [path: string, childCreates: number]> {
    for (const [path, wanted] of this.#wanted) {
      if (this.#policy === "all" || this.#sequential.has(path)) yield [path, wanted];
    }
  }
}

/** Moves the counter of the node at `path` on to `wanted`, if it is behind. @returns by how much */
export async function raiseCounter(
  client: Client,
  path: string,
  wanted: number,
  signal?: AbortSignal,
): Promise<number> {
  const child = path === "/" ? `/${passingName}` : `${path}/${passingName}`;
  let raised = 0;
  // However a transaction ends, the counter itself says how far it is.
  for (;;) {
    const stat = await insist(client, signal, () => client.exists(path));
    let missing = stat === undefined ? 0 : wanted - childCreatesOf(stat);
    if (missing <= 0) return raised;
    const steps: number[] = [];
    for (; missing > 0 && steps.length < transactionsAtOnce; missing -= stepsPerTransaction) {
      steps.push(Math.min(missing, stepsPerTransaction));
    }
    raised += steps.reduce((sum, count) => sum + count, 0);
    const ends = await Promise.allSettled(steps.map((count) => step(client, child, count)));
    for (const end of ends) if (end.status === "rejected" && !isPassing(end.reason)) throw end.reason;
  }
}

function isPassing(error: unknown): boolean {
  return isRecoverable(error) || isCoordinationError(error, "SessionExpired");
}

async function step(client: Client, child: string, count: number): Promise<void> {
  const transaction = client.transaction();
  for (let i = 0; i < count; i++) {
    transaction.create(child);
    transaction.delete(child);
  }
  await transaction.commit();
}
