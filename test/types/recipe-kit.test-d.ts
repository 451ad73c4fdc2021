/** What TypeScript tells who uses @corral/recipe-kit. Nothing of this runs: the compiler is the test. */

import type { Client } from "@corral/client";
import { type Contender, contenders, Grant, Standing, until, withGrant } from "@corral/recipe-kit";
import { expectTypeOf } from "expect-type";

declare const client: Client;
declare const signal: AbortSignal;

class Held extends Grant {
  readonly name: string = "held";
}
declare const held: Held;

export async function grants(): Promise<void> {
  // A grant keeps its class on the way.
  const standing = await Standing.begin(client, { acquire: async () => held }, signal);
  expectTypeOf(standing).toEqualTypeOf<Standing<Held>>();
  expectTypeOf(standing.current).toEqualTypeOf<Held | undefined>();
  expectTypeOf(await withGrant(held, ({ name }) => name)).toEqualTypeOf<string>();
  expectTypeOf(await contenders(client, "/locks", ["lock-"])).toEqualTypeOf<Contender[]>();
  expectTypeOf(until).toBeFunction();
}
