import { CreateMode, OpCode, openAcl } from "@corral/protocol";
import { decode, encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { picture, StateDriver } from "../../test-support/state-driver.ts";
import { decodeEntry, encodeEntry } from "./entry-codec.ts";
import { attachSession, type Operation, restorePart } from "./operation.ts";
import { snapshotChunks } from "./snapshot.ts";
import { SnapshotReader } from "./snapshot-reader.ts";
import { StateMachine } from "./state-machine.ts";
import { digestVersion } from "./tree-digest.ts";

/** One random change. Paths come from a small set, so that creates, deletes and multis meet. */
type Change = (d: StateDriver) => void;

/** There from the beginning, so that a snapshot takes as long as several changes. */
const manyPaths = Array.from({ length: 12 }, (_, i) => `/n${i}`);
const path = fc.constantFrom("/a", "/b", "/a/x", "/a/y", "/b/x", "/a/x/deep", ...manyPaths);
const data = fc.option(
  fc.tuple(fc.integer({ min: 0, max: 300 }), fc.nat({ max: 255 })).map(([length, byte]) => Buffer.alloc(length, byte)),
);
const session = fc.constantFrom(1n, 2n, 3n);
const mode = fc.constantFrom(...Object.values(CreateMode).filter((m) => m <= CreateMode.ephemeralSequential));
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(path, mode, data, session).map(
    ([p, m, v, s]): Change =>
      (d) =>
        void d.create(p, m, v, s),
  ),
  fc.tuple(path, data).map(
    ([p, v]): Change =>
      (d) =>
        void d.set(p, v),
  ),
  path.map(
    (p): Change =>
      (d) =>
        void d.delete(p),
  ),
  fc.tuple(path, path, data).map(
    ([p, q, v]): Change =>
      (d) => {
        d.multi(
          { type: OpCode.create, path: p, data: v, acl: openAcl, flags: 0 },
          { type: OpCode.delete, path: q, version: -1 },
          { type: OpCode.setData, path: p, data: null, version: 0 },
        );
      },
  ),
  session.map(
    (s): Change =>
      (d) =>
        void d.apply({ type: OpCode.closeSession, request: {} }, s),
  ),
  session.map(
    (s): Change =>
      (d) =>
        d.session(s),
  ),
);

/** One with some nodes, and with sessions, without which no client's change happens. */
function driver(): StateDriver {
  const d = new StateDriver();
  for (const id of [1n, 2n, 3n]) d.session(id);
  for (const path of manyPaths) d.create(path);
  return d;
}

function restore(chunks: Iterable<Uint8Array>): StateMachine {
  const reader = new SnapshotReader(0);
  for (const chunk of chunks) reader.onChunk(chunk);
  return new StateMachine(reader.finish());
}

