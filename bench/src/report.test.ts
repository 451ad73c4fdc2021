import { expect, test } from "vitest";
import type { Measurement } from "./measurement.ts";
import { table } from "./report.ts";

const run: Measurement = {
  operationsPerSecond: 12_345.6,
  latencyMs: { p50: 0.123, p99: 4.5, max: 9 },
  serverCpuUs: 20,
  driverCpuPercent: 41.2,
};
const twice: Measurement = { ...run, operationsPerSecond: 24_691.2, serverCpuUs: 10 };

test("ours, theirs and the ceiling, next to each other", () => {
  expect(table([{ figure: "get 1x1", ours: [twice], theirs: [run], ceiling: [twice] }])).toBe(
    [
      "| figure  | Corral op/s | p50 ms | p99 ms | CPU µs/op | Apache op/s | p50 ms | p99 ms | CPU µs/op | op/s ratio | CPU ratio | ceiling op/s | of ceiling | driver CPU |",
      "| ------- | ----------: | -----: | -----: | --------: | ----------: | -----: | -----: | --------: | ---------: | --------: | -----------: | ---------: | ---------: |",
      "| get 1x1 |      24,691 |   0.12 |   4.50 |      10.0 |      12,346 |   0.12 |   4.50 |      20.0 |      2.00× |     0.50× |       24,691 |      100 % |       41 % |",
    ].join("\n"),
  );
});

test("columns of servers that did not run are left out", () => {
  expect(table([{ figure: "get", ours: [run], theirs: [], ceiling: [] }])).toBe(
    [
      "| figure | Corral op/s | p50 ms | p99 ms | CPU µs/op | driver CPU |",
      "| ------ | ----------: | -----: | -----: | --------: | ---------: |",
      "| get    |      12,346 |   0.12 |   4.50 |      20.0 |       41 % |",
    ].join("\n"),
  );
});
