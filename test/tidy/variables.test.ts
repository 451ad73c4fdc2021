/** Whatever of ours reads a variable, a server can be started beside it. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { isKnownVariable } from "../../packages/server/src/command/variables.ts";
import { readFiles } from "./files.ts";

/** They have names that there are not, to be refused. */
const deliberate = /^packages\/server\/src\/command\/\w+\.test\.ts$|^test\/integration\/server-config\.test\.ts$/;

test("the server knows every variable CORRAL_… that is written anywhere", () => {
  const files = readFiles(join(dirname(fileURLToPath(import.meta.url)), "..", ".."));
  const strangers = files
    .filter(({ path }) => !deliberate.test(path))
    .flatMap(({ path, text }) =>
      [...text.matchAll(/(?<!\w)CORRAL_[A-Z\d]+(?:_[A-Z\d]+)*(?!\w)/g)].map(([name]) => ({ path, name })),
    )
    .filter(({ name }) => !isKnownVariable(name));
  expect(strangers, "add it to packages/server/src/command/variables.ts").toEqual([]);
});
