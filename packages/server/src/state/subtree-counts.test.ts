/** Counting: what comes out is what there is, and no node is looked at again and again. */
import { CreateMode, ErrorCode, type MultiOperation, OpCode, openAcl, parentPath } from "@corral/protocol";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { looksUp } from "../../test-support/look-ups.ts";
import { StateDriver } from "../../test-support/state-driver.ts";
import { persistentLifetime } from "./lifetime.ts";
import { NodeStore } from "./node-store.ts";
import type { Znode } from "./znode.ts";

afterEach(() => vi.restoreAllMocks());

const create = (path: string, bytes = 0): MultiOperation => ({
  type: OpCode.create,
  path,
  data: Buffer.alloc(bytes),
  acl: openAcl,
  flags: CreateMode.persistent,
});
const remove = (path: string): MultiOperation => ({ type: OpCode.delete, path, version: -1 });
const set = (path: string, bytes: number): MultiOperation => ({
  type: OpCode.setData,
  path,
  data: Buffer.alloc(bytes),
  version: -1,
});
const statsOf = (quota: string) => `/zookeeper/quota${quota}/zookeeper_stats`;

/** The paths of all children that are told from now on. */
function watchLooks(): string[] {
  const told: string[] = [];
  const { eachChild } = NodeStore.prototype;
  vi.spyOn(NodeStore.prototype, "eachChild").mockImplementation(function (this: NodeStore, number, tell) {
    eachChild.call(this, number, (child) => {
      told.push(child);
      tell(child);
    });
  });
  return told;
}

describe("a transaction that makes the books of quotas", () => {
  /** A tree with `/a/a/a …` that deep, and that many leaves below the last; and the places of their books. */
  function deepTree(depth: number, leaves: number): { d: StateDriver; quotas: string[] } {
    const d = new StateDriver();
    d.session(1n);
    const quotas = Array.from({ length: depth }, (_, i) => "/a".repeat(i + 1));
    for (const quota of quotas) for (const path of [quota, `/zookeeper/quota${quota}`]) d.create(path);
    for (let i = 0; i < leaves; i++) d.create(`${quotas.at(-1)}/${i}`);
    return { d, quotas };
  }

  test.each([
    ["of one path, again and again", (quotas: string[]) => Array.from({ length: 90 }, () => quotas[0] as string)],
    ["of paths one below the other, from the top", (quotas: string[]) => quotas],
    ["of paths one below the other, from the bottom", (quotas: string[]) => quotas.toReversed()],
  ])("looks at each node once: %s", (_what, choose) => {
    const { d, quotas } = deepTree(20, 300);
    const told = watchLooks();
    const pairs = choose(quotas).flatMap((quota) => [create(statsOf(quota)), remove(statsOf(quota))]);
    const outcome = d.multi(...pairs, create(statsOf("/a")));
    expect(outcome).toMatchObject({ results: expect.arrayContaining([{ type: OpCode.create, path: statsOf("/a") }]) });
    expect(told).toHaveLength(20 + 300 - 1);
    expect(new Set(told).size).toBe(told.length);
    expect(d.state.tree.get(statsOf("/a"))?.data?.toString()).toBe("count=320,bytes=320");
  });

  test.each([
    ["one transaction after another", (d: StateDriver, one: MultiOperation) => d.multi(one)],
    [
      "transactions that fail",
      (d: StateDriver, one: MultiOperation) => {
        d.multi(one, remove("/missing"));
        d.multi(one);
      },
    ],
  ])("looks at no more nodes than there are and changes come: %s", (_what, apply) => {
    const { d } = deepTree(1, 1_000);
    const told = watchLooks();
    for (let i = 0; i < 1_000; i++) {
      apply(d, create(statsOf("/a")));
      apply(d, remove(statsOf("/a")));
    }
    // Up to four changes of what there is for each of the two, and as many back.
    expect(told.length).toBeLessThan(1_000 + 2_000 * 8);
    // And what is known, and costs each change something, does not stay for ever.
    expect(told.length).toBeGreaterThan(2_000);
  });
});

