/** The packages are packed once for a whole run of these suites, and removed at the end. */
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { packAll } from "./packed.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The directory that `packAll` has filled. */
    packedDirectory: string;
  }
}

/** Called by vitest; what it returns is called at the end. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  // Outside of the repository, where nothing is found by accident.
  const directory = await realpath(await mkdtemp(join(tmpdir(), "corral-packages-")));
  await packAll(directory);
  provide("packedDirectory", directory);
  return () => rm(directory, { recursive: true, force: true });
}
