/** The types that programs see. What is wrong here is found by the compiler, not by running it. */
import { type Client, type Codec, utf8 } from "@corral/client";
import { expectTypeOf, test } from "vitest";
import { Group, type Member, type Membership, type MembersView, type ShardedGroup, type ShardGrant } from "./index.ts";

declare const client: Client;
declare const capacity: Codec<{ capacity: number }>;

test("data is unknown without a codec, and what the codec says with one", () => {
  const untyped = () => new Group(client, "/workers");
  expectTypeOf<ReturnType<typeof untyped>>().toEqualTypeOf<Group<unknown>>();
  const typed = () => new Group(client, "/workers", { codec: capacity });
  expectTypeOf<ReturnType<typeof typed>>().toEqualTypeOf<Group<{ capacity: number }>>();
  expectTypeOf<Member<{ capacity: number }>["data"]>().toEqualTypeOf<{ capacity: number } | undefined>();
  const text = async () => (await new Group(client, "/workers", { codec: utf8 }).join({ data: "x" })).data;
  expectTypeOf<Awaited<ReturnType<typeof text>>>().toEqualTypeOf<string>();
});

test("a type that nothing checks cannot be claimed", () => {
  type Arguments = ConstructorParameters<typeof Group<string>>;
  expectTypeOf<[Client, string, { codec: Codec<string> }]>().toExtend<Arguments>();
  expectTypeOf<[Client, string]>().not.toExtend<Arguments>();
  expectTypeOf<[Client, string, Record<never, never>]>().not.toExtend<Arguments>();
});

test("joining takes a wait's options; a membership guards transactions", () => {
  type Join = NonNullable<Parameters<Group<number>["join"]>[0]>;
  expectTypeOf<Join["signal"]>().toEqualTypeOf<AbortSignal | undefined>();
  expectTypeOf<Join["timeoutMs"]>().toEqualTypeOf<number | undefined>();
  expectTypeOf<Membership<number>["fencingToken"]>().toEqualTypeOf<bigint>();
  expectTypeOf<ReturnType<Membership<number>["guard"]>>().toEqualTypeOf<{
    readonly path: string;
    readonly version: -1;
  }>();
  expectTypeOf<MembersView<number>["joined"]>().toEqualTypeOf<readonly Member<number>[]>();
});

test("a shard's function gets its grant", () => {
  type Run = Parameters<ShardedGroup["run"]>[0];
  expectTypeOf<Parameters<Run>>().toEqualTypeOf<[grant: ShardGrant]>();
  expectTypeOf<ShardGrant["wanted"]>().toEqualTypeOf<AbortSignal>();
});
