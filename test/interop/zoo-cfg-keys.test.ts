/**
 * The table of what becomes of each key of `zoo.cfg`, held against the names that stand in Apache ZooKeeper's own code: an
 * operator who comes from there must not be told that a key is unknown that was not.
 */
import { describe, expect, test } from "vitest";
import { zooCfgKeys, zooCfgPrefixes } from "../../packages/server/src/command/zoo-cfg-keys.ts";
import { jarStrings } from "../support/jar-strings.ts";
import { hasZooKeeper, zookeeperJars } from "../support/peers.ts";

/** Names that are no keys of `zoo.cfg`: clients read them, or programs that have a server within them, or nobody sets them. */
const others = new Set([
  "client.secure",
  "clientCnxnSocket",
  "configuration",
  "disableAutoWatchReset",
  "sasl.client",
  "sasl.client.canonicalize.hostname",
  "sasl.client.username",
  "sasl.clientconfig",
  "version",
]);

/** Words of the class that reads `zoo.cfg` which look like keys and are values, names of files, or a line of an ensemble. */
const words = new Set(["true", "false", "myid", "observer", "participant", "version", "x509", "group", "weight"]);

describe.runIf(hasZooKeeper())("beside Apache ZooKeeper", () => {
  test("every system property that its code names is a key with a fate here", async () => {
    const strings = [...(await jarStrings(zookeeperJars)).values()].flat();
    const named = strings.flatMap((string) => /^zookeeper\.([\w.]*\w)$/.exec(string)?.[1] ?? []);
    const keys = [...new Set(named)].filter((key) => !others.has(key)).sort();
    expect(keys.length).toBeGreaterThan(100);
    expect(keys.filter((key) => !hasFate(key))).toEqual([]);
    expect([...others].filter((key) => !named.includes(key))).toEqual([]);
  });

  test("so is every key that its parser knows", async () => {
    const parser = "org/apache/zookeeper/server/quorum/QuorumPeerConfig";
    const strings = (await jarStrings(zookeeperJars)).get(parser) ?? [];
    const named = strings.filter((string) => /^[a-z]\w*(\.\w[\w-]*)*$/.test(string) && !/^org\./.test(string));
    const keys = named.filter((name) => !words.has(name));
    const settled = keys.map((key) => key.replace(/^zookeeper\./, ""));
    expect(settled).toContain("dataDir");
    expect(settled.filter((key) => !hasFate(key))).toEqual([]);
  });
});

/** It stands in the table, or begins as many do that have one fate. */
function hasFate(key: string): boolean {
  return Object.hasOwn(zooCfgKeys, key) || zooCfgPrefixes.some(([prefix]) => `${key}.`.startsWith(prefix));
}
