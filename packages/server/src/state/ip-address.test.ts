import fc from "fast-check";
import { expect, test } from "vitest";
import { addressText, rangeText } from "../../test-support/address-texts.ts";
import { plainIsPattern, plainMatches } from "../../test-support/plain-access.ts";
import { isInRange, parseAddress, parseRange } from "./ip-address.ts";

const isAddressPattern = (pattern: string) => parseRange(pattern) !== undefined;

function matchesAddress(pattern: string, text: string): boolean {
  const range = parseRange(pattern);
  const address = parseAddress(text);
  return range !== undefined && address !== undefined && isInRange(range, address);
}

test.each([
  ["10.0.0.0/8", "10.200.3.4", true],
  ["10.0.0.0/8", "11.0.0.1", false],
  ["10.128.0.0/9", "10.127.255.255", false],
  ["127.0.0.1", "127.0.0.1", true],
  ["127.0.0.1", "::ffff:127.0.0.1", true],
  ["0.0.0.0/0", "8.8.8.8", true],
  ["0.0.0.0/0", "::1", false],
  ["::1", "0:0:0:0:0:0:0:1", true],
  ["fe80::/10", "fe80::1%eth0", true],
  ["fe80::/10", "fec0::1", false],
  ["2001:db8::/32", "2001:db8:ffff::", true],
  ["2001:db8::/33", "2001:db8:8000::", false],
  ["2001:DB8::A", "2001:db8:0::000a", true],
  ["::/0", "fe80::1", true],
  ["::/0", "::ffff:10.0.0.1", false],
  ["::ffff:10.0.0.1", "10.0.0.1", true],
  ["::ffff:a00:1", "10.0.0.1", true],
  ["::ffff:10.0.0.0/104", "10.9.9.9", true],
  ["::ffff:10.0.0.0/104", "11.0.0.1", false],
  ["::ffff:0.0.0.0/96", "8.8.8.8", true],
  ["10.0.0.0/31", "10.0.0.1", true],
  ["10.0.0.0/31", "10.0.0.2", false],
  ["10.0.0.1/32", "10.0.0.1", true],
  ["10.0.0.1", "nonsense", false],
])("%s holds %s: %s", (pattern, address, expected) => {
  expect(matchesAddress(pattern, address)).toBe(expected);
});

test.each([
  "256.0.0.1",
  "1.2.3",
  "1.2.3.4/33",
  "::1/129",
  "1:2:3",
  ":::",
  "12345::",
  "host",
  "1.2.3.4/",
  "1.2.3.4/-1",
  "1.2.3.4/8/8",
  "::ffff:10.0.0.0/8",
  "::ffff:10.0.0.0/129",
  "",
])("%j is no address pattern", (pattern) => expect(isAddressPattern(pattern)).toBe(false));

test("what is an address or a range, and what lies in it, is what it always was", () => {
  const addresses = fc.array(addressText, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(rangeText, addresses, fc.nat(128), (pattern, texts, bits) => {
      // Of texts that are put together by chance few lie in one another.
      for (const range of [pattern, ...texts.map((text) => `${text}/${bits}`)]) {
        expect([range, isAddressPattern(range)]).toEqual([range, plainIsPattern(range)]);
        for (const text of [...texts, pattern]) {
          expect([range, text, matchesAddress(range, text)]).toEqual([range, text, plainMatches(range, text)]);
        }
      }
    }),
    { numRuns: 1_000 },
  );
});

test("a zone counts for nothing, in an address and in a pattern", () => {
  expect(matchesAddress("fe80::1%eth0", "fe80::1%eth1")).toBe(true);
  expect(matchesAddress("fe80::%a%b/10", "fe80::1")).toBe(true);
  expect(matchesAddress("10.0.0.1%", "10.0.0.1")).toBe(true);
  expect(isAddressPattern("%fe80::1")).toBe(false);
});

test("the longest text of an address is one, and a longer one is none", () => {
  const longest = "0000:0000:0000:0000:0000:ffff:255.255.255.255";
  expect(matchesAddress(longest, "255.255.255.255")).toBe(true);
  expect(isAddressPattern(`0${longest}`)).toBe(false);
  expect(isAddressPattern("1:2:3:4:5:6:7:8:9")).toBe(false);
});

// Taken apart at each of their signs, the first took a minute, and each look at a node is such a one.
test.each([
  ["fe80::1%", "%"],
  ["fe80::1", ":"],
  ["1.", "1."],
])(
  "a text that is nearly an address is given up at once: %s%s…",
  (start, more) => {
    const pattern = start + more.repeat(500_000);
    let matches = 0;
    for (let looks = 0; looks < 1_000; looks++) matches += Number(matchesAddress(pattern, "10.0.0.1"));
    expect(matches).toBe(0);
  },
  5_000,
);
