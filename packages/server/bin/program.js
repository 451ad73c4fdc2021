/** Which of the two forms of the command runs: one file of all modules, which loads in two thirds of the time, or the modules. */
import { statSync } from "node:fs";

const bundle = new URL("../bundle/main.js", import.meta.url);
const modules = new URL("../dist/command/main.js", import.meta.url);
/** What the compiler touches when it has compiled what the bundle is made of. None of them is published. */
const compiled = ["../dist", "../../io/dist", "../../protocol/dist"].map(
  (directory) => new URL(`${directory}/.tsbuildinfo`, import.meta.url),
);

/**
 * Whether the bundle is there, and not older than what was compiled, or than any of `others`: whoever calls the compiler alone would
 * run old code. Its time is that at which the bundler began to read.
 */
export function isBundled(others = []) {
  const made = changedAt(bundle);
  return made !== undefined && [...compiled, ...others].every((file) => (changedAt(file) ?? 0) <= made);
}

/** The file whose `main` is the command. */
export function program() {
  return isBundled() ? bundle : modules;
}

function changedAt(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}
