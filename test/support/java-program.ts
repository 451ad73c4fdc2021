/**
 * A Java source of these tests, compiled once for all runs of a file: `java Source.java` would compile it each time, which
 * takes ten times as long as what it then does.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";

/** Classes in a temporary directory, until it is disposed of. */
export class JavaProgram implements AsyncDisposable {
  readonly #directory: string;
  readonly #arguments: readonly string[];

  private constructor(directory: string, args: readonly string[]) {
    this.#directory = directory;
    this.#arguments = args;
  }

  /** Compiles it. @throws Error with what the compiler said, if that is nothing good. */
  static async compile(source: string, classPath: string): Promise<JavaProgram> {
    const directory = await mkdtemp(join(tmpdir(), "corral-java-"));
    try {
      await promisify(execFile)("javac", ["-cp", classPath, "-d", directory, source]);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
    // Short programs on few processors: the best code is not worth its making.
    const quickly = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];
    return new JavaProgram(directory, [...quickly, "-cp", `${classPath}:${directory}`, basename(source, ".java")]);
  }

  /** What `java` is to be given so that it runs with these arguments. */
  arguments(...args: readonly string[]): string[] {
    return [...this.#arguments, ...args];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}
