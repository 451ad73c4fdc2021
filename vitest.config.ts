import { defineConfig } from "vitest/config";

const resolve = { conditions: ["source"] };

/** What is waited for comes; a second, which is vitest's own limit, is nothing on a busy machine. */
const expect = { poll: { timeout: 60_000 } };

/** `unit` is quick and pure; the others start servers and processes, or need foreign programs. */
export default defineConfig({
  test: {
    // Most of these tests wait for processes and time-outs: three files at a time keep two cores busy, and no more.
    maxWorkers: 3,
    projects: [
      {
        resolve,
        ssr: { resolve },
        test: {
          expect,
          name: "unit",
          include: ["packages/**/src/**/*.test.ts", "bench/src/**/*.test.ts", "test/tidy/**/*.test.ts"],
          // Nothing in here keeps state outside its test, and loading the sources anew for each file took most of the time.
          isolate: false,
          // A machine that is busy with other things must not look like a bug.
          testTimeout: 60_000,
        },
      },
      {
        resolve,
        ssr: { resolve },
        test: {
          expect,
          name: "integration",
          include: ["test/integration/**/*.test.ts", "test/pain-points/**/*.test.ts"],
          pool: "forks",
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        resolve,
        ssr: { resolve },
        test: {
          expect,
          name: "recipes",
          include: ["test/recipes/**/*.test.ts"],
          globalSetup: "test/engines/apache-setup.ts",
          pool: "forks",
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        resolve,
        ssr: { resolve },
        test: {
          expect,
          name: "conformance",
          include: ["test/conformance/**/*.test.ts"],
          globalSetup: "test/conformance/servers/conformance-setup.ts",
          pool: "forks",
          // All files talk to the same server; what one does must not show in the zxids that another counts.
          fileParallelism: false,
          maxConcurrency: 20,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        resolve,
        ssr: { resolve },
        test: {
          expect,
          name: "interop",
          include: ["test/interop/**/*.test.ts"],
          pool: "forks",
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
      {
        resolve,
        ssr: { resolve },
        test: {
          expect,
          name: "packages",
          include: ["test/packages/**/*.test.ts"],
          globalSetup: "test/packages/packed-setup.ts",
          pool: "forks",
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
