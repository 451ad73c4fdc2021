/** What TypeScript tells who uses @corral/barriers. Nothing of this runs: the compiler is the test. */

import {
  Barrier,
  type Client,
  DoubleBarrier,
  type DoubleBarrierExplanation,
  type Inside,
  PhasedBarrier,
} from "@corral/barriers";
import { expectTypeOf } from "expect-type";

declare const client: Client;

export async function barriers(): Promise<void> {
  const barrier = new Barrier(client, "/barrier");
  expectTypeOf(await barrier.wait({ timeoutMs: 1_000 })).toBeVoid();
  expectTypeOf(await barrier.isSet()).toBeBoolean();

  const double = new DoubleBarrier(client, "/double", { parties: 3 });
  await using inside = await double.enter();
  expectTypeOf(inside).toEqualTypeOf<Inside>();
  expectTypeOf(inside.signal).toEqualTypeOf<AbortSignal>();
  expectTypeOf(await inside.leave({ timeoutMs: 1_000 })).toBeVoid();
  expectTypeOf(await double.explain()).toEqualTypeOf<DoubleBarrierExplanation>();
  // @ts-expect-error: how many is not known otherwise
  new DoubleBarrier(client, "/double", {});

  const phased = new PhasedBarrier(client, "/phased", { parties: 3, identity: "a" });
  expectTypeOf(await phased.arrive({ phase: 1, timeoutMs: 1_000 })).toBeNumber();
  expectTypeOf(await phased.current()).toBeNumber();
}
