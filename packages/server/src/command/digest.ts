/** `corral-server digest USER`: makes the identity of scheme `digest` out of a password, for access lists and `superDigest`. */
import { type DigestAlgorithm, digestBase64, digestLengths } from "@corral/io";
import { Command, CommanderError, Option } from "commander";
import { fail, standardError } from "./fail.ts";
import { readPassword } from "./password.ts";

/** Exit codes: 0 it is printed, 1 it could not be (main.ts), 2 wrong usage. */
export async function runDigest(argv: readonly string[]): Promise<void> {
  const command = new Command("corral-server")
    .exitOverride()
    .configureOutput({ writeErr: (text) => standardError.write(text) });
  const algorithm = new Option("--algorithm <name>", "as the server's digestAlgorithm").default("SHA1");
  command
    .command("digest <user>")
    .description("reads a password from standard input, one line, and prints the user's identity of scheme digest")
    .addOption(algorithm.choices(Object.keys(digestLengths)))
    .exitOverride()
    .allowExcessArguments(false)
    .action(async (user: string, options: { algorithm: DigestAlgorithm }) => {
      if (user === "" || user.includes(":")) return fail(2, "A user's name is not empty and has no colon.");
      const password = await readPassword(user);
      if (password === "") return fail(2, "There is no password on standard input.");
      process.stdout.write(`${user}:${digestBase64(options.algorithm, `${user}:${password}`)}\n`);
    });
  try {
    await command.parseAsync([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  }
}
