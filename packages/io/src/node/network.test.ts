import { lookup } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import { describe, expect, test } from "vitest";
import { nodeListener, tcpDialer } from "./network.ts";
import { SpreadLookup } from "./spread-lookup.ts";

const all = (name: string): Promise<readonly { readonly address: string; readonly family: number }[]> =>
  new Promise((resolve, reject) => {
    new SpreadLookup().lookup(name, { all: true }, (error, found) => {
      if (error !== null) reject(error);
      else if (Array.isArray(found)) resolve(found);
    });
  });

test("a name is resolved to all its addresses, each once, the families kept together", async () => {
  const expected = await lookup("localhost", { all: true });
  const found = await all("localhost");
  expect(found.map(({ address }) => address).sort()).toEqual(expected.map(({ address }) => address).sort());
  const families = found.map(({ family }) => family);
  expect(families).toEqual([...families].sort((a, b) => families.indexOf(a) - families.indexOf(b)));
});

test("one address is given as it is, and an error as it comes", async () => {
  const one = await new Promise((resolve) => {
    new SpreadLookup().lookup("localhost", {}, (_, address) => resolve(address));
  });
  expect(isIP(String(one))).toBeGreaterThan(0);
  await expect(all("no-such-host.invalid")).rejects.toThrow(/no-such-host/);
});

describe("whether a name has other servers to draw", () => {
  /** Resolves all names to `addresses`. */
  const resolvingTo =
    (...addresses: readonly string[]): LookupFunction =>
    (_name, _options, callback) => {
      callback(
        null,
        addresses.map((address) => ({ address, family: isIP(address) })),
      );
    };

  test.each([
    ["one address", ["127.0.0.1"], false],
    ["one of each family", ["::1", "127.0.0.1"], false],
    ["the same one twice, as from a careless hosts file", ["127.0.0.1", "127.0.0.1"], false],
    ["two of one family", ["127.0.0.1", "127.0.0.2"], true],
    ["two of one family and one of the other", ["::1", "127.0.0.1", "127.0.0.2"], true],
  ])("%s", async (_, addresses, isOneOfSeveral) => {
    const spread = new SpreadLookup(resolvingTo(...addresses));
    await new Promise((resolve) => spread.lookup("many.test", { all: true }, resolve));
    expect(spread.isOneOfSeveral).toBe(isOneOfSeveral);
  });

  test("a dialed stream tells it; that of a literal address has none", async () => {
    const listening = await nodeListener.listen({ host: "127.0.0.1", port: 0 }, (stream) => stream.destroy());
    const { port } = listening.address;
    const dialer = tcpDialer(resolvingTo("127.0.0.1", "127.0.0.2"));
    const { signal } = new AbortController();
    for (const [host, isOneOfSeveral] of [
      ["many.test", true],
      ["127.0.0.1", false],
    ] as const) {
      const stream = await dialer.dial({ host, port }, { signal });
      expect(stream.isOneOfSeveral).toBe(isOneOfSeveral);
      stream.destroy();
    }
    await listening.close();
  });
});
