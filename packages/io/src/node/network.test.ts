import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { expect, test } from "vitest";
import { spreadLookup } from "./network.ts";

const all = (name: string): Promise<readonly { readonly address: string; readonly family: number }[]> =>
  new Promise((resolve, reject) => {
    spreadLookup(name, { all: true }, (error, found) => {
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
  const one = await new Promise((resolve) => spreadLookup("localhost", {}, (_, address) => resolve(address)));
  expect(isIP(String(one))).toBeGreaterThan(0);
  await expect(all("no-such-host.invalid")).rejects.toThrow(/no-such-host/);
});
