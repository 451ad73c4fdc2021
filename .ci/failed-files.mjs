/**
 * Prints the test files that failed in a run of vitest, one a line, from the report of its JSON reporter. Exits with 1,
 * and says why, when that is no reason to look again: nothing failed by itself, or so much that it cannot be bad luck.
 */
import { readFileSync } from "node:fs";
import { relative } from "node:path";

const most = 3;
const { testResults } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const failed = testResults.filter(({ status }) => status === "failed").map(({ name }) => relative(".", name));
if (failed.length === 0 || failed.length > most) {
  process.stderr.write(`${failed.length} test files failed: between 1 and ${most} would be run again, alone.\n`);
  process.exitCode = 1;
} else {
  process.stdout.write(`${failed.join("\n")}\n`);
}
