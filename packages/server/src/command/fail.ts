/** What the command says on standard error, the server's log and sentences for who called it: through one writer, in their order. */
import { LogOutput } from "./log-output.ts";

/** Not a stream of Node's, which would keep a process that has nothing left to do for as long as nobody reads. */
export const standardError = new LogOutput({ maxWaitingBytes: 1 << 20 });

/** Says why the process will exit with `code`. */
export function fail(code: number, sentence: string): void {
  process.exitCode = code;
  complain(sentence);
}

/** Says what is wrong, though it goes on. However much waits for who reads: it may be the last word. */
export function complain(sentence: string): void {
  standardError.add(`corral-server: ${sentence}\n`, true);
}
