/**
 * What the tidy test holds the repository to, in one place: the layers, the core, the doors to the outside, and every
 * exception with its reason. A new exception is a line here, for a reviewer to see.
 */

/** Which of our packages a package may import: the arrows of ARCHITECTURE.md. Its test files may also import others. */
export const layers: Readonly<Record<string, readonly string[]>> = {
  "@corral/protocol": [],
  "@corral/io": [],
  "@corral/client": ["@corral/protocol", "@corral/io"],
  "@corral/recipe-kit": ["@corral/client", "@corral/io"],
  "@corral/server": ["@corral/protocol", "@corral/io"],
  "@corral/master-worker": ["@corral/client", "@corral/io"],
  "@corral/cli": ["@corral/client", "@corral/io"],
  "@corral/testing": ["@corral/protocol", "@corral/io", "@corral/server", "@corral/client"],
  "@corral/demo": ["@corral/client", "@corral/io", "@corral/master-worker", "@corral/server"],
  "@corral/bench": ["@corral/client", "@corral/io", "@corral/leader-election", "@corral/locks", "@corral/protocol"],
};

/** Which of our packages every package below packages/recipes may import, unless the table above knows it by name. */
export const recipeLayers: readonly string[] = ["@corral/client", "@corral/io", "@corral/recipe-kit"];

/** Pure and synchronous code (paths or the beginnings of paths): no async, no emitters, no outside. */
export const core: readonly string[] = [
  "packages/protocol/src/",
  "packages/server/src/compatibility.ts",
  "packages/server/src/replica.ts",
  "packages/server/src/replica/",
  "packages/server/src/state/",
  "packages/server/src/watch/",
  "packages/client/src/session-machine.ts",
  "packages/master-worker/src/core/",
];

/** Where the outside may be touched directly (beginnings of paths), and why. Everywhere else it comes through a port. */
export const outside: readonly { readonly path: string; readonly why: string }[] = [
  { path: "packages/io/src/node/", why: "this is Node's implementation of the ports" },
  { path: "packages/server/src/command/", why: "an entry point: arguments, signals, exit codes" },
  { path: "packages/cli/src/command/", why: "an entry point: arguments, files, signals, exit codes" },
  { path: "packages/demo/", why: "an entry point: starts, shows and kills processes" },
  { path: "packages/testing/src/node/", why: "for tests of real sockets and files" },
  { path: "bench/", why: "an entry point: starts servers and measures real time" },
  { path: "test/", why: "tests of real processes and files" },
  { path: "vitest.config.ts", why: "configuration of a tool" },
];

/** Node's modules that only compute, and so may be imported outside the core's files as well as by the shell. */
export const harmlessModules: readonly string[] = ["node:assert", "node:buffer", "node:path", "node:util", "node:zlib"];

/** Directories of what only tests import; not shipped. */
export const testSupport = /^(test|packages\/(recipes\/)?[^/]+\/(test-support|test-helpers))\//;

/** Files that nobody imports because they are started, or are a package's door. */
export const entryPoints: readonly RegExp[] = [
  /^packages\/(recipes\/)?[^/]+\/src\/index\.ts$/,
  /^packages\/[^/]+\/src\/(.*\/)?main\.ts$/,
  /^packages\/demo\/src\/roles\/(master|worker|submitter|server|client)\.ts$/,
  /^packages\/demo\/src\/processes\/exit-with-parent\.ts$/,
  /^bench\/src\/(main|fuzz\/main|soak\/main|load-process|ceiling-process|recipes\/contender-process|snapshot\/stall-probe)\.ts$/,
  /^test\/.*-process\.ts$/,
  /\.test(-d)?\.ts$/,
  /^vitest\.config\.ts$/,
];

/** Single lines allowed to break a rule: the rule, the file, a piece of the line, and why. */
export const exceptions: readonly {
  readonly rule: string;
  readonly file: string;
  readonly line: string;
  readonly why: string;
}[] = [
  {
    rule: "outside",
    file: "packages/protocol/test-support/arbitraries.ts",
    line: "process.env.FUZZ_RUNS",
    why: "support of tests, not shipped",
  },
  {
    rule: "layers",
    file: "test/interop/zoo-cfg-keys.test.ts",
    line: "zooCfgPrefixes } from",
    why: "the table is no business of who uses the package, and is held against what is installed here",
  },
  {
    rule: "layers",
    file: "test/tidy/variables.test.ts",
    line: "isKnownVariable } from",
    why: "the list is no business of who uses the package, and is held against what stands in all of them",
  },
];
