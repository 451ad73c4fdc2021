import { CreateMode, OpCode, openAcl } from "@corral/protocol";
import { seededRandom } from "@corral/testing";
import { describe, expect, it } from "vitest";
import { StateDriver } from "../../test-support/state-driver.ts";
import { persistentLifetime } from "./lifetime.ts";
import { doubles } from "./node-row.ts";
import { Slabs } from "./slabs.ts";
import { snapshotChunks } from "./snapshot.ts";
import { SnapshotReader } from "./snapshot-reader.ts";
import { StateMachine } from "./state-machine.ts";
import {
  type DigestedNode,
  DigestSum,
  formatDigest,
  hashData,
  murmur3,
  noDataHash,
  sameDigest,
} from "./tree-digest.ts";
import type { NodeRecord } from "./znode.ts";

const viewOf = (bytes: Buffer) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const hashOf = (data: Buffer | null) => (data === null ? noDataHash : hashData(viewOf(data), 0, data.length));

/** A node by the names of its numbers. */
type NamedNode = Omit<NodeRecord, "data"> & Pick<DigestedNode, "dataHash">;

const node: NamedNode = {
  dataHash: hashOf(Buffer.from("data")),
  acl: openAcl,
  lifetime: persistentLifetime,
  czxid: 2 ** 32 + 1,
  mzxid: 2 ** 32 + 2,
  pzxid: 2 ** 32 + 3,
  ctimeMs: 1_700_000_000_001,
  mtimeMs: 1_700_000_000_002,
  version: 1,
  aversion: 2,
  childCreates: 3,
};

function digestOf(...nodes: readonly (readonly [path: string, node: NamedNode])[]): string {
  const sum = new DigestSum();
  for (const [path, one] of nodes) sum.add(path, digested(one));
  return formatDigest(sum.value);
}

function digested(one: NamedNode): DigestedNode {
  const numbersAt = 3;
  const numbers = new Float64Array(numbersAt + doubles.count);
  for (const name of ["czxid", "mzxid", "pzxid", "ctimeMs", "mtimeMs", "childCreates"] as const) {
    numbers[numbersAt + doubles[name]] = one[name];
  }
  return { ...one, numbers, numbersAt };
}

describe("the digest of nodes", () => {
  it("is zero for none, and does not depend on their order", () => {
    expect(digestOf()).toBe("0000000000000000");
    const other = { ...node, dataHash: hashOf(null) };
    expect(digestOf(["/a", node], ["/b", other])).toBe(digestOf(["/b", other], ["/a", node]));
  });

  it("depends on everything that a node is", () => {
    const changes: readonly Partial<NamedNode>[] = [
      {},
      { dataHash: hashOf(null) },
      { dataHash: hashOf(Buffer.alloc(0)) },
      { dataHash: hashOf(Buffer.from("Data")) },
      { acl: [] },
      { lifetime: { kind: "container" } },
      { lifetime: { kind: "ttl", ttlMs: 5 } },
      { lifetime: { kind: "ttl", ttlMs: 6 } },
      { lifetime: { kind: "ephemeral", owner: 2n ** 56n + 1n } },
      { lifetime: { kind: "ephemeral", owner: 2n ** 56n + 2n } },
      { czxid: 2 ** 33 + 1 },
      { mzxid: 2 ** 32 + 3 },
      { pzxid: 2 ** 32 + 2 },
      { ctimeMs: 1_700_000_000_002 },
      { mtimeMs: 1_700_000_000_001 },
      { version: -2 },
      { aversion: 1 },
      { childCreates: 4 },
    ];
    const digests = [...changes.map((change) => digestOf(["/a", { ...node, ...change }])), digestOf(["/b", node])];
    expect(new Set(digests).size).toBe(digests.length);
    expect(digestOf(["/a", node], ["/b", { ...node, dataHash: hashOf(null) }])).not.toBe(
      digestOf(["/b", node], ["/a", { ...node, dataHash: hashOf(null) }]),
    );
  });

  it("changes in both halves with any bit of the data", () => {
    const halves = Array.from({ length: 8 * 4 }, (_, bit) => {
      const data = Buffer.from("data");
      data[bit >> 3] = (data[bit >> 3] as number) ^ (1 << (bit & 7));
      const digest = digestOf(["/a", { ...node, dataHash: hashOf(data) }]);
      return [digest.slice(0, 8), digest.slice(8)] as const;
    });
    expect(new Set(halves.map(([high]) => high)).size).toBe(32);
    expect(new Set(halves.map(([, low]) => low)).size).toBe(32);
  });

  it("differs for any two small differences, in each of its halves but for some", () => {
    const names = [
      "czxid",
      "mzxid",
      "pzxid",
      "ctimeMs",
      "mtimeMs",
      "version",
      "aversion",
      "childCreates",
      "dataHash",
    ] as const;
    const digests: string[] = [digestOf(["/a", node])];
    for (const [at, name] of names.entries()) {
      for (const other of names.slice(at + 1)) {
        for (let some = -8; some <= 8; some++) {
          for (let more = -8; more <= 8; more++) {
            if (some === 0 || more === 0) continue;
            digests.push(digestOf(["/a", { ...node, [name]: node[name] + some, [other]: node[other] + more }]));
          }
        }
      }
    }
    expect(new Set(digests).size).toBe(digests.length);
    // Of 9,217 that are drawn at random from 32 bits, two are the same once in a hundred times.
    for (const half of [digests.map((one) => one.slice(0, 8)), digests.map((one) => one.slice(8))]) {
      expect(new Set(half).size).toBeGreaterThan(digests.length - 3);
    }
  });
});

