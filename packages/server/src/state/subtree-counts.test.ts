/** Counting: what comes out is what there is, and no node is looked at again and again. */
import { CreateMode, type MultiOperation, OpCode, openAcl } from "@corral/protocol";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { StateDriver } from "../../test-support/state-driver.ts";
import { Znode } from "./znode.ts";

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
  const { eachChild } = Znode.prototype;
  vi.spyOn(Znode.prototype, "eachChild").mockImplementation(function (this: Znode, tell) {
    eachChild.call(this, (child) => {
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
});
