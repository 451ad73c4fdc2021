/** One install suffices: what an example needs of the client comes with every recipe. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { packages, readExample } from "./projects.ts";

type Exports = Readonly<Record<string, unknown>>;

const needed = ["connect", "isCoordinationError"];
const codecs = ["compressed", "json", "msgpack", "optional", "raw", "utf8", "validated"];
const recipes = packages.filter(
  ({ name, source }) => name === "@corral/master-worker" || (/recipes\//.test(source) && name !== "@corral/recipe-kit"),
);

test.each(recipes)("$name", async (packed) => {
  const [own, client] = await Promise.all([packed.name, "@corral/client"].map(load));
  const shared = [...needed, ...(codecs.some((codec) => own?.[codec] !== undefined) ? codecs : [])];
  for (const name of shared) expect(own?.[name], name).toBe(client?.[name]);
  const example = await readExample(packed);
  const ours = example?.imports.filter((name) => name.startsWith("@corral/"));
  if (ours !== undefined) expect(ours).toEqual([packed.name]);
});

async function load(name: string): Promise<Exports> {
  const found = packages.find((one) => one.name === name);
  if (found === undefined) throw new Error(`There is no ${name}.`);
  return import(pathToFileURL(join(found.directory, "dist", "index.js")).href);
}
