/** What TypeScript tells who uses @corral/leader-election. Nothing of this runs: the compiler is the test. */

import {
  type Client,
  Election,
  type Leader,
  type Leadership,
  type LeaderView,
  type Participant,
} from "@corral/leader-election";
import { expectTypeOf } from "expect-type";
import type { Observable } from "rxjs";

declare const client: Client;
const election = new Election(client, "/leader", { identity: "a", priority: 2, whenSuspended: "hold" });

export async function leading(): Promise<void> {
  expectTypeOf(await election.campaign({ timeoutMs: 1_000 })).toEqualTypeOf<Leadership>();
  expectTypeOf(await election.lead(({ fencingToken }) => fencingToken)).toBeBigInt();
  expectTypeOf(await election.lead(async () => "done")).toBeString();
  await using leadership = await election.campaign();
  expectTypeOf(leadership.signal).toEqualTypeOf<AbortSignal>();
  await client.transaction().guard(leadership).set("/ledger", "x").commit();
  // @ts-expect-error: a priority is a number
  new Election(client, "/leader", { priority: "high" });
}

export async function observing(): Promise<void> {
  expectTypeOf(election.leader$).toEqualTypeOf<Observable<LeaderView>>();
  expectTypeOf<LeaderView>().toEqualTypeOf<Leader | "none" | "suspended">();
  election.leader$.subscribe((leader) => {
    if (typeof leader !== "string") expectTypeOf(leader.fencingToken).toBeBigInt();
  });
  expectTypeOf(await election.participants()).toEqualTypeOf<Participant[]>();
}
