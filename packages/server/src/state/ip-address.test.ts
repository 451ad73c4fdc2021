import { expect, test } from "vitest";
import { isAddressPattern, matchesAddress } from "./ip-address.ts";

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
