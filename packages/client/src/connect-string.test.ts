import { formatAddress } from "@corral/io";
import { expect, test } from "vitest";
import { parseConnectString } from "./connect-string.ts";
import { BadArgumentsError } from "./errors.ts";

test.each([
  ["localhost", ["localhost:2181"], ""],
  ["h1:2181,h2:2182", ["h1:2181", "h2:2182"], ""],
  [" h1 , h2:1/app/x ", ["h1:2181", "h2:1"], "/app/x"],
  ["h1:2181/", ["h1:2181"], ""],
  ["[::1]:2190", ["[::1]:2190"], ""],
  ["[fe80::1],10.0.0.1:9/c", ["[fe80::1]:2181", "10.0.0.1:9"], "/c"],
  ["h1:2181,h1", ["h1:2181"], ""],
])("%s", (text, hosts, chroot) => {
  const target = parseConnectString(text);
  expect(target.hosts.map(formatAddress)).toEqual(hosts);
  expect(target.chroot).toBe(chroot);
});

test.each([
  ["", "names no host"],
  ["  ", "names no host"],
  ["h1,,h2", '"" names no host'],
  [":2181", '":2181" names no host'],
  ["/app", '"" names no host'],
  ["h1:", '"" in "h1:" is not a port'],
  ["h1:port", '"port" in "h1:port" is not a port'],
  ["h1:0", '"0" in "h1:0"'],
  ["h1:65536", "from 1 to 65535"],
  ["h1:21.5", "is not a port"],
  ["h1 h2", "has a blank"],
  ["::1", 'brackets: "[::1]:2181"'],
  ["[::1", "is not a host"],
  ["zk://h1:2181", "no scheme"],
  ["h1:2181/app/", "the chroot /app/ is not a valid path"],
  ["h1:2181//x", "empty segment"],
])("%j is refused", (text, told) => {
  expect(() => parseConnectString(text)).toThrow(BadArgumentsError);
  expect(() => parseConnectString(text)).toThrow(told);
  expect(() => parseConnectString(text)).toThrow(JSON.stringify(text));
});
