/** The rules that look at how files hang together: who may import whom, and what nobody imports. */
import { posix } from "node:path";
import type { SourceFile, TextFile } from "./files.ts";
import { entryPoints, layers, recipeLayers, testSupport } from "./policy.ts";
import { imports } from "./rules.ts";
import { type Violation, violation } from "./violation.ts";

/** A package: its name, its directory, what its manifest declares. */
interface Package {
  readonly name: string;
  readonly directory: string;
  readonly declared: ReadonlySet<string>;
}

/** The packages whose manifests are among `files`. */
export function packages(files: readonly TextFile[]): Package[] {
  return files
    .filter(({ path }) => path.endsWith("/package.json"))
    .map(({ path, text }) => {
      const { name, dependencies = {} } = JSON.parse(text) as { name: string; dependencies?: Record<string, string> };
      return { name, directory: posix.dirname(path), declared: new Set(Object.keys(dependencies)) };
    });
}

function packageOf(path: string, all: readonly Package[]): Package | undefined {
  return all.find(({ directory }) => path.startsWith(`${directory}/`));
}

const isForTests = (path: string) => path.endsWith(".test.ts") || testSupport.test(path);

/** Imports go down the layers, through the front door of a package, to what its manifest declares. */
export function wrongImports(file: SourceFile, all: readonly Package[]): Violation[] {
  const own = packageOf(file.path, all);
  if (own === undefined) return [];
  const found: Violation[] = [];
  for (const { specifier, at } of imports(file)) {
    const say = (instead: string) => found.push(violation("layers", file.path, file.text, at, instead));
    if (specifier.startsWith("node:")) continue;
    if (specifier.startsWith(".")) {
      const target = posix.join(posix.dirname(file.path), specifier);
      if (!target.startsWith(`${own.directory}/`)) say("Import the other package by its name.");
      else if (!specifier.endsWith(".ts")) say("Name the file with its extension, .ts.");
      else if (testSupport.test(target) && !isForTests(file.path)) say("Only tests import the support of tests.");
      continue;
    }
    const [scope = "", rest = ""] = specifier.split("/");
    const name = scope.startsWith("@") ? `${scope}/${rest}` : scope;
    if (name.startsWith("@corral/")) {
      if (specifier !== name) say(`Import from "${name}": what it does not export is its own affair.`);
      if (isForTests(file.path) || name === own.name) continue;
      const allowed = layers[own.name] ?? (own.directory.startsWith("packages/recipes/") ? recipeLayers : undefined);
      if (allowed !== undefined && !allowed.includes(name)) {
        say(`${own.name} may import ${allowed.join(", ") || "none of our packages"}; see ARCHITECTURE.md.`);
        continue;
      }
    }
    if (!isForTests(file.path) && !own.declared.has(name)) {
      say(`Declare ${name} in ${own.directory}/package.json.`);
    }
  }
  return found;
}

/** Dependencies that a manifest declares and no file imports. */
export function unusedDependencies(files: readonly SourceFile[], all: readonly Package[]): Violation[] {
  return all.flatMap((own) => {
    const used = new Set(
      files
        .filter(({ path }) => path.startsWith(`${own.directory}/`))
        .flatMap(imports)
        .map(({ specifier }) => specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/")),
    );
    return [...own.declared]
      .filter((name) => !used.has(name))
      .map((name) => ({
        rule: "unused",
        file: `${own.directory}/package.json`,
        line: 1,
        text: name,
        instead: "Nobody imports it: take it out of the manifest.",
      }));
  });
}

/** Files that cannot be reached from an entry point. What is shipped and only reached from its test counts as unreached. */
export function unreachable(files: readonly SourceFile[]): Violation[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const visit = (path: string) => {
    const file = byPath.get(path);
    if (file === undefined || reached.has(path)) return;
    reached.add(path);
    for (const { specifier } of imports(file)) {
      if (specifier.startsWith(".")) visit(posix.join(posix.dirname(path), specifier));
    }
  };
  const unreached = (forTests: boolean) => {
    const these = files.filter(({ path }) => isForTests(path) === forTests);
    for (const { path } of these) if (entryPoints.some((pattern) => pattern.test(path))) visit(path);
    return these.filter(({ path }) => !reached.has(path));
  };
  // In this order: tests may reach everything, and must not keep alive what nothing else needs.
  return [...unreached(false), ...unreached(true)].map(({ path, text }) =>
    violation("unreachable", path, text, 0, "Nothing that runs imports it: remove it, or name it in entryPoints."),
  );
}