describe("the hash of data", () => {
  it.each([
    ["", 0, 0],
    ["", 1, 0x514e_28b7],
    ["aaa", 0x9747_b28c, 0x283e_0130],
    ["aaaa", 0x9747_b28c, 0x5a97_808a],
    ["abc", 0, 0xb3dd_93fa],
    ["Hello, world!", 0x9747_b28c, 0x2488_4cba],
    ["The quick brown fox jumps over the lazy dog", 0x9747_b28c, 0x2fa8_26cd],
  ])("is that of MurmurHash3 for %j and seed %i", (text, seed, hash) => {
    const inMidst = Buffer.from(`x${text}y`);
    expect(murmur3(viewOf(inMidst), 1, inMidst.length - 2, seed) >>> 0).toBe(hash);
  });

  it("changes with any bit, and with the length", () => {
    for (const length of [0, 1, 3, 4, 5, 15, 16, 17, 31, 32, 33, 100]) {
      const hashes = [hashOf(null), hashOf(Buffer.alloc(length)), hashOf(Buffer.alloc(length + 1))];
      for (let bit = 0; bit < 8 * length; bit++) {
        const data = Buffer.alloc(length);
        data[bit >> 3] = 1 << (bit & 7);
        hashes.push(hashOf(data));
      }
      expect(new Set(hashes).size, `${length} bytes`).toBe(hashes.length);
    }
  });

  it("is taken of what a node has kept", () => {
    const slabs = new Slabs();
    for (const length of [0, 1, 16, 17, 100, 1_023, 1_024, 1_025, 70_001]) {
      for (const fill of [1, 255]) {
        const data = Buffer.alloc(length, fill);
        expect(slabs.hash(slabs.add(data), length), `${length} bytes`).toBe(hashOf(data));
      }
    }
  });

  it("is taken of what a node has now, also where others were before", () => {
    const slabs = new Slabs();
    const fill = (byte: number) => {
      const data = Array.from({ length: 1_000 }, (_, i) => Buffer.alloc(1_000 + (i % 20), byte + i));
      const numbers = data.map((bytes) => slabs.add(bytes));
      const hashes = data.map(({ length }, i) => slabs.hash(numbers[i] as number, length));
      expect(hashes).toEqual(data.map(hashOf));
      return () => {
        for (const [i, { length }] of data.entries()) slabs.remove(numbers[i] as number, length);
      };
    };
    // So many that most of the memory is given back in between.
    const { heldBytes: none } = slabs;
    for (const byte of [1, 2, 3]) {
      const empty = fill(byte);
      const { heldBytes: full } = slabs;
      empty();
      expect(slabs.heldBytes - none).toBeLessThan(full - none);
    }
  });

  it("changes when bytes change places", () => {
    const data = Buffer.from(Array.from({ length: 64 }, (_, i) => i));
    const hashes = [hashOf(data)];
    for (let one = 0; one < data.length; one++) {
      for (let other = one + 1; other < data.length; other++) {
        const swapped = Buffer.from(data);
        swapped[one] = data[other] as number;
        swapped[other] = data[one] as number;
        hashes.push(hashOf(swapped));
      }
    }
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});

/** The same tree, read from a snapshot: its digest is made anew, node by node. */
function anew(state: StateMachine): StateMachine {
  const reader = new SnapshotReader(0);
  for (const chunk of snapshotChunks(state)) reader.onChunk(chunk);
  return new StateMachine(reader.finish());
}

describe("the digest of a tree", () => {
  it("that has changed is that of the same tree made at once", () => {
    const random = seededRandom(20);
    const driver = new StateDriver();
    driver.session(1n);
    const paths = ["/a", "/b", "/a/c", "/a/d", "/a/d/e", "/f"];
    const pick = (): string => random.pick(paths);
    for (let step = 1; step <= 600; step++) {
      const path = pick();
      switch (random.below(7)) {
        case 0:
          driver.delete(path);
          break;
        case 1:
          driver.set(path, random.below(4) === 0 ? null : Buffer.from(random.bytes(random.below(50))));
          break;
        case 2:
          driver.multi(
            { type: OpCode.setData, path, data: random.bytes(3), version: -1 },
            { type: OpCode.delete, path: pick(), version: random.below(3) },
            { type: OpCode.create, path: pick(), data: null, acl: openAcl, flags: CreateMode.persistent },
          );
          break;
        case 3:
          driver.create(path, CreateMode.ephemeral);
          break;
        default:
          driver.create(path, random.pick([CreateMode.persistent, CreateMode.container]));
      }
      // Not always: then changes gather.
      if (random.below(3) === 0)
        expect(driver.state.tree.digest, `step ${step}`).toEqual(anew(driver.state).tree.digest);
    }
  });

  it("is that of before when a transaction is undone", () => {
    const driver = new StateDriver();
    driver.session(1n);
    driver.create("/a");
    const before = driver.state.tree.digest;
    driver.multi(
      { type: OpCode.setData, path: "/a", data: Buffer.from("other"), version: -1 },
      { type: OpCode.create, path: "/a/b", data: null, acl: openAcl, flags: CreateMode.persistent },
      { type: OpCode.delete, path: "/none", version: -1 },
    );
    expect(sameDigest(driver.state.tree.digest, before)).toBe(true);
    driver.set("/a", Buffer.from("other"));
    expect(sameDigest(driver.state.tree.digest, before)).toBe(false);
  });
});
