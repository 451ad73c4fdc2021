/**
 * Makes one file of the modules that `corral-server` loads when it starts, and one of each part that it loads later: to find and
 * read some 220 files is most of what a start costs. Dependencies by others stay where the installer puts them.
 * Also a command, which `npm pack` and `npm publish` run first.
 */
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const server = join(dirname(dirname(fileURLToPath(import.meta.url))), "packages", "server");

/** Packages of this repository are put in; everything else that is imported by name is not. */
const isForeign = (name) => !/^(@corral\/|[./])/.test(name);

/** Makes `packages/server/bundle` anew from what is compiled. Throws what the bundler throws. */
export async function bundleServer() {
  // Only here, for what is needed before anything is installed is in the same program.
  const { rolldown } = await import("rolldown");
  // Beside it, and moved there when it is whole: a server may start meanwhile.
  const made = join(server, `bundle-${process.pid}`);
  mkdirSync(made);
  try {
    const build = await rolldown({
      input: join(server, "dist", "command", "main.js"),
      platform: "node",
      external: (name) => isForeign(name),
    });
    await build.write({ dir: made, format: "esm", chunkFileNames: "[name].js" });
    await build.close();
    replace(join(server, "bundle"), made);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

function replace(directory, by) {
  rmSync(directory, { recursive: true, force: true });
  try {
    renameSync(by, directory);
  } catch (error) {
    // Another command that builds was as fast, and has made the same.
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleServer();