describe("what is counted", () => {
  // Also the quotas' own nodes, whose text changes with what they count.
  const paths = ["/a", "/a/b", "/a/b/c", "/a/d", "/zookeeper/quota/a", "/zookeeper/quota/a/b"];
  paths.push("/zookeeper/quota/zookeeper", "/zookeeper/quota/a/zookeeper_limits");
  const books = ["/a", "/a/b", "/zookeeper"].map(statsOf);
  const operation = fc
    .record({ path: fc.constantFrom(...paths, ...books), kind: fc.nat(2), bytes: fc.nat(9) })
    .map(({ path, kind, bytes }) => [create(path, bytes), remove(path), set(path, bytes)][kind] as MultiOperation);

  const nodesBelow = ({ state: { tree } }: StateDriver, path: string): string[] => {
    const node = tree.get(path);
    if (node === undefined) return [];
    const found = [path];
    for (const at of found) for (const name of tree.get(at)?.children ?? []) found.push(`${at}/${name}`);
    return found;
  };
  const bytesOf = ({ state: { tree } }: StateDriver, nodes: readonly string[]): number =>
    nodes.reduce((sum, path) => sum + (tree.get(path)?.dataLength ?? 0), 0);

  test("is what the same operations come to one by one, whatever they are", () => {
    fc.assert(
      fc.property(fc.array(fc.array(operation, { minLength: 1, maxLength: 40 }), { maxLength: 6 }), (transactions) => {
        const [together, alone] = [new StateDriver(), new StateDriver()];
        for (const d of [together, alone]) {
          d.session(1n);
          for (const path of paths) d.create(path);
          // So many that what is known stays for a while.
          for (let i = 0; i < 150; i++) d.create(`/a/b/${i}`, CreateMode.persistent, null);
        }
        for (const transaction of transactions) {
          // Those that can be done at this point; one that cannot would take all of them back.
          const done = transaction.filter((one) => {
            const outcome = alone.multi(one);
            return outcome.type === "multi" && outcome.results[0]?.type !== OpCode.error;
          });
          together.multi(...done);
          // And one that is taken back.
          together.multi(...transaction, remove("/missing"));
          for (const quota of ["/a", "/a/b"]) {
            const text = `count=${nodesBelow(alone, quota).length},bytes=${bytesOf(alone, nodesBelow(alone, quota))}`;
            for (const d of [together, alone]) {
              d.multi(remove(statsOf(quota)));
              d.multi(create(statsOf(quota)));
              const made = d.state.tree.get(statsOf(quota))?.data?.toString();
              if (made !== undefined) expect(made).toBe(text);
            }
          }
          for (const path of [...paths, ...books]) {
            expect(together.state.tree.get(path)?.data?.toString(), path).toBe(
              alone.state.tree.get(path)?.data?.toString(),
            );
          }
          expect(together.state.tree.approximateDataBytes).toBe(alone.state.tree.approximateDataBytes);
        }
      }),
      { numRuns: 50 },
    );
  });

  /** A driver with the places of the books of these paths, and so many leaves below `/a/b` that what is known stays. */
  function withBooks(quotas: readonly string[], leaves = 500): StateDriver {
    const d = new StateDriver();
    d.session(1n);
    for (const path of quotas.toSorted()) d.create(`/zookeeper/quota${path}`);
    for (const path of ["/a", "/a/b"]) d.create(path);
    for (let i = 0; i < leaves; i++) d.create(`/a/b/${i}`, CreateMode.persistent, null);
    return d;
  }
  const countedAt = (d: StateDriver, quota: string): string | undefined => {
    d.multi(remove(statsOf(quota)));
    d.multi(create(statsOf(quota)));
    const text = d.state.tree.get(statsOf(quota))?.data?.toString();
    d.multi(remove(statsOf(quota)));
    return text;
  };
  const counted = (d: StateDriver, quota: string): string =>
    `count=${nodesBelow(d, quota).length},bytes=${bytesOf(d, nodesBelow(d, quota))}`;

  test("is what counting afresh comes to, below a chain whose nodes come, go, and get and lose children", () => {
    const chain = Array.from({ length: 8 }, (_, i) => "/a/b/c/d/e/f/g/h".slice(0, 2 * i + 2));
    const beside = chain.flatMap((path) => [`${path}/x`, `${path}/x/y`, `${path}/x/y/z`]);
    // Also what has it counted in the middle of a transaction.
    const places = [...chain, ...beside, ...chain.map(statsOf)];
    const change = fc
      .record({ path: fc.constantFrom(...places), kind: fc.constantFrom(0, 0, 0, 1, 2), bytes: fc.nat(9) })
      .map(({ path, kind, bytes }) => [create(path, bytes), remove(path), set(path, bytes)][kind] as MultiOperation);
    // From somewhere in the chain to its end.
    const whole = fc.nat(chain.length).map((from) => chain.slice(from).map((path) => create(path, 3)));
    const gone = fc.nat(chain.length).map((from) => chain.slice(from).reverse().map(remove));
    const count = fc.constantFrom(...chain).map((quota) => ({ quota }));
    const some = fc.oneof(fc.array(change, { minLength: 1, maxLength: 8 }), whole, gone);
    const step = fc.oneof(count, fc.record({ operations: some, isTakenBack: fc.boolean() }));
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => {
        const d = withBooks(chain);
        for (const one of steps) {
          if ("quota" in one) {
            expect(countedAt(d, one.quota)).toBe(counted(d, one.quota));
          } else if (one.isTakenBack) {
            // Those that can be done one after the other; found by doing them, which is taken back as well.
            const able: MultiOperation[] = [];
            for (const operation of one.operations) {
              const outcome = d.multi(...able, operation, remove("/missing"));
              const results = outcome.type === "multi" ? outcome.results : [];
              const failed = results.findIndex((result) => result.type === OpCode.error && result.err !== ErrorCode.Ok);
              if (failed > able.length) able.push(operation);
            }
            d.multi(...able, remove("/missing"));
          } else {
            for (const operation of one.operations) d.multi(operation);
          }
        }
        for (const quota of chain) expect(countedAt(d, quota)).toBe(counted(d, quota));
      }),
      { numRuns: 100 },
    );
  });

  test.each([
    ["the upper first", ["/a", "/a/b", "/a/b/c"]],
    ["the lower first", ["/a/b/c", "/a/b", "/a"]],
  ])("is right for paths one below the other: %s", (_what, quotas) => {
    const d = withBooks(quotas);
    d.multi(create("/a/b/c", 1), create("/a/b/c/d", 2));
    for (const quota of quotas) countedAt(d, quota);
    d.multi(create("/a/b/c/d/e", 3), create("/a/b/c/d/e/f", 4), set("/a/b/c/d", 5));
    for (const quota of quotas) expect(countedAt(d, quota)).toBe(counted(d, quota));
    expect(countedAt(d, "/a/b/c")).toBe("count=4,bytes=13");
  });

  test("is right above a counted node that was gone when what is above was counted", () => {
    const d = withBooks(["/a", "/a/b", "/a/b/c"]);
    d.multi(create("/a/b/c"), create("/a/b/c/d"));
    expect(countedAt(d, "/a/b/c")).toBe("count=2,bytes=0");
    d.multi(remove("/a/b/c/d"), remove("/a/b/c"));
    expect(countedAt(d, "/a")).toBe("count=502,bytes=2");
    d.multi(create("/a/b/c", 1), create("/a/b/c/d", 2), create("/a/b/c/d/e", 3));
    for (const quota of ["/a", "/a/b", "/a/b/c"]) expect(countedAt(d, quota)).toBe(counted(d, quota));
    expect(countedAt(d, "/a")).toBe("count=505,bytes=8");
  });
});

