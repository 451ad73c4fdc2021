/** The command `corral`: a tree from the outside. What each verb does stands in verbs/. */
import { Command, CommanderError } from "commander";
import { exitCodeOf, exitCodes, exitCodesText } from "./exit-codes.ts";
import { inFlags } from "./hints.ts";
import type { Surroundings } from "./surroundings.ts";
import { addNodeVerbs } from "./verbs/node-verbs.ts";
import { addTreeVerbs } from "./verbs/tree-verbs.ts";
import { addWatchVerb } from "./verbs/watch-verb.ts";

/** Runs the command on this process, and resolves with its exit code. `args`: what follows the program's name. */
export async function main(args: readonly string[]): Promise<number> {
  const { stdout, stderr, stdin, env } = process;
  const interrupted = new AbortController();
  const onSignal = () => interrupted.abort(new Error("interrupted"));
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  let lost: NodeJS.ErrnoException | undefined;
  stdout.on("error", (error) => {
    lost ??= error;
    onSignal();
  });
  // Then only the exit code can tell.
  stderr.on("error", () => undefined);
  try {
    const code = await run(args, { stdout, stderr, stdin, variables: env, signal: interrupted.signal });
    // What was printed last may not be written yet.
    await new Promise<void>((resolve) => void stdout.write("", () => resolve()));
    if (lost === undefined) return code;
    // Whoever reads the output has gone away (`corral tree / | head`).
    if (lost.code === "EPIPE") return exitCodes.interrupted;
    stderr.write(`corral: Standard output cannot be written: ${lost.message}.\n`);
    return code === exitCodes.ok || code === exitCodes.interrupted ? exitCodes.failed : code;
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

/** The same in other surroundings, for tests. */
export async function run(args: readonly string[], around: Surroundings): Promise<number> {
  try {
    await describe(around).parseAsync([...args], { from: "user" });
    // What watches until it is interrupted ends without an error.
    return around.signal.aborted ? exitCodes.interrupted : exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (around.signal.aborted) return exitCodes.interrupted;
    const message = error instanceof Error ? error.message : String(error);
    around.stderr.write(`corral: ${inFlags(message)}\n`);
    return exitCodeOf(error);
  }
}

function describe(around: Surroundings): Command {
  const program = new Command("corral")
    .description(
      "Looks at and changes the tree of an ensemble that speaks ZooKeeper's protocol, and copies whole trees.",
    )
    .addHelpText(
      "after",
      `
Where to connect comes from --connect or CORRAL_CONNECT. Secrets come from variables: CORRAL_AUTH (scheme:credentials, as
digest:user:password), CORRAL_SASL (user:password; with SCRAM-SHA-256 if CORRAL_SASL_MECHANISM says so), CORRAL_TLS_PASSPHRASE,
CORRAL_ADMIN_TOKEN; of import and export also CORRAL_FROM_AUTH, CORRAL_TO_AUTH and so on. ${exitCodesText}`,
    )
    .configureOutput({
      writeOut: (text) => void around.stdout.write(text),
      writeErr: (text) => void around.stderr.write(text),
    })
    .exitOverride();
  addNodeVerbs(program, around);
  addWatchVerb(program, around);
  addTreeVerbs(program, around);
  // Subcommands copy these settings when they are made; what they have of their own they do not.
  for (const verb of program.commands)
    verb.allowExcessArguments(false).showHelpAfterError(`Run corral ${verb.name()} --help.`);
  return program.showHelpAfterError("Run corral --help.");
}
