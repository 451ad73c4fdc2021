/** What TypeScript tells who uses @corral/transactions. Nothing of this runs: the compiler is the test. */

import {
  type Client,
  type DistributedTransaction,
  isUnknownParticipantError,
  json,
  type Outcome,
  type Serving,
  type TransactionState,
  TwoPhaseCommit,
  type UnknownParticipantError,
  type Vote,
  validated,
} from "@corral/transactions";
import { expectTypeOf } from "expect-type";
import { z } from "zod";

declare const client: Client;
declare const vote: Vote;
const orders = new TwoPhaseCommit(client, "/orders", { codec: validated(json, z.object({ amount: z.number() })) });

export async function transactions(): Promise<void> {
  expectTypeOf(orders).toEqualTypeOf<TwoPhaseCommit<{ amount: number }>>();
  expectTypeOf(new TwoPhaseCommit(client, "/orders")).toEqualTypeOf<TwoPhaseCommit<unknown>>();
  // @ts-expect-error: work of a type needs a codec that sees to it
  new TwoPhaseCommit<{ amount: number }>(client, "/orders");
  await using serving = await orders.serve("stock", {
    prepare: ({ work, fencingToken }) => {
      expectTypeOf(work).toEqualTypeOf<{ amount: number }>();
      expectTypeOf(fencingToken).toBeBigInt();
      return vote;
    },
    commit: async () => undefined,
    rollback: () => undefined,
  });
  expectTypeOf(serving).toEqualTypeOf<Serving<{ amount: number }>>();
  const begun = await orders.begin({ stock: { amount: 1 }, billing: { amount: 2 } }, { voteTimeoutMs: 1_000 });
  expectTypeOf(begun).toEqualTypeOf<DistributedTransaction>();
  const outcome = await begun.outcome({ timeoutMs: 1_000 });
  expectTypeOf(outcome).toEqualTypeOf<Outcome>();
  if (outcome.kind === "aborted") expectTypeOf(outcome.reason).toBeString();
  for await (const state of begun.state$) expectTypeOf(state).toEqualTypeOf<TransactionState>();
  // @ts-expect-error: not what the codec takes
  await orders.begin({ stock: { amount: "one" } });
  // @ts-expect-error: who serves must be able to roll back
  await orders.serve("stock", { prepare: () => vote, commit: () => undefined });
}

export function errors(error: unknown): void {
  if (isUnknownParticipantError(error)) expectTypeOf(error).toEqualTypeOf<UnknownParticipantError>();
}
