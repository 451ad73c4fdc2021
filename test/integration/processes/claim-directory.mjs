/**
 * Claims a directory, says how that went, and keeps it until it is told to let go.
 * Arguments: the directory. Standard output: `claimed`, `in use` or `failed: …`. A line on standard input: release, end.
 */
import { once } from "node:events";
import { DirectoryInUseError, nodeDisk } from "../../../packages/io/dist/index.js";

const say = (line) => process.stdout.write(`${line}\n`);
try {
  const claim = await nodeDisk.claimDirectory(process.argv[2]);
  say("claimed");
  await once(process.stdin, "data");
  await claim.release();
} catch (error) {
  say(error instanceof DirectoryInUseError ? "in use" : `failed: ${error}`);
}
process.stdin.destroy();
