/** What TypeScript tells who uses @corral/testing. Nothing of this runs: the compiler is the test. */

import type { Client } from "@corral/client";
import type { Clock } from "@corral/io";
import {
  type Drop,
  type Dropped,
  expireSession,
  FaultProxy,
  type ReplyFrame,
  seededRandom,
  TestServer,
  VirtualClock,
} from "@corral/testing";
import { expectTypeOf } from "expect-type";

declare const client: Client;

export async function servers(): Promise<void> {
  await using server = await TestServer.start({ durable: true, tickMs: 100 });
  expectTypeOf(server.connectString).toBeString();
  await server.restart({ wiped: true });
  expectTypeOf(await expireSession(client)).toBeVoid();
}

export async function faults(): Promise<void> {
  await using proxy = await FaultProxy.start("127.0.0.1:2181", { latency: { minMs: 10, maxMs: 20 } });
  using drop = proxy.dropReply(({ operation, err }) => operation === "create" && err === 0, { times: 2 });
  expectTypeOf(drop).toEqualTypeOf<Drop<ReplyFrame>>();
  expectTypeOf(await drop.happened).toEqualTypeOf<Dropped<ReplyFrame>>();
  proxy.onFrame((frame) => {
    // Only a reply has an outcome.
    if (frame.kind === "reply") expectTypeOf(frame.err).toBeNumber();
    if (frame.kind === "event") expectTypeOf(frame.path).toBeString();
  });
  // @ts-expect-error: one way or the other
  proxy.stall("sideways");
}

export function determinism(): void {
  expectTypeOf(new VirtualClock()).toExtend<Clock>();
  expectTypeOf(seededRandom(4711).pick(["a", "b"])).toBeString();
}
