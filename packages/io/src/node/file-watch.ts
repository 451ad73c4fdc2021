/** Small files of an operator's: read whole, and looked at again and again, for others replace them while a server runs. */
import { readFileSync, unwatchFile, watchFile } from "node:fs";

/** How often a file is looked at, ms. Also finds one that a link now leads to, which the system's own watches would not. */
const intervalMs = 2_000;

/** The file's bytes. @throws the operating system's error */
export function readSmallFile(path: string): Buffer {
  return readFileSync(path);
}

/** Calls `onChange` after any of the files has changed. Returns what ends that. */
export function watchFiles(paths: readonly string[], onChange: () => void): () => void {
  const listener = (): void => onChange();
  for (const path of paths) watchFile(path, { interval: intervalMs, persistent: false }, listener);
  return () => {
    for (const path of paths) unwatchFile(path, listener);
  };
}
