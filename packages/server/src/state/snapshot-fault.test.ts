/** Snapshots as anybody can make them: what no server has in its state is refused, by the name of the node and of what is wrong with it. */
import { DecodeError, maxTtlMs, statCodec, Writer } from "@corral/protocol";
import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { picture, StateDriver } from "../../test-support/state-driver.ts";
import { restorePart } from "./operation.ts";
import { type SnapshotState, snapshotChunks } from "./snapshot.ts";
import { SnapshotContentError, SnapshotReader } from "./snapshot-reader.ts";
import { StateMachine } from "./state-machine.ts";

const zxid = 1_000;
const open: readonly unknown[] = [[31, "world", "anyone"]];

/** Where each field of a node stands. */
const at = {
  path: 0,
  data: 1,
  acl: 2,
  lifetime: 3,
  czxid: 4,
  ctimeMs: 5,
  mzxid: 6,
  mtimeMs: 7,
  pzxid: 8,
  version: 9,
  aversion: 10,
  childCreates: 11,
} as const;
type Fields = { readonly [field in keyof typeof at]?: unknown };

function node(path: string, fields: Fields = {}): unknown[] {
  const row: unknown[] = [path, null, open, null, 1, 1, 1, 1, 1, 0, 0, 0];
  for (const [field, value] of Object.entries(fields)) row[at[field as keyof typeof at]] = value;
  return row;
}

const systemNodes = ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"];

function read(rows: readonly unknown[], sessions: readonly unknown[] = []): SnapshotReader {
  const reader = new SnapshotReader(0);
  for (const chunk of [[2, zxid, sessions.length], ...(sessions.length > 0 ? [sessions] : []), rows]) {
    reader.onChunk(encode(chunk, { useBigInt64: true }));
  }
  return reader;
}

/** The state with these nodes besides those that every server has. */
function stateOf(...rows: readonly unknown[]): SnapshotState {
  return read([...systemNodes.map((path) => node(path)), ...rows]).finish();
}

function without(...paths: readonly string[]): readonly unknown[] {
  return systemNodes.filter((path) => !paths.includes(path)).map((path) => node(path));
}

