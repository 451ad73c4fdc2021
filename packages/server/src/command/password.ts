/** A password, asked for. */
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { standardError } from "./fail.ts";

/** The first line of standard input; empty if there is none. A terminal is asked for it, and does not show it. */
export function readPassword(user: string): Promise<string> {
  const { stdin } = process;
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: nowhere, terminal: stdin.isTTY });
  if (stdin.isTTY) standardError.write(`Password of ${user}: `);
  return new Promise((resolve) => {
    lines.once("line", (line) => {
      resolve(line);
      lines.close();
    });
    lines.once("close", () => {
      if (stdin.isTTY) standardError.write("\n");
      resolve("");
    });
  });
}
