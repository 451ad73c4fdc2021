/**
 * Makes one file of the modules that `corral-server` loads when it starts, and one of each part that it loads later: to find and
 * read some 220 files is most of what a start costs. Dependencies by others stay where the installer puts them.
 * Also a command, which `npm pack` and `npm publish` run first.
 */
import { existsSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const server = join(dirname(dirname(fileURLToPath(import.meta.url))), "packages", "server");

/** Packages of this repository are put in; everything else that is imported by name is not. */
const isForeign = (name) => !/^(@corral\/|[./])/.test(name);

/** Makes `packages/server/bundle` anew from what is compiled. Throws what the bundler throws. */
export async function bundleServer() {
  // What is compiled from now on may not be in it.
  const begun = new Date();
  // Only here, for what is needed before anything is installed is in the same program.
  const { rolldown } = await import("rolldown");
  const build = await rolldown({
    input: join(server, "dist", "command", "main.js"),
    platform: "node",
    external: (name) => isForeign(name),
    // The second thread's program is put beside it, so that both are of one version.
    experimental: { resolveNewUrlToAsset: true },
  });
  const { output } = await build.generate({
    format: "esm",
    chunkFileNames: "[name].js",
    assetFileNames: "[name][extname]",
  });
  await build.close();
  // Beside it, and moved there when it is whole: a server may start meanwhile.
  const made = join(server, `bundle-${process.pid}`);
  mkdirSync(made, { recursive: true });
  for (const file of output) writeFileSync(join(made, file.fileName), file.type === "chunk" ? file.code : file.source);
  utimesSync(join(made, "main.js"), begun, begun);
  replace(join(server, "bundle"), made);
}

function replace(directory, by) {
  const old = `${by}.old`;
  try {
    if (existsSync(directory)) renameSync(directory, old);
    renameSync(by, directory);
  } catch (error) {
    // Another command that builds was as fast, and has made the same.
    if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(error.code)) throw error;
  } finally {
    for (const left of [old, by]) rmSync(left, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleServer();
