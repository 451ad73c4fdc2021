/** Where things are, and what they are called. Pure. */
import { limits } from "./limits.ts";

/** The paths of one group of transactions. */
export interface Layout {
  readonly root: string;
  /** One node a transaction; its version moves when transactions are forgotten. */
  readonly transactions: string;
  transaction(id: string): string;
  /** A participant's vote; deleted when it has carried out the decision. */
  vote(id: string, participant: string): string;
  /** What a participant has to do: a node for each transaction that it has not acknowledged. */
  inbox(participant: string): string;
  task(participant: string, id: string): string;
  /** The queue of the processes that would act for a participant. */
  serving(participant: string): string;
}

/** The layout below `root`. */
export function layoutOf(root: string): Layout {
  const base = root === "/" ? "" : root;
  const transactions = `${base}/transactions`;
  const transaction = (id: string) => `${transactions}/${id}`;
  const inbox = (participant: string) => `${base}/inbox/${participant}`;
  return {
    root,
    transactions,
    transaction,
    inbox,
    vote: (id, participant) => `${transaction(id)}/${participant}`,
    task: (participant, id) => `${inbox(participant)}/${id}`,
    serving: (participant) => `${base}/serving/${participant}`,
  };
}

/**
 * A new id. Ids sort by age: first comes the newest zxid that its maker has seen, which no clock can put out of order.
 * `random`: eight bytes, so that nobody else has the same.
 */
export function newId(zxid: bigint, random: Uint8Array): string {
  return `${zxid.toString(16).padStart(16, "0")}-${Buffer.from(random).toString("hex")}`;
}

/** How many of `ids` are younger than `id`. */
export function youngerThan(ids: readonly string[], id: string): number {
  return ids.filter((other) => other > id).length;
}

/** @throws RangeError if no participant can be called that. What cannot stand in a path at all, the client refuses. */
export function checkName(name: string): void {
  const fits = name.length > 0 && name.length <= limits.nameLength && !name.includes("/");
  if (fits && name !== "." && name !== "..") return;
  throw new RangeError(
    `${JSON.stringify(name.slice(0, 50))} is no name for a participant: 1 to ${limits.nameLength} characters, no slash.`,
  );
}
