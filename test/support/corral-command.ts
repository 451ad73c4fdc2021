/** The built command `corral` within this process: starting one takes longer than all that the command does. */
import { Readable, Writable } from "node:stream";

const built = new URL("../../packages/cli/dist/command/main.js", import.meta.url);
const { run } = (await import(built.href)) as { readonly run: Run };

/** Of the package's own; it is no part of what programs import. */
type Run = (
  args: readonly string[],
  around: {
    readonly stdout: Writable;
    readonly stderr: Writable;
    readonly stdin: AsyncIterable<Uint8Array | string>;
    readonly variables: Readonly<Record<string, string | undefined>>;
    readonly signal: AbortSignal;
  },
) => Promise<number>;

/** What came of it. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What it finds. */
export interface Found {
  readonly variables?: Readonly<Record<string, string>>;
  /** Of its standard input. */
  readonly input?: string | Uint8Array;
}

/** Runs it to its end. */
export async function runCorral(args: readonly string[], { variables = {}, input = "" }: Found = {}): Promise<Ended> {
  const texts = { stdout: "", stderr: "" };
  const sink = (name: keyof typeof texts) =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        texts[name] += chunk.toString();
        done();
      },
    });
  // A machine that is busy with other things must not look like a bug.
  const patient = args.includes("--timeout") ? args : [...args, "--timeout", "60000"];
  const code = await run(patient, {
    stdout: sink("stdout"),
    stderr: sink("stderr"),
    stdin: Readable.from([input]),
    variables,
    signal: new AbortController().signal,
  });
  return { code, ...texts };
}
