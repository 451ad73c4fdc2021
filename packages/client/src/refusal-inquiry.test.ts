import { expect, test } from "vitest";
import { reasonOf } from "./refusal-inquiry.ts";

const srvr = (zxid: string, mode: string) =>
  `Zookeeper version: 3.8.0-5a02\nLatency min/avg/max: 0/0.0/0\nZxid: ${zxid}\nMode: ${mode}\nNode count: 5\n`;

test.each<[string, string, number, RegExp | undefined]>([
  ["not serving", "This ZooKeeper instance is not currently serving requests\n", 5, /not serving/],
  ["§6.16 behind what the client has seen", srvr("0x4", "standalone"), 5, /0x4.*older.*0x5.*wiped/],
  ["read-only", srvr("0x5", "read-only"), 5, /canBeReadOnly/],
  [
    "a log that failed",
    srvr("0x5", "read-only (the log failed: writes are refused)"),
    5,
    /^its log cannot be written.*until its disk is mended/,
  ],
  ["nothing of that", srvr("0x100000001", "follower"), 5, /too many connections/],
  ["not allowed to say", "srvr is not executed because it is not in the whitelist.\n", 5, undefined],
  ["something else altogether", "HTTP/1.1 400 Bad Request", 5, undefined],
])("%s", (_, answer, lastZxid, reason) => {
  if (reason === undefined) expect(reasonOf(answer, lastZxid)).toBeUndefined();
  else expect(reasonOf(answer, lastZxid)).toMatch(reason);
});