describe("a snapshot", () => {
  const changes = fc.array(change, { maxLength: 40, size: "max" });
  /** From a chunk for each node to one for all of them. */
  const chunkBytes = fc.constantFrom(1, 200, 1_000, 10_000);
  /** And whether a chunk is asked for before each of them. */
  const changesDuring = fc.array(fc.tuple(fc.boolean(), change), { maxLength: 40, size: "max" });

  test("is the state at its zxid exactly, whatever happens while it is being written", () => {
    let changesBetween = 0;
    fc.assert(
      fc.property(changes, changesDuring, chunkBytes, (before, during, chunkBytes) => {
        const d = driver();
        for (const apply of before) apply(d);
        const atCut = picture(d.state);
        const chunks: Uint8Array[] = [];
        const writing = snapshotChunks(d.state, chunkBytes)[Symbol.iterator]();
        for (const [asks, apply] of during) {
          const next = asks ? writing.next() : undefined;
          if (next?.done === false) chunks.push(next.value);
          if (chunks.length > 2 && next?.done !== true) changesBetween++;
          apply(d);
        }
        for (let next = writing.next(); next.done !== true; next = writing.next()) chunks.push(next.value);
        expect(picture(restore(chunks))).toEqual(atCut);
        // And a second one, taken of the state that the first left behind.
        expect(picture(restore(snapshotChunks(d.state)))).toEqual(picture(d.state));
      }),
      { numRuns: 300 },
    );
    expect(changesBetween, "changes between chunks of nodes").toBeGreaterThan(1_000);
  });

  test("that is given up leaves nothing behind in the next one", () => {
    fc.assert(
      fc.property(changes, changesDuring, changes, chunkBytes, (before, during, after, chunkBytes) => {
        const d = driver();
        for (const apply of before) apply(d);
        const writing = snapshotChunks(d.state, chunkBytes)[Symbol.iterator]();
        for (const [asks, apply] of during) {
          if (asks) writing.next();
          apply(d);
        }
        writing.return?.();
        d.state.tree.endSnapshot();
        for (const apply of after) apply(d);
        expect(picture(restore(snapshotChunks(d.state)))).toEqual(picture(d.state));
      }),
      { numRuns: 300 },
    );
  });

  test("has large nodes as they were, though all change between two chunks", () => {
    for (let changeAfter = 1; changeAfter < 8; changeAfter++) {
      const d = driver();
      for (const path of manyPaths) d.set(path, Buffer.alloc(60_000, 1));
      const atCut = picture(d.state);
      const chunks: Uint8Array[] = [];
      for (const chunk of snapshotChunks(d.state)) {
        if (chunks.push(chunk) === changeAfter) for (const path of manyPaths) d.set(path, Buffer.alloc(60_000, 2));
      }
      expect(chunks.length).toBeGreaterThan(changeAfter);
      expect(picture(restore(chunks)), `a change after ${changeAfter} chunks`).toEqual(atCut);
    }
  });

  test("fails at its end if its nodes are not those that its header speaks of", () => {
    const d = driver();
    const chunks = snapshotChunks(d.state)[Symbol.iterator]();
    chunks.next();
    // Past the tree, which keeps copies for the snapshot of what changes.
    const node = d.state.tree.get("/n3");
    if (node !== undefined) node.aversion = 7;
    expect(() => {
      while (chunks.next().done !== true);
    }).toThrow(/nodes of the tree at its zxid \(digest [0-9a-f]{16}; of those written [0-9a-f]{16}\)/);
  });

  test("has nodes of every kind, of any name and size, and access lists of any length", () => {
    const owner = -(2n ** 62n);
    const d = new StateDriver();
    d.session(1n);
    d.session(owner);
    const own = Array.from({ length: 70_000 }, (_, i) => ({ perms: i % 32, id: { scheme: "digest", id: `n${i}:é` } }));
    const few = own.slice(0, 20);
    const outcomes = [
      d.create("/é"),
      d.create("/é/日本", CreateMode.persistent, null),
      d.create(`/${"x".repeat(300)}ü`, CreateMode.persistent, Buffer.alloc(0)),
      d.create("/large", CreateMode.persistent, Buffer.alloc(700_000, "x")),
      d.create("/mine", CreateMode.ephemeralSequential, null, owner),
      d.apply({ type: OpCode.createContainer, request: { path: "/c", data: null, acl: openAcl, flags: 4 } }),
      d.apply({ type: OpCode.createTTL, request: { path: "/t", data: null, acl: openAcl, flags: 5, ttl: 2 ** 39 } }),
      d.apply({ type: OpCode.create, request: { path: "/many", data: null, acl: own, flags: 0 } }),
      d.apply({ type: OpCode.create, request: { path: "/few", data: null, acl: few, flags: 0 } }),
      d.apply({ type: OpCode.create, request: { path: "/as-few", data: null, acl: few, flags: 0 } }),
    ];
    for (const outcome of outcomes) expect(outcome).toMatchObject({ type: expect.stringContaining("created") });
    for (let i = 0; i < 300; i++) d.set("/few", Buffer.from("x"));
    expect(picture(restore(snapshotChunks(d.state)))).toEqual(picture(d.state));
  });

  test("plus the entries after it is the state", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), fc.array(change, { maxLength: 30 }), (before, after) => {
        const d = driver();
        for (const apply of before) apply(d);
        const copy = new StateDriver(restore(snapshotChunks(d.state)));
        for (const apply of after) {
          apply(d);
          apply(copy);
        }
        expect(picture(copy.state)).toEqual(picture(d.state));
      }),
      { numRuns: 100 },
    );
  });
});

test("a snapshot's chunks are of some thousand bytes, though a node is larger, and whatever was written before", () => {
  const d = new StateDriver();
  d.session(1n);
  for (let i = 0; i < 30; i++) d.create(`/small-${i}`, CreateMode.persistent, Buffer.alloc(30_000), 1n);
  d.create("/large", CreateMode.persistent, Buffer.alloc(500_000), 1n);
  for (let i = 30; i < 60; i++) d.create(`/small-${i}`, CreateMode.persistent, Buffer.alloc(30_000), 1n);
  for (const time of ["first", "second"]) {
    const lengths = Array.from(snapshotChunks(d.state), ({ length }) => length);
    const larger = lengths.filter((length) => length > 140_000);
    expect(larger, `${time} time`).toHaveLength(1);
    expect(larger[0], `${time} time`).toBeLessThan(510_000);
    expect(lengths.length, `${time} time`).toBeGreaterThan(15);
  }
});

