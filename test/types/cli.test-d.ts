/** What TypeScript tells who uses @corral/cli. Nothing of this runs: the compiler is the test. */

import {
  CopyError,
  type CopyReport,
  checkDump,
  copyTree,
  dumpTree,
  isCopyError,
  type LeftOut,
  loadTree,
  openDump,
  raiseEpoch,
} from "@corral/cli";
import type { Client } from "@corral/client";
import { expectTypeOf } from "expect-type";

export async function copying(from: Client, to: Client, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const raise = (aboveZxid: bigint) => raiseEpoch({ url: "http://127.0.0.1:8080", token: undefined }, aboveZxid);
  expectTypeOf(copyTree(from, to, { conflict: "overwrite", counters: "all", raise })).resolves.toEqualTypeOf<
    CopyReport & LeftOut
  >();
  expectTypeOf(loadTree(await openDump(bytes), to)).resolves.toEqualTypeOf<CopyReport>();
  expectTypeOf((await checkDump(bytes)).zxid).toEqualTypeOf<bigint>();
  for await (const text of dumpTree(from, { exclude: ["/tmp"], containers: ["/locks/*"] }))
    expectTypeOf(text).toBeString();
  const error: unknown = new CopyError("different", "the target is not as the source was");
  if (isCopyError(error)) expectTypeOf(error.code).toEqualTypeOf<CopyError["code"]>();
  // @ts-expect-error: there is no such policy
  await copyTree(from, to, { conflict: "ask" });
  // @ts-expect-error: a dump is opened first
  await loadTree(bytes, to);
}
