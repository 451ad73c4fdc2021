/** What TypeScript tells who uses @corral/group-membership. Nothing of this runs: the compiler is the test. */

import {
  type Client,
  type Codec,
  Group,
  isMemberNameTakenError,
  type Member,
  type MemberNameTakenError,
  type Membership,
  type MembersView,
  type Participation,
  ShardedGroup,
  type ShardGrant,
  type StandingMembership,
  utf8,
} from "@corral/group-membership";
import { expectTypeOf } from "expect-type";
import type { Observable } from "rxjs";

declare const client: Client;
declare const signal: AbortSignal;
declare const capacity: Codec<{ capacity: number }>;

export async function membership(): Promise<void> {
  // Data is unknown without a codec, and what the codec says with one.
  expectTypeOf(new Group(client, "/workers")).toEqualTypeOf<Group<unknown>>();
  const workers = new Group(client, "/workers", { codec: capacity });
  expectTypeOf(workers).toEqualTypeOf<Group<{ capacity: number }>>();
  expectTypeOf(await workers.join({ name: "w1", data: { capacity: 4 } })).toEqualTypeOf<
    Membership<{ capacity: number }>
  >();
  expectTypeOf(await workers.stayJoined({ timeoutMs: 1_000, signal })).toEqualTypeOf<
    StandingMembership<{ capacity: number }>
  >();
  expectTypeOf((await new Group(client, "/workers", { codec: utf8 }).join({ data: "x" })).data).toBeString();
  // What others have written may be undecodable.
  expectTypeOf<Member<{ capacity: number }>["data"]>().toEqualTypeOf<{ capacity: number } | undefined>();
  expectTypeOf(workers.members$).toEqualTypeOf<Observable<MembersView<{ capacity: number }>>>();
  expectTypeOf<MembersView<string>["joined"]>().toEqualTypeOf<readonly Member<string>[]>();

  await using joined = await workers.join();
  expectTypeOf(joined.fencingToken).toBeBigInt();
  await client.transaction().guard(joined).delete("/job").commit();
  await client
    .transaction()
    .guard(await workers.stayJoined())
    .delete("/job")
    .commit();
  // @ts-expect-error: not what the codec takes
  await joined.update({ capacity: "four" });
  // @ts-expect-error: a type that nothing checks cannot be claimed
  new Group<string>(client, "/workers");
  // @ts-expect-error: nor with options that hold no codec
  new Group<string>(client, "/workers", {});
}

export async function sharding(): Promise<void> {
  const indexers = new ShardedGroup(client, "/indexers", { shards: ["a", "b"], name: "i1" });
  expectTypeOf(await indexers.join()).toEqualTypeOf<Participation>();
  await indexers.run(
    async (grant) => {
      expectTypeOf(grant).toEqualTypeOf<ShardGrant>();
      expectTypeOf(grant.wanted).toEqualTypeOf<AbortSignal>();
    },
    { signal },
  );
  // @ts-expect-error: it would run forever
  await indexers.run(() => undefined);
}

export function errors(error: unknown): void {
  if (isMemberNameTakenError(error)) expectTypeOf(error).toEqualTypeOf<MemberNameTakenError>();
}
