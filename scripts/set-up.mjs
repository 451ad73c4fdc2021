/**
 * Installs and builds, each only when it has to: a fresh clone needs nothing but Node, npm and git, and the second call
 * costs a second. Prints one line when it does something that takes time; what the tools say is shown only if they fail.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runQuietly } from "./child.mjs";

/** The directory of the repository, ending without a separator. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Set-up did not succeed. `message` says in a sentence what failed, `output` is what the tool printed. */
export class SetUpError extends Error {
  constructor(message, exit) {
    super(message);
    this.exit = exit;
    this.output = exit.output;
  }
}

/** Installs the dependencies, if the lockfile or a manifest has changed since it last did. */
export async function install() {
  const stampFile = join(root, "node_modules", ".corral-installed");
  const wanted = dependencyDigest();
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === wanted) return;
  const pnpm = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).packageManager.split("+")[0];
  say(`Installing the dependencies with ${pnpm} (only when they have changed) …`);
  // Before, not after: an installation cut short must not pass for a whole one.
  rmSync(stampFile, { force: true });
  await step(
    "npx",
    ["--yes", pnpm, "install", "--frozen-lockfile", "--reporter=append-only", "--config.confirm-modules-purge=false"],
    "The dependencies could not be installed. The installer said:",
  );
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, wanted);
}

/** Compiles the given TypeScript projects (directories below the root) and what they refer to, as far as they changed. */
export async function build(projects) {
  if (!existsSync(join(root, "packages", "protocol", "dist"))) say("Building (only what has changed) …");
  await step(
    process.execPath,
    [join(root, "node_modules", "typescript", "bin", "tsc"), "-b", ...projects],
    "The build failed. The compiler said:",
  );
}

async function step(file, args, sentence) {
  let exit;
  try {
    exit = await runQuietly(file, args, root);
  } catch (error) {
    throw new SetUpError(`The program '${file}' could not be started (${error.message}).`, {
      code: 1,
      signal: null,
      output: "",
    });
  }
  if (exit.code !== 0) throw new SetUpError(sentence, exit);
}

/** Changes whenever an installation could come out differently: lockfile, manifests, platform. */
function dependencyDigest() {
  const digest = createHash("sha256").update(`${process.platform} ${process.arch}\n`);
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json", ...workspaceManifests()]) {
    digest.update(`${file}\n`).update(readFileSync(join(root, file)));
  }
  return digest.digest("hex");
}

/** The package.json of every workspace package, by the patterns in pnpm-workspace.yaml: a directory, or `directory/*`. */
function workspaceManifests() {
  const [, list = ""] =
    /^packages:\n((?: +- .*\n)*)/m.exec(readFileSync(join(root, "pnpm-workspace.yaml"), "utf8")) ?? [];
  const patterns = [...list.matchAll(/- *"?([^"\n]+?)"? *\n/g)].map((match) => match[1]);
  const directories = patterns.flatMap((pattern) => {
    if (!pattern.endsWith("/*")) return [pattern];
    const parent = pattern.slice(0, -2);
    if (!existsSync(join(root, parent))) return [];
    return readdirSync(join(root, parent)).map((name) => `${parent}/${name}`);
  });
  return directories
    .map((directory) => `${directory}/package.json`)
    .filter((file) => existsSync(join(root, file)))
    .sort();
}

function say(line) {
  process.stderr.write(`${line}\n`);
}
