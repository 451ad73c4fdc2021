/** What TypeScript tells who uses @corral/counters. Nothing of this runs: the compiler is the test. */

import {
  AtomicCounter,
  type ChangeOutcome,
  type Client,
  type CounterChange,
  IdAllocator,
  type IdBlock,
  int64,
  isWriteOutcomeUnknownError,
  json,
  type SetAttempt,
  SharedValue,
  utf8,
  type ValueChange,
  type ValueView,
  type Versioned,
  validated,
  type WriteOutcomeUnknownError,
} from "@corral/counters";
import { expectTypeOf } from "expect-type";
import type { Observable } from "rxjs";
import { z } from "zod";

declare const client: Client;

export async function counting(): Promise<void> {
  const counter = new AtomicCounter(client, "/hits", { initial: 1n, format: "decimal" });
  expectTypeOf(await counter.increment()).toEqualTypeOf<CounterChange>();
  expectTypeOf(await counter.get({ linearizable: true })).toBeBigInt();
  expectTypeOf((await counter.compareAndSet(1n, 2n)).isSet).toBeBoolean();
  // @ts-expect-error: 64 bits do not fit a number
  await counter.add(1);
  // @ts-expect-error: there is no such format
  new AtomicCounter(client, "/hits", { format: "float" });

  const ids = new IdAllocator(client, "/ids", { blockSize: 100 });
  expectTypeOf(await ids.next()).toBeBigInt();
  expectTypeOf(ids.tryNext()).toEqualTypeOf<bigint | undefined>();
  expectTypeOf(await ids.block(10)).toEqualTypeOf<IdBlock>();
}

export async function sharing(): Promise<void> {
  // The type is the codec's.
  const flags = new SharedValue(client, "/flags", {
    codec: validated(json, z.object({ dark: z.boolean() })),
    initial: { dark: false },
  });
  expectTypeOf(flags).toEqualTypeOf<SharedValue<{ dark: boolean }>>();
  expectTypeOf(await flags.get()).toEqualTypeOf<Versioned<{ dark: boolean }>>();
  expectTypeOf(await flags.update(({ dark }) => ({ dark: !dark }))).toEqualTypeOf<ValueChange<{ dark: boolean }>>();
  expectTypeOf(await flags.trySet(await flags.get(), { dark: true })).toEqualTypeOf<SetAttempt<{ dark: boolean }>>();
  expectTypeOf(flags.value$).toEqualTypeOf<Observable<ValueView<{ dark: boolean }>>>();
  expectTypeOf((await new SharedValue(client, "/n", { codec: int64, initial: 0n }).get()).value).toBeBigInt();
  // @ts-expect-error: not what the codec takes
  await flags.set({ dark: "yes" });
  // @ts-expect-error: the first value is one of the codec's
  new SharedValue(client, "/text", { codec: utf8, initial: 1 });
}

export async function errors(error: unknown): Promise<void> {
  if (isWriteOutcomeUnknownError(error)) {
    expectTypeOf(error).toEqualTypeOf<WriteOutcomeUnknownError>();
    expectTypeOf(await error.outcome).toEqualTypeOf<ChangeOutcome<unknown>>();
  }
}
