/** What each npm script runs, once everything it needs is installed and built. */
import { join } from "node:path";
import { endAs, runHere } from "./child.mjs";
import { build, install, packageProjects, root, SetUpError } from "./set-up.mjs";

/** The files of a package that npm would have put on the PATH; called through Node, so that no shell is needed. */
const bin = {
  biome: join(root, "node_modules", "@biomejs", "biome", "bin", "biome"),
  tsc: join(root, "node_modules", "typescript", "bin", "tsc"),
  vitest: join(root, "node_modules", "vitest", "vitest.mjs"),
};

/** Where the user stood when calling npm, which itself moves to the root: relative paths in the arguments are meant from there. */
const userDirectory = process.env.npm_lifecycle_event ? (process.env.INIT_CWD ?? process.cwd()) : process.cwd();

/** Checks that `npm run check` makes, in the order of how soon they tell. */
const checks = [
  { name: "format and lint", args: [bin.biome, "check", "--error-on-warnings"] },
  { name: "types", args: [bin.tsc, "-b"] },
  { name: "tidy and unit tests", args: [bin.vitest, "run", "--project", "unit"] },
];

/** By name: what has to be built first (TypeScript projects; undefined: nothing), and what then runs. */
const commands = {
  demo: {
    build: () => ["packages/demo"],
    // At Ctrl-Z it first stops the processes that it has started.
    run: (args) => node([join(root, "packages/demo/dist/main.js"), ...args], userDirectory, { stopsItself: true }),
  },
  start: {
    build: () => ["packages/server"],
    run: (args) => node([join(root, "packages/server/bin/corral-server.js"), ...args], userDirectory),
  },
  test: {
    // Tests resolve packages to their source, but the processes that they start run what is built, of any package.
    build: packageProjects,
    run: (args) => node([bin.vitest, "run", ...args], root),
  },
  check: { build: undefined, run: check },
  build: { build: () => ["."], run: () => ({ code: 0, signal: null }) },
  bench: {
    build: () => ["bench", "packages/server"],
    run: (args) => node([join(root, "bench/dist/main.js"), ...args], userDirectory),
  },
  fuzz: {
    build: () => ["bench", "packages/server"],
    run: (args) => node([join(root, "bench/dist/fuzz/main.js"), ...args], userDirectory),
  },
  soak: {
    build: () => ["bench", "packages/server"],
    run: (args) => node([join(root, "bench/dist/soak/main.js"), ...args], userDirectory),
  },
  format: { build: undefined, run: (args) => node([bin.biome, "check", "--write", ...args], root) },
};

/** Runs the command named first in `args`, and ends this process as the command ended. */
export async function main([name, ...args]) {
  const command = Object.hasOwn(commands, name ?? "") ? commands[name] : undefined;
  if (command === undefined) {
    process.stderr.write(
      `There is no command '${name ?? ""}'. Those there are: ${Object.keys(commands).join(", ")}.\n`,
    );
    process.exitCode = 2;
    return;
  }
  try {
    await install();
    if (command.build !== undefined) await build(command.build());
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error;
    process.stderr.write(`${error.message}\n`);
    endAs(error.exit);
    return;
  }
  endAs(await command.run(args));
}

function node(args, cwd, options) {
  return runHere(process.execPath, args, cwd, options);
}

/** All checks, also after one has failed: who mends one wants to know the others. */
async function check() {
  const failed = [];
  for (const { name, args } of checks) {
    process.stderr.write(`check: ${name}\n`);
    const exit = await node(args, root);
    if (exit.signal !== null) return exit;
    if (exit.code !== 0) failed.push(name);
  }
  process.stderr.write(failed.length === 0 ? "check: all is well\n" : `check: failed: ${failed.join(", ")}\n`);
  return { code: failed.length === 0 ? 0 : 1, signal: null };
}
