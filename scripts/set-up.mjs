/**
 * Installs and builds, each only when it has to: a fresh clone needs nothing but Node, npm and git, and the second call
 * costs a second. Prints one line when it does something that takes time; what the tools say is shown only if they fail.
 */
import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runQuietly } from "./child.mjs";

/** The directory of the repository, ending without a separator. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Written when the dependencies are installed. */
const stampFile = join(root, "node_modules", ".corral-installed");

/** Set-up did not succeed. `message` says why, with what the tool printed; `exit` is how this process should end. */
export class SetUpError extends Error {
  constructor(message, exit) {
    super(message);
    this.exit = exit;
  }
}

/** Installs the dependencies, if the lockfile or a manifest has changed since it last did. */
export async function install() {
  const wanted = dependencyDigest();
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === wanted) return;
  requireWritable(root);
  if (existsSync(dirname(stampFile))) requireWritable(dirname(stampFile));
  const pnpm = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).packageManager.split("+")[0];
  say(`Installing the dependencies with ${pnpm} (only when they have changed) …`);
  // Before, not after: an installation cut short must not pass for a whole one.
  rmSync(stampFile, { force: true });
  await step(
    "npx",
    ["--yes", pnpm, "install", "--frozen-lockfile", "--reporter=append-only", "--config.confirm-modules-purge=false"],
    {
      tool: "installer",
      undone: "the dependencies are not installed",
      failed: "The dependencies could not be installed.",
    },
  );
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, wanted);
}

function requireWritable(directory) {
  try {
    accessSync(directory, constants.W_OK);
  } catch (error) {
    const message =
      `${directory} cannot be written (${error.code}), and the dependencies are installed there. ` +
      "Make it writable for this user, or clone into a directory of your own.";
    throw new SetUpError(message, { code: 1, signal: null });
  }
}

/** Compiles the given TypeScript projects (directories below the root) and what they refer to, as far as they changed. */
export async function build(projects) {
  if (!existsSync(join(root, "packages", "protocol", "dist"))) say("Building (only what has changed) …");
  await step(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-b", ...projects], {
    tool: "compiler",
    undone: "the build is not finished",
    failed: "The build failed.",
  });
  sweep();
  await bundle();
}

/** Makes the server's command one file, unless nothing has changed: what is in it, what makes it, or that program's dependencies. */
async function bundle() {
  const { isBundled } = await import("../packages/server/bin/program.js");
  const script = join(root, "scripts", "bundle.mjs");
  // Not compiled, so that nothing else tells when it was changed.
  const secondThread = join(root, "packages", "io", "worker", "second-writer.js");
  if (isBundled([script, stampFile, secondThread])) return;
  await step(process.execPath, [script], {
    tool: "bundler",
    undone: "the build is not finished",
    failed: "The build failed.",
  });
}

/** Removes from every package's `dist` what was compiled from a source that is gone: the compiler leaves it, and it would be published. */
export function sweep() {
  for (const directory of packageProjects()) {
    const dist = join(root, directory, "dist");
    if (!existsSync(dist)) continue;
    for (const file of readdirSync(dist, { recursive: true })) {
      const [, stem] = /^(.+?)(?:\.d\.ts|\.js)(?:\.map)?$/.exec(file) ?? [];
      if (stem !== undefined && !existsSync(join(root, directory, "src", `${stem}.ts`))) rmSync(join(dist, file));
    }
  }
}

async function step(file, args, { tool, undone, failed }) {
  let exit;
  try {
    exit = await runQuietly(file, args, root);
  } catch (error) {
    throw new SetUpError(`The program '${file}' could not be started (${error.message}).`, { code: 1, signal: null });
  }
  const { code, signal, output, interruptedBy } = exit;
  // Whether or not the tool has finished in spite of it: whoever interrupts does not want to see the command begin.
  if (interruptedBy !== null) {
    const message = `Interrupted (${interruptedBy}): ${undone}. Run the command again to go on.`;
    throw new SetUpError(message, { code: null, signal: interruptedBy });
  }
  if (code === 0) return;
  const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
  const said = output.trimEnd() === "" ? `said nothing, and ${how}.` : `said:\n${output.trimEnd()}`;
  throw new SetUpError(`${failed} The ${tool} ${said}`, { code, signal });
}

/** Changes whenever an installation could come out differently: lockfile, manifests, platform. */
function dependencyDigest() {
  const digest = createHash("sha256").update(`${process.platform} ${process.arch}\n`);
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json", ...workspaceManifests()]) {
    digest.update(`${file}\n`).update(readFileSync(join(root, file)));
  }
  return digest.digest("hex");
}

/** The TypeScript projects of all workspace packages: directories below the root. */
export function packageProjects() {
  return workspaceDirectories().filter((directory) => existsSync(join(root, directory, "tsconfig.json")));
}

function workspaceManifests() {
  return workspaceDirectories()
    .map((directory) => `${directory}/package.json`)
    .filter((file) => existsSync(join(root, file)));
}

/** By the patterns in pnpm-workspace.yaml, each a directory or `directory/*`. Ascending. */
function workspaceDirectories() {
  const [, list = ""] =
    /^packages:\n((?: +- .*\n)*)/m.exec(readFileSync(join(root, "pnpm-workspace.yaml"), "utf8")) ?? [];
  const patterns = [...list.matchAll(/- *"?([^"\n]+?)"? *\n/g)].map((match) => match[1]);
  const directories = patterns.flatMap((pattern) => {
    if (!pattern.endsWith("/*")) return [pattern];
    const parent = pattern.slice(0, -2);
    if (!existsSync(join(root, parent))) return [];
    return readdirSync(join(root, parent)).map((name) => `${parent}/${name}`);
  });
  return directories.sort();
}

function say(line) {
  process.stderr.write(`${line}\n`);
}
