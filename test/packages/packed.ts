/**
 * The public packages as they would be published: packed once a run, unpacked, and laid out so that each finds what its
 * manifest declares and nothing else.
 *
 * The layout is the one of a strict installer: every package has a directory of its own in which only its declared
 * dependencies lie beside it, `store/<package>/node_modules/{<package>,<dependency> …}`, as links to where those are. What
 * is not ours comes from the workspace's own installation, so that no network is needed.
 */
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, realpath, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
/** Of the repository. */
export const root = join(import.meta.dirname, "..", "..");

/** What a packed manifest says, as far as it is looked at here. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** One package. */
export interface Packed {
  readonly name: string;
  /** Its directory in the repository, relative to the root. */
  readonly source: string;
  /** The file that would be published. */
  readonly archive: string;
  /** Where it is unpacked, with its dependencies within reach. */
  readonly directory: string;
  readonly manifest: Manifest;
}

/** Packs every public package into `directory` and lays them out. Takes some five seconds. */
export async function packAll(directory: string): Promise<void> {
  const tarballs = join(directory, "tarballs");
  await mkdir(tarballs, { recursive: true });
  const { sweep } = (await import(pathToFileURL(join(root, "scripts", "set-up.mjs")).href)) as { sweep(): void };
  sweep();
  const { packageManager } = (await readJson(join(root, "package.json"))) as { readonly packageManager: string };
  const filters = (await publicPackages()).flatMap(({ name }) => ["--filter", name]);
  await run("npx", ["--yes", packageManager, "-r", ...filters, "pack", "--pack-destination", tarballs], { cwd: root });
  await layOut(directory);
}

/** Unpacks what is packed in `directory` once more: a copy of every package. @returns the copy's directory */
export async function copyAll(directory: string, copy: string): Promise<void> {
  await mkdir(copy, { recursive: true });
  await symlink(join(directory, "tarballs"), join(copy, "tarballs"));
  await layOut(copy);
}

/** What `packAll` has left in `directory`, in the order of names. */
export async function readPacked(directory: string): Promise<Packed[]> {
  const packages = await publicPackages();
  return Promise.all(
    packages.map(async ({ name, source }) => {
      const unpacked = join(storeOf(directory, name), name);
      const manifest = (await readJson(join(unpacked, "package.json"))) as Manifest;
      const archive = join(directory, "tarballs", `${name.slice(1).replace("/", "-")}-${manifest.version}.tgz`);
      return { name, source, archive, directory: unpacked, manifest };
    }),
  );
}

/** Where a dependency that is not ours lies in the workspace's installation, as `user` (one of our packages) sees it. */
export async function foreignPackage(user: string, dependency: string): Promise<string> {
  return realpath(join(root, user, "node_modules", dependency));
}

async function layOut(directory: string): Promise<void> {
  const packages = await publicPackages();
  for (const { name } of packages) await unpack(directory, name);
  const names = packages.map(({ name }) => name);
  for (const { name, source, manifest } of await readPacked(directory)) {
    for (const dependency of Object.keys(manifest.dependencies ?? {})) {
      const target = names.includes(dependency)
        ? join(storeOf(directory, dependency), dependency)
        : await foreignPackage(source, dependency);
      const link = join(storeOf(directory, name), dependency);
      await mkdir(dirname(link), { recursive: true });
      await symlink(target, link);
    }
  }
}

async function unpack(directory: string, name: string): Promise<void> {
  const tarballs = await readdir(join(directory, "tarballs"));
  const start = `${name.slice(1).replace("/", "-")}-`;
  const tarball = tarballs.find((file) => file.startsWith(start) && /^\d/.test(file.slice(start.length)));
  if (tarball === undefined) throw new Error(`pnpm has packed no ${name}.`);
  const target = join(storeOf(directory, name), name);
  await mkdir(target, { recursive: true });
  await run("tar", ["-xzf", join(directory, "tarballs", tarball), "-C", target, "--strip-components=1"]);
}

/** The `node_modules` in which a package lies with what it depends on. */
function storeOf(directory: string, name: string): string {
  return join(directory, "store", name.replace("/", "+"), "node_modules");
}

/** The packages that are not private, in the order of names. */
export async function publicPackages(): Promise<{ readonly name: string; readonly source: string }[]> {
  const found: { readonly name: string; readonly source: string }[] = [];
  for (const parent of ["packages", "packages/recipes"]) {
    for (const entry of await readdir(join(root, parent))) {
      const source = join(parent, entry);
      const manifest = await readJson(join(root, source, "package.json")).catch((error: NodeJS.ErrnoException) => {
        // A directory of packages, or a file.
        if (error.code === "ENOENT" || error.code === "ENOTDIR") return { private: true, name: "" };
        throw error;
      });
      const { name, private: isPrivate } = manifest as { readonly name: string; readonly private?: boolean };
      if (isPrivate !== true) found.push({ name, source });
    }
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function readJson(file: string): Promise<unknown> {
  return JSON.parse(await readFile(file, "utf8"));
}
