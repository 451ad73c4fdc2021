/** `corral-server scram USER`: makes a line for `saslUsers` out of a password, from which nobody learns the password. */
import { hmacSha256, nodeRandom, pbkdf2Sha256, sha256 } from "@corral/io";
import { maxScramIterations, minScramIterations } from "@corral/protocol";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { formatVerifier, makeVerifier, usualIterations } from "../replica/sasl-users.ts";
import { complain, fail, standardError } from "./fail.ts";
import { readPassword } from "./password.ts";
import { splitWords } from "./settings.ts";

/** Exit codes: 0 it is printed, 1 it could not be (main.ts), 2 wrong usage. */
export async function runScram(argv: readonly string[]): Promise<void> {
  const command = new Command("corral-server")
    .exitOverride()
    .configureOutput({ writeErr: (text) => standardError.write(text) });
  command
    .command("scram <user>")
    .description("reads a password from standard input, one line, and prints the user's line for saslUsers")
    .option(
      "--iterations <n>",
      "what each guess at the password costs, and each client once",
      iterations,
      usualIterations,
    )
    .exitOverride()
    .allowExcessArguments(false)
    .action(async (user: string, options: { iterations: number }) => {
      if (user === "" || user.includes(":")) return fail(2, "A user's name is not empty and has no colon.");
      const password = await readPassword(user);
      if (password === "") return fail(2, "There is no password on standard input.");
      const hash = { sha256, hmacSha256, pbkdf2Sha256 };
      const salt = Buffer.from(nodeRandom.bytes(16));
      const verifier = makeVerifier(password, salt, options.iterations, hash);
      const line = `${user}:${formatVerifier(verifier)}`;
      process.stdout.write(`${line}\n`);
      if (splitWords(line)[0] !== line) {
        complain(
          "CORRAL_SASL_USERS cannot hold this line: commas and spaces separate users there. Put it into the JSON file.",
        );
      }
    });
  try {
    await command.parseAsync([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  }
}

function iterations(text: string): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (number >= minScramIterations && number <= maxScramIterations) return number;
  throw new InvalidArgumentError(`It must be ${minScramIterations} … ${maxScramIterations}.`);
}