describe("how many nodes there are below a path", () => {
  /** A driver with `/a/b`, of which each has that many children more. */
  function broad(leaves: number): StateDriver {
    const d = new StateDriver();
    d.session(1n);
    for (const path of ["/a", "/a/b"]) {
      d.create(path);
      for (let i = 0; i < leaves; i++) d.create(`${path}/${i}`);
    }
    return d;
  }

  test("follows every change, at the root also", () => {
    const d = broad(50);
    const { tree } = d.state;
    const counted = () => ["/", "", "/a", "/a/b", "/a/1", "/missing"].map((path) => tree.countDescendants(path));
    // The root has three nodes of the system's, which are there from the beginning.
    expect(counted()).toEqual([105, 105, 101, 50, 0, 0]);
    d.multi(create("/a/1/x"), remove("/a/2"), create("/c"), set("/", 3), set("/a/b", 9));
    expect(counted()).toEqual([106, 106, 101, 50, 1, 0]);
    d.multi(create("/a/b/x"), remove("/c"), remove("/missing"));
    expect(counted()).toEqual([106, 106, 101, 50, 1, 0]);
    d.multi(remove("/a/1/x"), remove("/a/1"), create("/missing"));
    expect(counted()).toEqual([105, 105, 99, 50, 0, 0]);
  });

  test.each(["/", "", "/a", "/a/b"])("is told without a look at each of them, asked for again: %j", (path) => {
    const d = broad(500);
    const { tree } = d.state;
    const count = tree.countDescendants(path);
    const told = watchLooks();
    for (let i = 0; i < 100; i++) {
      expect(tree.countDescendants(path)).toBe(count);
      d.multi(set("/a/b", i % 2));
    }
    expect(told).toEqual([]);
  });
});

