/** The packed packages of this run, and projects outside of the repository in which some of them are installed. */
import { chmod, mkdir, mkdtemp, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { inject } from "vitest";
import { foreignPackage, type Packed, readPacked, root } from "./packed.ts";
import type {} from "./packed-setup.ts";

/** Where they are packed and laid out; removed at the end of the run. */
export const packedDirectory = inject("packedDirectory");

/** In the order of names. */
export const packages: readonly Packed[] = await readPacked(packedDirectory);

/** What is installed besides our packages, and the workspace's package that has it. */
export const foreign: Readonly<Record<string, string>> = {
  "@types/node": "",
  "expect-type": "test",
  rxjs: "test",
  zod: "test",
};

/**
 * A directory in which `names`, and nothing else, can be imported: each of our packages with its declared dependencies out
 * of reach for the project's own files, as a strict installer would do it.
 */
export async function makeProject(names: readonly string[], type: "module" | "commonjs" = "module"): Promise<string> {
  const directory = await mkdtemp(join(packedDirectory, "project-"));
  await writeFile(join(directory, "package.json"), JSON.stringify({ name: "empty", private: true, type }));
  for (const name of names) await install(directory, name);
  return directory;
}

async function install(directory: string, name: string): Promise<void> {
  const packed = packages.find((one) => one.name === name);
  const user = foreign[name];
  if (packed === undefined && user === undefined) throw new Error(`${name} is neither packed nor known here.`);
  const link = join(directory, "node_modules", name);
  await mkdir(dirname(link), { recursive: true });
  await symlink(packed?.directory ?? (await foreignPackage(user ?? "", name)), link);
  for (const [command, file] of Object.entries(packed?.manifest.bin ?? {})) {
    const commands = join(directory, "node_modules", ".bin");
    await mkdir(commands, { recursive: true });
    await chmod(join(link, file), 0o755);
    await symlink(relative(commands, join(link, file)), join(commands, command));
  }
}

/** The first example of a package's README, and what the README says that it prints. */
export interface Example {
  readonly code: string;
  readonly printed: string | undefined;
  /** The packages that it imports: ours, and foreign ones that are known here. */
  readonly imports: readonly string[];
}

/** `undefined`: the package has no README, or no example in it. */
export async function readExample({ directory }: Packed): Promise<Example | undefined> {
  const text = await readFile(join(directory, "README.md"), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return "";
  });
  const block = (language: string) => new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "ms").exec(text)?.[1];
  const code = block("ts");
  if (code === undefined) return undefined;
  const imports = [...code.matchAll(/^import .* from "(@corral\/[^"]+|zod)";/gm)].map(([, name = ""]) => name);
  return { code, printed: block("text"), imports };
}

/** The compiler of the repository. */
export const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
