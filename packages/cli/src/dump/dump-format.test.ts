import { type Acl, openAcl, readOnlyAcl } from "@corral/client";
import { crc32 } from "@corral/io";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aclText, TreeSum } from "../tree/digest.ts";
import type { NodeKind, TreeNode } from "../tree/tree-node.ts";
import { checkDump, openDump } from "./dump.ts";
import { decodeLine, encodeEnd, encodeHeader, encodeNode } from "./dump-format.ts";

const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 10 }).filter((text) => !text.includes("/"));
const acl: fc.Arbitrary<readonly Acl[]> = fc.array(
  fc.record({
    // Servers keep whatever bits they are given.
    perms: fc.oneof(fc.integer({ min: 0, max: 31 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
    id: fc.record({ scheme: fc.constantFrom("world", "digest", "ip"), id: fc.string() }),
  }),
  { maxLength: 3 },
);
const kind: fc.Arbitrary<NodeKind> = fc.oneof(
  fc.constant<NodeKind>("persistent"),
  fc.constant<NodeKind>("container"),
  fc.integer({ min: 1, max: 2 ** 40 - 1 }).map((ttlMs): NodeKind => ({ ttlMs })),
);
const node: fc.Arbitrary<TreeNode> = fc.record({
  path: name.map((text) => `/${text}`),
  data: fc.option(
    fc.oneof(
      fc.uint8Array(),
      fc.string().map((text) => Buffer.from(text)),
    ),
  ),
  acl,
  kind,
  childCreates: fc.nat(),
});

describe("a line", () => {
  test("is one line, and comes back as the node that it was made of", () => {
    fc.assert(
      fc.property(node, (made) => {
        const line = encodeNode(made);
        expect(line.indexOf("\n")).toBe(line.length - 1);
        const read = decodeLine(line.slice(0, -1), 1);
        if (read.type !== "node") throw new Error("it is a node");
        expect({ ...read.node, data: read.node.data && [...read.node.data], acl: aclText(read.node.acl) }).toEqual({
          ...made,
          data: made.data && [...made.data],
          acl: aclText(made.acl),
        });
      }),
    );
  });

  test("is short for what is usual", () => {
    const plain = { path: "/a", data: Buffer.from("x"), acl: openAcl, kind: "persistent", childCreates: 0 } as const;
    expect(encodeNode(plain)).toBe('{"path":"/a","data":"x"}\n');
    expect(encodeNode({ ...plain, data: null, acl: readOnlyAcl, kind: { ttlMs: 5 }, childCreates: 7 })).toBe(
      '{"path":"/a","acl":["r world:anyone"],"kind":{"ttlMs":5},"creates":7}\n',
    );
  });

  test.each([
    [0, "-"],
    [17, "ra"],
    [0x63, "rw+0x60"],
    [0x40, "-+0x40"],
    [-1, "cdrwa+0xffffffe0"],
  ])("permissions %d are %s", (perms, shown) => {
    const line = `{"path":"/a","acl":["${shown} ip:10.0.0.1"]}\n`;
    const acl = [{ perms, id: { scheme: "ip", id: "10.0.0.1" } }];
    expect(encodeNode({ path: "/a", data: null, acl, kind: "persistent", childCreates: 0 })).toBe(line);
    expect(decodeLine(line.trimEnd(), 1)).toMatchObject({ type: "node", node: { acl } });
  });

  test.each([
    ["{", "is not JSON"],
    ["7", "is not a JSON object"],
    ['{"corral":"dump","version":2}', "says version 2; this program knows 1"],
    ['{"corral":"dump","version":1,"root":"/"}', "has no root or no zxid"],
    ['{"path":"a"}', "has no path"],
    ['{"path":"/a","acl":["all"]}', 'has an access list with "all" in it'],
    ['{"path":"/a","acl":["r+0x123456789 ip:::1"]}', 'has an access list with "r+0x123456789 ip:::1" in it'],
    ['{"path":"/a","acl":"all"}', "has an access list that is no list"],
    ['{"path":"/a","kind":"eternal"}', "has a kind that is not known"],
    ['{"path":"/a","creates":"7"}', "has a counter that is no number"],
    ['{"end":true}', "has no counts"],
  ])("%s is refused", (text, why) => {
    expect(() => decodeLine(text, 3)).toThrow(`Line 3 of the dump ${why}`);
  });
});

test("a dump in whatever pieces, and one with the wrong counts", async () => {
  const text = encodeHeader({ root: "/", zxid: 5n, madeAtMs: 0 }) + encodeNode(at("/")) + encodeNode(at("/ü"));
  const sum = new TreeSum();
  for (const path of ["/", "/ü"]) sum.add(at(path));
  const checksum = crc32(Buffer.from(text)).toString(16).padStart(8, "0");
  const end = { nodes: 2, bytes: sum.bytes, digest: sum.digest, crc32: checksum };
  const bytes = Buffer.from(text + encodeEnd(end));
  for (let size = 1; size < 20; size++) {
    expect(await checkDump(pieces(bytes, size))).toMatchObject({ zxid: 5n, nodeCount: 2 });
  }
  for (const wrong of [{ nodes: 3 }, { bytes: 0 }, { digest: "0" }, { crc32: "00000000" }]) {
    const { nodes } = await openDump(pieces(Buffer.from(text + encodeEnd({ ...end, ...wrong })), 100));
    const read = async () => {
      for await (const some of nodes) expect(some.length).toBeGreaterThan(0);
    };
    await expect(read()).rejects.toMatchObject({ code: "bad-dump" });
  }
});

function at(path: string): TreeNode {
  return { path, data: Buffer.from(path), acl: openAcl, kind: "persistent", childCreates: 0 };
}

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}