describe("a change far below what is counted", () => {
  const depth = 300;
  const deep = "/a".repeat(depth);

  test("looks few paths up, however deep it is", () => {
    const { state } = deepChain();
    const { tree } = state;
    const [end, above] = [tree.get(deep) as Znode, tree.get(parentPath(deep)) as Znode];
    const stamp = { zxid: state.lastZxid + 1, timeMs: 1 };
    const init = { data: Buffer.alloc(2), acl: openAcl, lifetime: persistentLifetime };
    expect(looksUp(() => tree.setData(deep, end, Buffer.alloc(7), stamp))).toHaveLength(2);
    expect(looksUp(() => tree.setData(deep, end, Buffer.alloc(7, 1), stamp))).toEqual([]);
    expect(looksUp(() => tree.create(`${deep}/b`, end, init, stamp)).length).toBeLessThan(4);
    expect(looksUp(() => tree.setData(`${deep}/b`, tree.get(`${deep}/b`) as Znode, null, stamp))).toHaveLength(2);
    expect(looksUp(() => tree.delete(tree.get(`${deep}/b`) as Znode, end, stamp)).length).toBeLessThan(4);
    expect(looksUp(() => tree.delete(end, above, stamp)).length).toBeLessThan(4);
    // And it is known still, and right: all but the end.
    const told = watchLooks();
    const d = new StateDriver(state);
    d.create(statsOf("/a"));
    expect(told).toEqual([]);
    expect(tree.get(statsOf("/a"))?.data?.toString()).toBe(`count=${depth - 1},bytes=${depth - 1}`);
  });

  test("costs no lookup once nothing is known", () => {
    const { state } = deepChain();
    const d = new StateDriver(state);
    for (let i = 0; i < depth + 2; i++) d.set(deep, Buffer.alloc((i % 2) + 1));
    const end = state.tree.get(deep) as Znode;
    const stamp = { zxid: state.lastZxid + 1, timeMs: 1 };
    expect(looksUp(() => state.tree.setData(deep, end, Buffer.alloc(9), stamp))).toEqual([]);
  });

  test("leaves what took much text to count known for longer", () => {
    const d = new StateDriver();
    d.session(1n);
    const chain = Array.from({ length: 10 }, (_, i) => `/a${`/${"b".repeat(2_000)}`.repeat(i)}`);
    for (const path of ["/zookeeper/quota/a", "/s", ...chain]) d.create(path);
    const told = watchLooks();
    const looksAfter = (changes: number): number => {
      for (let i = 0; i < changes; i++) d.set("/s", Buffer.alloc(i % 2));
      told.length = 0;
      d.multi(create(statsOf("/a")), remove(statsOf("/a")));
      return told.length;
    };
    // It has 90,000 characters below its top, of which 256 are worth one change of a short path.
    expect([0, 250, 250].map(looksAfter)).toEqual([9, 0, 9]);
  });

  /** A chain, counted from its top. */
  function deepChain(): StateDriver {
    const d = new StateDriver();
    d.session(1n);
    for (let i = 1; i <= depth; i++) d.create("/a".repeat(i));
    d.create("/zookeeper/quota/a");
    d.multi(create(statsOf("/a")), remove(statsOf("/a")));
    return d;
  }
});
