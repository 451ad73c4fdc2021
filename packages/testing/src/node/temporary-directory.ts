/** Directories that last as long as a test. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory below the system's temporary one. */
export class TemporaryDirectory {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<TemporaryDirectory> {
    return new TemporaryDirectory(await mkdtemp(join(tmpdir(), "corral-testing-")));
  }

  /** Removes everything that is in it; the directory stays. */
  async empty(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }

  /** Removes it with everything in it. Idempotent. */
  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
