/** `corral-server verify DIR`, `dump DIR` and `repair DIR`: a data directory looked into, or repaired, while no server uses it. */
import { isDirectoryInUseError, nodeDisk } from "@corral/io";
import { formatZxid } from "@corral/protocol";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { type DumpRange, dumpDirectory } from "../directory-dump.ts";
import { verifyDirectory, withDirectory } from "../inspection.ts";
import { otherDigests } from "../recover.ts";
import { performRepair } from "../repair/perform.ts";
import { planRepair } from "../repair/plan.ts";
import { reportRepair } from "../repair/report.ts";
import { findApacheData, holdsApacheData } from "../storage/apache-data.ts";
import { epochsAreSpent, epochWarning } from "../storage/epochs.ts";
import { sortFileNames } from "../storage/file-names.ts";
import { isStorageError } from "../storage/storage-error.ts";
import { complain, fail, standardError } from "./fail.ts";
import { isNoFile } from "./start-errors.ts";

/** Exit codes: 0 all is well, 1 something is wrong with the directory (still, after a repair), 2 wrong usage. */
export async function runOffline(argv: readonly string[]): Promise<void> {
  const command = new Command("corral-server")
    .exitOverride()
    .configureOutput({ writeErr: (text) => standardError.write(text) });
  command
    .command("verify <dir>")
    .description("reads every file of a data directory, and tells whether a server would start there")
    .action((directory: string) => guarded(directory, () => verify(directory)));
  command
    .command("dump <dir>")
    .description(
      "prints snapshot and log of a data directory as JSON lines, as far as a start or else a repair could read them",
    )
    .option("--from <zxid>", "leave out what is before it", zxidOf, 0)
    .option("--to <zxid>", "leave out what is after it", zxidOf, Number.MAX_SAFE_INTEGER)
    .action((directory: string, { from, to }: { from: number; to: number }) =>
      from > to
        ? fail(2, `--from ${formatZxid(from)} is after --to ${formatZxid(to)}: there is nothing between them.`)
        : guarded(directory, () => dump(directory, { fromZxid: from, toZxid: to })),
    );
  command
    .command("repair <dir>")
    .description("says what has to be given up for a server to start there again; does it only when told to")
    .option("--yes", "do it; what is given up is put aside in the directory", false)
    .action((directory: string, { yes }: { yes: boolean }) =>
      guarded(directory, (isReadOnly) => repair(directory, yes, isReadOnly)),
    );
  for (const one of command.commands) one.exitOverride().allowExcessArguments(false);
  try {
    await command.parseAsync([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  }
}

async function verify(directory: string): Promise<void> {
  const { files, start } = await verifyDirectory(nodeDisk, directory);
  for (const { name, bytes, content, problem } of files) {
    process.stdout.write(`${name}: ${content} (${bytes} bytes)${problem === undefined ? "" : `; WRONG: ${problem}`}\n`);
  }
  if (files.length === 0) process.stdout.write(`${holdsNothing(directory)}\n`);
  if (start.kind === "refused") {
    process.stdout.write(`A server would not start: ${start.why}\n`);
  } else {
    const { zxid, nodes, sessions, digest, epoch, takesWrites, hasOtherDigests } = start;
    process.stdout.write(
      `A server would start with the state after ${formatZxid(zxid)}: ${nodes} nodes, ${sessions} sessions, digest ${digest}\n`,
    );
    if (hasOtherDigests) process.stdout.write(`BUT: ${otherDigests}\n`);
    const warning = takesWrites ? epochWarning(epoch) : epochsAreSpent;
    if (warning !== undefined) process.stdout.write(`${takesWrites ? "BUT" : "WRONG"}: ${warning}\n`);
  }
  const isPossible = start.kind === "possible" && start.takesWrites;
  const isWell = isPossible && files.length > 0 && files.every(({ problem }) => problem === undefined);
  if (!isWell) process.exitCode = 1;
}

async function repair(directory: string, isAgreed: boolean, isReadOnly: boolean): Promise<void> {
  if (await isEmpty(directory)) return fail(1, holdsNothing(directory));
  const plan = await planRepair(nodeDisk, directory);
  for (const line of reportRepair(directory, plan)) process.stdout.write(`${line}\n`);
  if (plan.steps.length === 0) return;
  if (!isAgreed) {
    process.exitCode = 1;
    const next = isReadOnly
      ? "The file system is read-only: to do this, make it writable, or repair a copy"
      : `To do this: corral-server repair --yes ${directory}`;
    process.stdout.write(`Nothing has been changed. ${next}\n`);
    return;
  }
  if (isReadOnly) return fail(1, onReadOnly(directory));
  const aside = await performRepair(nodeDisk, directory, plan);
  process.stdout.write(`Done. The files as they were are in ${directory}/${aside}\n`);
  const { files, start } = await verifyDirectory(nodeDisk, directory);
  const isSound =
    start.kind === "possible" && start.digest === plan.kept.digest && files.every((file) => !file.problem);
  if (isSound) return;
  fail(1, `The directory is not as it should be now; see corral-server verify ${directory}`);
}

async function dump(directory: string, range: DumpRange): Promise<void> {
  if (await isEmpty(directory)) return fail(1, holdsNothing(directory));
  await dumpDirectory(nodeDisk, directory, range, {
    onLine: (line) => process.stdout.write(`${JSON.stringify(line)}\n`),
    onWarning: complain,
  });
}

/** Whether there is nothing of a server in it: it may be a mistyped one. */
async function isEmpty(directory: string): Promise<boolean> {
  const { snapshotZxids, segmentZxids, hasEpoch } = sortFileNames(await nodeDisk.list(directory));
  return !hasEpoch && snapshotZxids.length + segmentZxids.length === 0;
}

function holdsNothing(directory: string): string {
  return `${directory} holds nothing of a Corral server.`;
}

function onReadOnly(directory: string): string {
  return `${directory} is on a read-only file system: nothing has been changed. Make it writable, or repair a copy of it.`;
}

async function guarded(directory: string, run: (isReadOnly: boolean) => Promise<void>): Promise<void> {
  try {
    const apache = await findApacheData(nodeDisk, directory);
    if (apache !== undefined) return fail(1, holdsApacheData(directory, apache));
    await withDirectory(nodeDisk, directory, run);
  } catch (error) {
    const { message, code, path } = error as NodeJS.ErrnoException;
    const isExpected = isStorageError(error) || isDirectoryInUseError(error) || code !== undefined;
    if (!isExpected) throw error;
    fail(1, explain(directory, code, path) ?? message);
  }
}

/** What the system's error means for who named `directory`; undefined if its own message says it best. */
function explain(directory: string, code: string | undefined, path = directory): string | undefined {
  switch (code) {
    case "ENOENT":
      return path === directory ? `There is no directory ${directory}.` : undefined;
    case "ENOTDIR":
      return `${directory} is not a directory. Give the data directory that holds the server's files.`;
    case "EISDIR":
    case "ESPIPE":
    case "ENXIO":
      return isNoFile(path);
    case "EACCES":
    case "EPERM":
      return `${path} may not be used by this user (${code}). Run the command as the user that the server runs as.`;
    default:
      return undefined;
  }
}

/** Hexadecimal, as everything here prints them: 0x100000001, or without 0x as in names of files. */
function zxidOf(text: string): number {
  const zxid = /^(0x)?[0-9a-f]+$/i.test(text) ? Number.parseInt(text, 16) : Number.NaN;
  if (!Number.isSafeInteger(zxid))
    throw new InvalidArgumentError("It must be a hexadecimal number, such as 0x100000001.");
  return zxid;
}