test("its first nodes come in short chunks, for as long as their code is cold", () => {
  const d = new StateDriver();
  d.session(1n);
  for (let i = 0; i < 4_000; i++) d.create(`/n${i}`, CreateMode.persistent, Buffer.alloc(100), 1n);
  // The header, and the sessions.
  const [, , ...chunks] = snapshotChunks(d.state);
  const kibibytes = chunks.map(({ length }) => Math.ceil(length / 1024));
  expect(kibibytes.slice(0, 6)).toEqual([8, 16, 32, 64, 128, 128]);
});

describe("a snapshot that is read", () => {
  const d = new StateDriver();
  d.session(1n);
  d.session(2n);
  d.create("/a", CreateMode.persistent, Buffer.from("data"));
  d.create("/a/b", CreateMode.ephemeral);
  const chunks = [...snapshotChunks(d.state)];
  const rowsOf = (chunk: Uint8Array | undefined) => decode(chunk ?? [], { useBigInt64: true }) as unknown[][];
  const chunkOf = (rows: unknown): Uint8Array => encode(rows, { useBigInt64: true });
  const [header = [], sessions = [], nodes = []] = chunks.map(rowsOf);

  test("may be of before sessions had a digest, or digests were computed otherwise: that is not compared", () => {
    const { high, low } = d.state.digest;
    for (const version of [1, 2, digestVersion]) {
      const named = [version, high, low ^ 1];
      for (const beginning of [
        [chunkOf([1, d.state.lastZxid, sessions, named])],
        [chunkOf([2, d.state.lastZxid, sessions.length, named]), chunkOf(sessions)],
      ]) {
        const old = [...beginning, chunkOf(nodes)];
        if (version === digestVersion) expect(() => restore(old)).toThrow("whose nodes and sessions have the digest");
        else expect(picture(restore(old))).toEqual(picture(d.state));
        const reader = new SnapshotReader(0);
        for (const chunk of old) reader.onChunk(chunk);
        expect(reader.hasOtherDigest).toBe(version !== digestVersion);
      }
    }
  });

  test("may have its nodes in any order", () => {
    const reversed = [chunkOf(header), chunkOf(sessions)];
    // The first row brings the access list that the others name by its number.
    const acl = nodes[0]?.[2];
    for (const row of [...nodes].reverse()) {
      const own = [...row];
      own[2] = typeof own[2] === "number" ? acl : own[2];
      reversed.push(chunkOf([own]));
    }
    expect(picture(restore(reversed))).toEqual(picture(d.state));
  });

  test("has the sessions that its header vouches for", () => {
    const other = sessions.map(([id, password, timeoutMs, attachment]) => [
      id,
      password,
      Number(timeoutMs) + 1,
      attachment,
    ]);
    expect(() => restore([chunkOf(header), chunkOf(other), chunkOf(nodes)])).toThrow(
      "nodes and sessions have the digest",
    );
    expect(() => restore([chunkOf(header), chunkOf(sessions.slice(1)), chunkOf(nodes)])).toThrow("a session");
    expect(() => restore([chunkOf(header), chunkOf(sessions.slice(1))])).toThrow("lacks 1 sessions");
  });

  test("is a tree: no node is missing above another, or there twice", () => {
    const start = [chunkOf(header), chunkOf(sessions)];
    const without = (path: string) => nodes.filter(([at]) => at !== path);
    expect(() => restore([...start, chunkOf(without("/a"))])).toThrow("children of /a");
    // The root comes first, and with it the access list that others name by its number.
    const [root, [path, data, , ...others]] = nodes as [unknown[], unknown[]];
    const withoutRoot = [[path, data, root[2], ...others], ...nodes.slice(2)];
    expect(() => restore([...start, chunkOf(withoutRoot)])).toThrow("children of /,");
    expect(() => restore([...start, chunkOf(nodes), chunkOf([nodes.at(-1)])])).toThrow("twice");
  });
});

describe("an entry", () => {
  const d = new StateDriver();
  const operations: Operation[] = [
    { type: OpCode.createSession, request: { timeoutMs: 1, password: Buffer.alloc(16, 1) } },
    { type: attachSession, request: { timeoutMs: 2 } },
    { type: OpCode.closeSession, request: {} },
    { type: OpCode.deleteContainer, request: { path: "/c", czxid: 2 ** 40 } },
    { type: restorePart, request: { number: 7, isLast: true, chunk: Buffer.from("chunk") } },
    { type: restorePart, request: { number: -1, isLast: true, chunk: Buffer.alloc(0) } },
  ];
  test.each(operations)("of the server's own comes back as it was: %o", (operation) => {
    const entry = d.entry(operation, -5n);
    expect(decodeEntry(encodeEntry(entry))).toEqual(entry);
    const strict = { ...entry, enforcesQuota: true };
    expect(decodeEntry(encodeEntry(strict))).toEqual(strict);
  });
});
