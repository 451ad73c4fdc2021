/**
 * Reads a file of root's as somebody else. Argument: its path. Standard output: `{"withoutTrace":…,"isWhole":…}`, the error with
 * which the system refuses to read it without a trace, or "none", and whether it was read all the same.
 */
import { constants } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { nodeDisk } from "../../../packages/io/dist/index.js";

const path = process.argv[2];
if (process.getuid() === 0) process.setuid(65_534);
let withoutTrace = "none";
try {
  await (await open(path, constants.O_RDONLY | (constants.O_NOATIME ?? 0))).close();
} catch (error) {
  withoutTrace = error.code;
}
const file = await nodeDisk.open(path, "read");
const bytes = await file.read(0, await file.size());
await file.close();
process.stdout.write(JSON.stringify({ withoutTrace, isWhole: bytes.equals(await readFile(path)) }));
