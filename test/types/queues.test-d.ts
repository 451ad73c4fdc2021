/** What TypeScript tells who uses @corral/queues. Nothing of this runs: the compiler is the test. */

import {
  type Client,
  type DeadLetter,
  DelayQueue,
  type Delivery,
  isQueueFullError,
  isWriteOutcomeUnknownError,
  json,
  PriorityQueue,
  Queue,
  type QueueFullError,
  utf8,
  validated,
  type WriteOutcome,
} from "@corral/queues";
import { expectTypeOf } from "expect-type";
import { z } from "zod";

declare const client: Client;
declare const signal: AbortSignal;
const mails = new Queue(client, "/mails", { codec: validated(json, z.object({ to: z.string() })) });
type Mail = { to: string };

export async function values(): Promise<void> {
  expectTypeOf(mails).toEqualTypeOf<Queue<Mail>>();
  expectTypeOf(new Queue(client, "/any")).toEqualTypeOf<Queue<unknown>>();
  expectTypeOf(new Queue(client, "/any", { maxItems: 10 })).toEqualTypeOf<Queue<unknown>>();
  expectTypeOf(await mails.put({ to: "ada" }, { timeoutMs: 1_000 })).toBeVoid();
  // @ts-expect-error: not what the codec takes
  await mails.put({ from: "ada" });
  // @ts-expect-error: a type that nothing checks cannot be claimed
  new Queue<Mail>(client, "/mails");
  // @ts-expect-error: nor with options that hold no codec
  new Queue<Mail>(client, "/mails", { maxItems: 10 });
}

export async function consuming(): Promise<void> {
  expectTypeOf(await mails.take({ signal })).toEqualTypeOf<Delivery<Mail>>();
  expectTypeOf(await mails.tryTake()).toEqualTypeOf<Delivery<Mail> | undefined>();
  for await (const delivery of mails.consume({ signal, concurrency: 4 })) {
    expectTypeOf(delivery.value).toEqualTypeOf<Mail>();
    expectTypeOf(delivery.fencingToken).toBeBigInt();
    expectTypeOf(delivery).toExtend<AsyncDisposable>();
    await delivery.acknowledge({ with: (transaction) => transaction.set("/last", delivery.value.to) });
    await client.transaction().guard(delivery).commit();
  }
  await mails.process((mail, delivery) => {
    expectTypeOf(mail).toEqualTypeOf<Mail>();
    expectTypeOf(delivery.deliveries).toBeNumber();
  });
  expectTypeOf(await mails.deadLetters.list()).toEqualTypeOf<DeadLetter[]>();
}

export async function order(): Promise<void> {
  const urgent = new PriorityQueue(client, "/urgent", { codec: utf8 });
  await urgent.put("a", { priority: 1, timeoutMs: 1_000 });
  const later = new DelayQueue(client, "/later", { codec: utf8 });
  await later.putAll(["a", "b"], { delayMs: 1_000 });
  // @ts-expect-error: first in, first out
  await mails.put({ to: "ada" }, { priority: 1 });
}

export async function errors(error: unknown): Promise<void> {
  if (isQueueFullError(error)) expectTypeOf(error).toEqualTypeOf<QueueFullError>();
  if (isWriteOutcomeUnknownError(error)) expectTypeOf(await error.outcome).toEqualTypeOf<WriteOutcome>();
}
