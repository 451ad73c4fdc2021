/** Runs a program that wants a terminal in one, through `script`, and reads its screen as text. */
import { spawn } from "node:child_process";
import { once } from "node:events";

/** Resolves with all that it drew, escape sequences taken out, once that matches `until`; then types `quit`. */
export async function runInTerminal(
  command: readonly string[],
  { until, quit }: { readonly until: RegExp; readonly quit: string },
): Promise<string> {
  const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const child = spawn("script", ["-qec", `stty rows 40 cols 120; exec ${quoted}`, "/dev/null"], {
    env: { ...process.env, TERM: "xterm" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let drawn = "";
  for await (const chunk of child.stdout) {
    drawn += String(chunk);
    if (until.test(text(drawn)) && child.stdin.writable) child.stdin.end(quit);
  }
  await exited;
  return text(drawn);
}

function text(drawn: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
  return drawn.replace(/\u001b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>])/g, " ");
}
