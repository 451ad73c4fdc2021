import { statCodec, type WireStat, Writer } from "@corral/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Lifetime } from "./lifetime.ts";
import { NodeStore } from "./node-store.ts";
import { type NodeRecord, Znode } from "./znode.ts";

const long = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const int = fc.integer();
const lifetime: fc.Arbitrary<Lifetime> = fc.oneof(
  fc.constant<Lifetime>({ kind: "persistent" }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((owner): Lifetime => ({ kind: "ephemeral", owner })),
);
const record: fc.Arbitrary<NodeRecord> = fc.record({
  data: fc.option(fc.uint8Array({ maxLength: 1_100, size: "max" })),
  acl: fc.constant([]),
  lifetime,
  czxid: long,
  mzxid: long,
  pzxid: long,
  ctimeMs: long,
  mtimeMs: long,
  version: int,
  aversion: int,
  childCreates: fc.nat(),
});

test("what is written of a node is its data and its Stat, as the wire has them", () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 5 }), (records) => {
      const store = new NodeStore();
      for (const [i, one] of records.entries()) {
        const node = Znode.fill(store, store.allocate(`/${i}`), one);
        const [written, wanted] = [new Writer(), new Writer()];
        node.writeData(written);
        node.writeStat(written);
        wanted.buffer(one.data);
        const stat: WireStat = {
          czxid: one.czxid,
          mzxid: one.mzxid,
          ctime: one.ctimeMs,
          mtime: one.mtimeMs,
          version: one.version,
          cversion: (2 * one.childCreates) | 0,
          aversion: one.aversion,
          ephemeralOwner: one.lifetime.kind === "ephemeral" ? one.lifetime.owner : 0n,
          dataLength: one.data?.length ?? 0,
          numChildren: 0,
          pzxid: one.pzxid,
        };
        expect(node.stat()).toStrictEqual(stat);
        statCodec.write(wanted, stat);
        expect(written.take().equals(wanted.take())).toBe(true);
      }
    }),
  );
});
