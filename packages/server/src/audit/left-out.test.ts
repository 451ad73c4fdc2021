import { silentLogger } from "@corral/io";
import { MemoryDisk, VirtualClock } from "@corral/testing";
import { expect, test } from "vitest";
import { linesLeftOut } from "../replica/audit-record.ts";
import { AuditLog } from "./audit-log.ts";

test.each(["/logs/audit.log", undefined])("lines that are left out count as lost; to %s", async (path) => {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/logs");
  const [serverUser, maxWaitingBytes] = ["corral", 10_000];
  const options = { path, serverUser, maxWaitingBytes, disk, clock: new VirtualClock(), logger: silentLogger };
  const log = await AuditLog.open(options);
  log.write({ timeMs: 0, zxid: 1, operation: "setData", path: "/a", result: "success" });
  log.write({ timeMs: 0, zxid: 1, operation: linesLeftOut, count: 5, result: "success" });
  expect([log.recordsTotal, log.lostTotal]).toEqual([7, 5]);
  await log.close();
});
