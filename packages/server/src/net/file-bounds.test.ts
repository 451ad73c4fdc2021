import { expect, test } from "vitest";
import { defaultLimits } from "../limits.ts";
import { boundByFiles } from "./file-bounds.ts";

const all = { hasAdminPort: true, tlsPorts: 2 };

test.each([
  { openFilesMax: 1_048_576, bounds: [20_000, 200, 2_000] },
  { openFilesMax: 4_096, bounds: [2_808, 200, 256] },
  { openFilesMax: 1_024, bounds: [576, 128, 64] },
  { openFilesMax: 300, bounds: [122, 38, 19] },
  { openFilesMax: 100, bounds: [25, 13, 7] },
])(
  "of $openFilesMax files so many are for connections, the admin port's, and handshakes",
  ({ openFilesMax, bounds }) => {
    const { maxConnections, maxAdminConnections, maxHandshakes } = boundByFiles(defaultLimits, openFilesMax, all);
    expect([maxConnections, maxAdminConnections, maxHandshakes]).toEqual(bounds);
    if (openFilesMax >= 300) {
      expect(maxConnections + maxAdminConnections + 4 * maxHandshakes).toBeLessThanOrEqual(openFilesMax - 64);
    }
  },
);

test("what is allowed less stays as it is", () => {
  const limits = { ...defaultLimits, maxConnections: 10, maxAdminConnections: 2, maxHandshakes: 3 };
  expect(boundByFiles(limits, 4_096, all)).toEqual(limits);
});

test.each([
  { ports: { hasAdminPort: false, tlsPorts: 0 }, maxConnections: 960 },
  { ports: { hasAdminPort: true, tlsPorts: 0 }, maxConnections: 960 - 128 },
  { ports: { hasAdminPort: false, tlsPorts: 1 }, maxConnections: 960 - 2 * 64 },
])("ports that are not open take no files: $ports", ({ ports, maxConnections }) => {
  expect(boundByFiles(defaultLimits, 1_024, ports)).toMatchObject({ maxConnections });
});
