/**
 * Makes `packages/server/bundle` anew from what is compiled: one file of the modules that `corral-server` loads when it starts, and one of
 * each part that it loads later. To find and read some 220 files is most of what a start costs. Dependencies by others stay where the
 * installer puts them. A build runs it, and so do `npm pack` and `npm publish`.
 */
import { existsSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const server = join(dirname(dirname(fileURLToPath(import.meta.url))), "packages", "server");

// What is compiled from now on may not be in it.
const begun = new Date();
const build = await rolldown({
  input: join(server, "dist", "command", "main.js"),
  platform: "node",
  // Packages of this repository are put in; everything else that is imported by name is not.
  external: (name) => !/^(@corral\/|[./])/.test(name),
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
const bundle = join(server, "bundle");
const made = `${bundle}-${process.pid}`;
const old = `${made}.old`;
try {
  mkdirSync(made, { recursive: true });
  for (const file of output) writeFileSync(join(made, file.fileName), file.type === "chunk" ? file.code : file.source);
  utimesSync(join(made, "main.js"), begun, begun);
  takePlace();
} finally {
  for (const left of [old, made]) rmSync(left, { recursive: true, force: true });
}

function takePlace() {
  try {
    if (existsSync(bundle)) renameSync(bundle, old);
    renameSync(made, bundle);
  } catch (error) {
    // Another command that builds was as fast, and has made the same.
    if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(error.code)) throw error;
  }
}
