/**
 * Beginning a transaction, exactly once: its node, the participants' nodes and what they have to do are made together. An
 * attempt whose reply was lost is made again under the same id; and since a transaction may by then have finished and been
 * forgotten, only on the condition that none has been forgotten since one looked for it.
 */
import { type Client, isCoordinationError, isRecoverable, type TransactionError } from "@corral/client";
import { childrenOrNone, insist, isInterruption, sleep } from "@corral/recipe-kit";
import { BeginUnknownError, TooManyOpenError, UnknownParticipantError } from "./errors.ts";
import { type Layout, youngerThan } from "./layout.ts";
import { limits } from "./limits.ts";
import { encodeTransaction, type TransactionRecord } from "./records.ts";

/** A transaction to be begun. */
export interface Draft {
  readonly id: string;
  readonly record: TransactionRecord;
  /** What each participant has to do, by its name. */
  readonly tasks: ReadonlyMap<string, Uint8Array | null>;
  /** So many of the youngest transactions are not forgotten. */
  readonly keep: number;
}

/**
 * Sees that every participant is known and not overburdened. Gives how many transactions there are.
 * @throws UnknownParticipantError, TooManyOpenError
 */
export async function checkParticipants(
  client: Client,
  layout: Layout,
  names: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const stat = (path: string) => insist(client, () => client.exists(path, { signal }), signal);
  const [all, ...inboxes] = await Promise.all([stat(layout.transactions), ...names.map((n) => stat(layout.inbox(n)))]);
  for (const [i, name] of names.entries()) {
    const inbox = inboxes[i];
    if (inbox === undefined) throw new UnknownParticipantError(name, layout.root);
    if (inbox.numChildren >= limits.openTransactions) throw new TooManyOpenError(name, inbox.numChildren);
  }
  return all?.numChildren ?? 0;
}

/**
 * Begins it.
 * @throws UnknownParticipantError, BeginUnknownError; the signal's reason: then it may have begun
 */
export async function begin(client: Client, layout: Layout, draft: Draft, signal: AbortSignal): Promise<void> {
  const { id } = draft;
  /** Whether an attempt may have happened, or may happen yet. */
  let isOpen = false;
  for (let interruptions = 0; ; ) {
    signal.throwIfAborted();
    const attempt = client.transaction();
    if (isOpen) {
      const found = await find(client, layout, draft, signal);
      if (found === "begun") return;
      if (found === "forgotten") throw new BeginUnknownError(id);
      attempt.check(layout.transactions, { version: found });
    }
    attempt.create(layout.transaction(id), encodeTransaction(draft.record));
    for (const [name, work] of draft.tasks) {
      attempt.create(layout.vote(id, name), null);
      attempt.create(layout.task(name, id), work);
    }
    try {
      await attempt.commit({ signal });
      return;
    } catch (error) {
      if (isCoordinationError(error, "NodeExists")) return;
      if (isInterruption(error)) {
        isOpen ||= isRecoverable(error) && !isCoordinationError(error, "ThrottledOp");
        await sleep(client.clock, pauseMs(client, interruptions++), signal);
      } else if (isCoordinationError(error, "NoNode")) {
        await mendParents(client, layout, draft, error as TransactionError, signal);
      } else if (!isCoordinationError(error, "BadVersion")) {
        throw error;
      }
    }
  }
}

/** A pause before something is tried again, longer from time to time, ms. */
export function pauseMs({ random }: Client, times: number): number {
  const fullMs = Math.min(limits.againMsMax, limits.againMs * 2 ** Math.min(times, 20));
  return fullMs * (0.5 + random.fraction() / 2);
}

/** What became of an attempt. A number: nothing until now, if that is still the version of the transactions' parent. */
async function find(
  client: Client,
  layout: Layout,
  { id, keep }: Draft,
  signal: AbortSignal,
): Promise<"begun" | "forgotten" | number> {
  // In this order: what is forgotten after the first read moves the version.
  const parent = await insist(
    client,
    async () => {
      await client.sync(layout.transactions, { signal });
      return await client.exists(layout.transactions, { signal });
    },
    signal,
  );
  if (parent === undefined) return -1;
  const ids = await insist(client, () => childrenOrNone(client, layout.transactions, signal), signal);
  if (ids.includes(id)) return "begun";
  return youngerThan(ids, id) >= keep ? "forgotten" : parent.version;
}

async function mendParents(
  client: Client,
  layout: Layout,
  { id, tasks }: Draft,
  { path }: TransactionError,
  signal: AbortSignal,
): Promise<void> {
  for (const name of tasks.keys()) {
    if (path === layout.task(name, id)) throw new UnknownParticipantError(name, layout.root);
  }
  await insist(client, () => client.ensurePath(layout.transactions, { signal }), signal);
}