describe("a node", () => {
  const zxids = ["czxid", "mzxid", "pzxid"] as const;
  const cases: [Fields, string][] = [
    ...zxids.flatMap((field) =>
      [Number.NaN, 1.5, 1e300, -5, Number.POSITIVE_INFINITY].map((value): [Fields, string] => [
        { [field]: value },
        `has ${value} as its ${field}`,
      ]),
    ),
    [{ ctimeMs: Number.NaN }, "has NaN as its ctimeMs"],
    [{ mtimeMs: Number.POSITIVE_INFINITY }, "has Infinity as its mtimeMs"],
    [{ mtimeMs: 0.25 }, "has 0.25 as its mtimeMs"],
    [{ version: 1e12 }, "has 1000000000000 as its version"],
    [{ version: 1.5 }, "has 1.5 as its version"],
    [{ aversion: Number.NaN }, "has NaN as its aversion"],
    [{ aversion: -(2 ** 31) - 1 }, "has -2147483649 as its aversion"],
    [{ childCreates: Number.NaN }, "has NaN as its childCreates"],
    [{ childCreates: 0.5 }, "has 0.5 as its childCreates"],
    [{ childCreates: -5 }, "has -5 as its childCreates"],
    [{ childCreates: 1e300 }, "has 1e+300 as its childCreates"],
    // From where one more is none more.
    [{ childCreates: 2 ** 53 }, "has 9007199254740992 as its childCreates"],
    [{ lifetime: Number.NaN }, "has NaN as its time to live"],
    [{ lifetime: -3 }, "has -3 as its time to live"],
    [{ lifetime: 0 }, "has 0 as its time to live"],
    [{ lifetime: 0.5 }, "has 0.5 as its time to live"],
    [{ lifetime: maxTtlMs + 1 }, "has 1099511627776 as its time to live"],
    [{ lifetime: 0n }, "has 0 as its owner"],
    [{ lifetime: 2n ** 63n }, "has 9223372036854775808 as its owner"],
    [{ acl: [] }, "has an access list without an entry"],
    [{ acl: [[31.5, "world", "anyone"]] }, "has an access list with 31.5 as permissions"],
    [{ acl: [[1e20, "world", "anyone"]] }, "has an access list with 100000000000000000000 as permissions"],
    [{ acl: [...open, [31, "bogus", ""]] }, 'has an access list with "bogus" as a scheme'],
    [{ acl: [[31, "super", ""]] }, 'has an access list with "super" as a scheme'],
  ];
  test.each(cases)("with %o is refused by name", (fields, why) => {
    expect(() => stateOf(node("/x", fields))).toThrow(SnapshotContentError);
    expect(() => stateOf(node("/x", fields))).toThrow(`a snapshot whose node "/x" ${why}`);
  });

  test.each([
    ["/a\0b", "U+0000 at 2"],
    ["/..", "relative segment"],
    ["/x/.", "relative segment"],
    ["//x", "empty segment"],
    ["/x/", "must not end"],
    ["x", "must start with '/'"],
    ["", "it is empty"],
  ])("that is called %j is refused", (path, why) => {
    expect(() => stateOf(node("/x"), node(path))).toThrow(`${JSON.stringify(path)} has a path that no node can have:`);
    expect(() => stateOf(node("/x"), node(path))).toThrow(why);
  });

  test("whose text is half of a character is refused", () => {
    expect(() => stateOf(node("/x"), node("/\ud800"))).toThrow("text that is not UTF-8");
    expect(() => stateOf(node("/x", { acl: [[1, "digest", "\udc00:x"]] }))).toThrow("text that is not UTF-8");
  });

  test("that is strange, but such as a server can have, is taken", () => {
    const rows = [
      node("/least", { czxid: 0, mzxid: 0, pzxid: 0, ctimeMs: -1, mtimeMs: -(2 ** 52), version: -(2 ** 31) }),
      node("/most", { czxid: zxid, mzxid: zxid, pzxid: zxid, version: 2 ** 31 - 1, childCreates: 2 ** 53 - 1 }),
      node("/aversion", { aversion: -1 }),
      // Whoever asks for them gets them, as from the reference.
      node("/perms", {
        acl: [
          [-1, "world", "anyone"],
          [2 ** 31 - 1, "ip", "10.0.0.0/8"],
          [0, "sasl", "x"],
        ],
      }),
      node("/acl", {
        acl: [
          [31, "digest", "\ufeff\u{1f40e}\ufffd:x"],
          [1, "x509", "CN=x"],
        ],
      }),
      node("/ttl", { lifetime: maxTtlMs }),
      node("/ttl/child", { lifetime: 1 }),
      node("/container", { lifetime: "container" }),
      node("/ephemeral", { lifetime: -(2n ** 63n) }),
      node("/caf\u00e9 \u4e2d...", { data: Buffer.alloc(3) }),
    ];
    const { tree } = stateOf(...rows);
    for (const row of rows) expect(tree.get(row[at.path] as string)?.pzxid).toBe(row[at.pzxid]);
    expect(tree.get("/acl")?.acl[0]?.id.id).toBe("\ufeff\u{1f40e}\ufffd:x");
  });
});

describe("a tree", () => {
  test.each(systemNodes)("without %s, or where it is not persistent, is refused", (path) => {
    const rest = without(path, ...(path === "/" || path === "/zookeeper" ? systemNodes : []));
    expect(() => read(rest).finish()).toThrow(SnapshotContentError);
    const children = path === "/" || path === "/zookeeper" ? [] : without("/", "/zookeeper", path);
    for (const lifetime of [7n, 5, "container"]) {
      const others = path === "/" ? without("/") : [...without(path, ...systemNodes.slice(2)), ...children];
      expect(() => read([node(path, { lifetime }), ...others]).finish()).toThrow(
        `whose nodes are no tree: ${path}, which nobody can delete, is not persistent`,
      );
    }
  });

  test("that lacks a node of the server's own is refused by its name", () => {
    expect(() => read(without("/zookeeper/config")).finish()).toThrow(
      "nodes are no tree: /zookeeper/config, which nobody can delete, is not there",
    );
  });

  test("with children of an ephemeral node is refused, in whatever order they come", () => {
    const rows = [node("/e", { lifetime: 7n }), node("/e/child")];
    for (const order of [rows, rows.toReversed()]) {
      expect(() => stateOf(...order)).toThrow("whose nodes are no tree: /e is ephemeral and has children");
    }
  });
});

