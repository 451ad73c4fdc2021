import { lookup } from "node:dns/promises";
import { type AddressInfo, createServer, isIP, type ListenOptions, type LookupFunction } from "node:net";
import { describe, expect, test } from "vitest";
import { everyHost } from "../ports/network.ts";
import { bind, nodeListener, tcpDialer } from "./network.ts";
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

describe("every address", () => {
  /** A server on a system that answers so when it is to bind an address of IPv6. */
  function withoutIpv6(code: string) {
    const server = createServer();
    const listen = server.listen.bind(server);
    const asked: string[] = [];
    server.listen = (options: unknown) => {
      const { host = "" } = options as ListenOptions;
      asked.push(host);
      if (!host.includes(":")) return listen(options as ListenOptions);
      const error = Object.assign(new Error(`listen ${code} ${host}`), { code });
      process.nextTick(() => server.emit("error", error));
      return server;
    };
    return { server, asked };
  }

  test.each(["EAFNOSUPPORT", "EADDRNOTAVAIL"])("is every one of IPv4 where IPv6 is %s", async (code) => {
    const { server, asked } = withoutIpv6(code);
    expect(await bind(server, { host: everyHost, port: 0 })).toBe("0.0.0.0");
    expect([asked, (server.address() as AddressInfo).address]).toEqual([["::", "0.0.0.0"], "0.0.0.0"]);
    server.close();
  });

  test("is none where something else is wrong, and who asks for IPv6 gets nothing else", async () => {
    const { server, asked } = withoutIpv6("EADDRINUSE");
    await expect(bind(server, { host: everyHost, port: 0 })).rejects.toThrow("EADDRINUSE");
    expect(asked).toEqual(["::"]);
    const strict = withoutIpv6("EAFNOSUPPORT");
    await expect(bind(strict.server, { host: "::", port: 0 })).rejects.toThrow("EAFNOSUPPORT");
    expect(strict.asked).toEqual(["::"]);
  });
});
