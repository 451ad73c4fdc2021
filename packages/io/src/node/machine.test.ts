import { expect, test } from "vitest";
import { nodeMachine } from "./machine.ts";

test("a process knows who and where it is", () => {
  const { hostName, runtime, processId, residentBytes, heapLimitBytes } = nodeMachine.facts();
  expect(hostName).not.toBe("");
  expect(runtime).toMatch(/^Node\.js v\d+\./);
  expect(processId).toBe(process.pid);
  expect(residentBytes).toBeGreaterThan(1 << 20);
  expect(heapLimitBytes).toBeGreaterThan(1 << 20);
});

test.runIf(process.platform === "linux")("it has files open, fewer than it may", async () => {
  const files = await nodeMachine.files();
  expect(files?.open).toBeGreaterThan(2);
  expect(files?.limit ?? Number.POSITIVE_INFINITY).toBeGreaterThan(files?.open ?? 0);
});