test("a session with an id or a timeout that none has is refused", () => {
  const password = Buffer.alloc(16);
  const rows = without();
  expect(() => read(rows, [[0n, password, 1, 1]])).toThrow("whose session 0 has an id that no session has");
  expect(() => read(rows, [[2n ** 63n, password, 1, 1]])).toThrow("has an id that no session has");
  expect(() => read(rows, [[5n, password, 2 ** 31, 1]])).toThrow("whose session 5 has 2147483648 as its timeout");
  expect(read(rows, [[-5n, password, 2 ** 31 - 1, 1]]).finish().sessions.size).toBe(1);
});

test("what a server may start from, but not restore, is told of", () => {
  const beyond = 'node "/y" has a zxid beyond its own, 0x3e8';
  const cases: [string, number, number, string][] = [
    ["czxid", zxid, zxid + 1, beyond],
    ["mzxid", zxid, zxid + 1, beyond],
    ["pzxid", zxid, zxid + 1, beyond],
    ["childCreates", 2 ** 52, 2 ** 52 + 1, 'node "/y" has 4503599627370497 as its childCreates, from where there'],
  ];
  for (const [field, most, more, why] of cases) {
    const rows = [...without(), node("/x", { [field]: most }), node("/y", { [field]: more })];
    expect(read(rows).restoreFault).toContain(why);
    expect(read(rows).finish().tree.get("/y")).toBeDefined();
    expect(read(rows.slice(0, -1)).restoreFault).toBeUndefined();
  }
});

test("whatever a snapshot says, it is refused, or can be shown to clients, written again and restored", () => {
  const number = fc.oneof(
    fc.constantFrom(0, -0, 1, -1, 0.5, zxid, zxid + 1, 2 ** 31, -(2 ** 31), 2 ** 52, 2 ** 53, 1e300, Number.NaN),
    fc.double(),
  );
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("world", "digest", "ip", "\ud800", "a:\udfff"));
  const other = fc.oneof(number, text, fc.constant(null), fc.bigInt(), fc.constantFrom(7n, "container", open, []));
  const name = fc.oneof(text, fc.constantFrom("", "e", "x", ".", "..", "x/y", "zookeeper"));
  const fields = fc.dictionary(fc.constantFrom(...Object.keys(at)), fc.oneof({ weight: 3, arbitrary: number }, other), {
    maxKeys: 2,
  });
  const entry = fc.tuple(number, text, text);
  const row = fc
    .tuple(fc.constantFrom("/", "/x/", "/e/", "/zookeeper/"), name, fc.boolean(), fields, fc.array(entry), fc.boolean())
    .map(([parent, name, isPlain, fields, acl, hasAcl]) =>
      node(parent + name, { ...(hasAcl && { acl }), ...(!isPlain && fields) }),
    );
  let taken = 0;
  fc.assert(
    fc.property(fc.array(row, { maxLength: 3 }), fc.boolean(), (rows, isEphemeral) => {
      const known = [...without(), node("/e", isEphemeral ? { lifetime: 7n } : {}), node("/x")];
      let state: SnapshotState;
      try {
        state = read([...known, ...rows]).finish();
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
        return;
      }
      taken++;
      const before = picture(new StateMachine(state));
      for (const path of ["/", "/x", ...rows.map(([path]) => path as string)]) {
        const found = state.tree.get(path);
        if (found === undefined) throw new Error(`${path} is not there`);
        const writer = new Writer();
        statCodec.write(writer, found.stat());
        for (const { perms } of found.acl) writer.int(perms);
      }
      const chunks = [...snapshotChunks(state)];
      const again = new SnapshotReader(0);
      for (const chunk of chunks) again.onChunk(chunk);
      expect(picture(new StateMachine(again.finish()))).toEqual(before);
      const target = new StateDriver();
      for (const [number, chunk] of chunks.entries()) {
        const request = { number, isLast: number === chunks.length - 1, chunk };
        const outcome = target.apply({ type: restorePart, request }, 0n);
        expect(outcome).toEqual({ type: "restorePartTaken", isRestored: request.isLast });
      }
      expect(target.state.tree.get("/x")).toBeDefined();
    }),
    { numRuns: 200 },
  );
  expect(taken, "snapshots that were taken").toBeGreaterThan(10);
});
