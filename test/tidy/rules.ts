/** The rules that look at one file at a time. */
import type { SourceFile, TextFile } from "./files.ts";
import { core, harmlessModules, outside, testSupport } from "./policy.ts";
import { blank } from "./source-text.ts";
import { matches, type Violation, violation } from "./violation.ts";

const isTest = (path: string) => /\.test(-d)?\.ts$/.test(path) || testSupport.test(path);
const isShipped = (path: string) => /^(packages\/.+\/src|bench\/src)\//.test(path) && !isTest(path);

/** Every import and re-export of a file: what is named, and where. */
export function imports({ codeAndStrings }: SourceFile): { readonly specifier: string; readonly at: number }[] {
  const patterns = [
    /^\s*(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']/gm,
    /^\s*import\s+["']([^"']+)["']/gm,
    /\bimport\s*\(\s*["']([^"']+)["']/g,
    /\bimport\.meta\.resolve\s*\(\s*["']([^"']+)["']/g,
  ];
  return patterns.flatMap((pattern) =>
    [...codeAndStrings.matchAll(pattern)].map((match) => ({
      specifier: match[1] ?? "",
      at: match.index + match[0].length - 1,
    })),
  );
}

const outsideWords: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [
    /\bDate\.now\b|(?<![.\w$])Date\s*\(\s*\)|\bnew Date\b(?!\s*\(\s*[^\s)])/g,
    "Take a Clock from @corral/io: wallMs() for stamps, elapsedMs() for timeouts.",
  ],
  [
    /\b(setTimeout|setInterval|setImmediate|clearTimeout|clearInterval|clearImmediate)\b/g,
    "Take a Clock from @corral/io and use setTimer().",
  ],
  [/\bAbortSignal\.timeout\b/g, "Take a Clock from @corral/io and abort a controller of your own from setTimer()."],
  [/\bMath\.random\b/g, "Take a Random from @corral/io and use fraction()."],
  [/\b(?:globalThis\.)?crypto\.(getRandomValues|randomUUID|randomBytes)\b/g, "Take a Random from @corral/io."],
  [/(?<![.#\w])performance\b(?=\s*\.)/g, "Take a Clock from @corral/io and use elapsedMs()."],
  [/(?<![.#\w])process\b(?=\s*[.[])/g, "Pass the value in from the entry point, or take a port from @corral/io."],
];

/** Time, chance, files, sockets and the process itself come in through ports. */
export function touchesOutside(file: SourceFile): Violation[] {
  if (isTest(file.path) || outside.some(({ path }) => file.path.startsWith(path))) return [];
  return [
    ...outsideWords.flatMap(([pattern, instead]) => matches("outside", file, file.code, pattern, instead)),
    ...imports(file)
      .filter(({ specifier }) => specifier.startsWith("node:") && !harmlessModules.includes(specifier))
      .map(({ at, specifier }) =>
        violation(
          "outside",
          file.path,
          file.text,
          at,
          `Take a port from @corral/io; ${specifier} belongs to packages/io/src/node.`,
        ),
      ),
  ];
}

const impure = new Set(["eventemitter3", "rxjs", "p-retry", "pino", "commander"]);

/** The core computes: what waits, emits or observes stands in the shell around it. */
export function impureCore(file: SourceFile): Violation[] {
  if (isTest(file.path) || !core.some((path) => file.path.startsWith(path))) return [];
  const instead = "The core is synchronous: return an effect, and let the shell wait for it.";
  return [
    ...matches("core", file, file.code, /\b(async|await|Promise|queueMicrotask)\b/g, instead),
    ...imports(file)
      .filter(({ specifier }) => impure.has(specifier.split("/")[0] ?? ""))
      .map(({ at, specifier }) =>
        violation("core", file.path, file.text, at, `The core returns plain data; ${specifier} belongs to the shell.`),
      ),
  ];
}

/** Every exported declaration of a package says what it is. */
export function undocumentedExports(file: SourceFile): Violation[] {
  if (!isShipped(file.path)) return [];
  const lines = file.text.split("\n");
  const declaration =
    /^export (?:default )?(?:declare )?(?:abstract )?(?:async )?(?:const|let|function\*?|class|interface|type|enum) (\w+)/;
  const found: Violation[] = [];
  let overloaded: string | undefined;
  let offset = 0;
  for (const [i, line] of lines.entries()) {
    const name = declaration.exec(line)?.[1];
    if (name !== undefined && name !== overloaded && !(lines[i - 1] ?? "").trimEnd().endsWith("*/")) {
      const instead = `Say in a doc comment what ${name} is: shapes, units, errors.`;
      found.push(violation("doc", file.path, file.text, offset, instead));
    }
    // The signatures of one function stand together; the comment is above the first.
    if (name !== undefined) overloaded = line.startsWith("export function") ? name : undefined;
    offset += line.length + 1;
  }
  return found;
}

/** The holes in the type system, forgotten switches of tests, output past the logger, loose ends. */
export function looseEnds(file: SourceFile): Violation[] {
  const rule = (pattern: RegExp, instead: string, searched = file.code) =>
    matches("loose end", file, searched, pattern, instead);
  const comments = file.text.replace(/[^\n]/g, (c, at: number) => (file.codeAndStrings[at] === c ? " " : c));
  return [
    ...rule(
      /(?::|<|(?<!\|)\||(?<!&)&|\bas\b|=>|\bextends\b)\s*any\b(?!\s*[:(.}])|,\s*any\s*(?:\[\])*\s*>/g,
      "Name the type, or take unknown and look at it.",
    ),
    // In a test of types, that an error is expected is what is tested.
    ...rule(
      file.path.endsWith(".test-d.ts") ? /@ts-(ignore|nocheck)\b/g : /@ts-(ignore|nocheck|expect-error)\b/g,
      "Mend the type instead.",
      comments,
    ),
    ...rule(/\b(test|it|describe|suite)(\.\w+)*\.only\b/g, "Let all tests run."),
    ...rule(/(?<![.\w$])console\s*\./g, "Take a Logger from @corral/io; an entry point writes to process.stdout."),
    ...rule(/\bdebugger\b/g, "Remove it."),
    ...rule(/\b(TODO|FIXME|XXX)\b/g, "Do it, or say as a fact what is missing.", comments),
    ...rule(
      /\bcatch\s*(\([^)]*\))?\s*\{\s*\}|\.catch\(\s*\(?\w*\)?\s*=>\s*\{\s*\}\s*\)/g,
      "Handle the error, or say in the block why it does not matter.",
      blank(file.text, { comments: false, strings: true }),
    ),
  ];
}

/** Files with more than 500 lines hide two ideas. */
export function tooLong({ path, text }: TextFile): Violation[] {
  if (!/\.(ts|mjs|js)$/.test(path)) return [];
  const lines = text.split("\n").length - 1;
  if (lines <= 500) return [];
  return [
    { rule: "length", file: path, line: lines, text: `${lines} lines`, instead: "Two ideas: make two files of it." },
  ];
}

/** Written in pieces, for this file is looked at too. */
const places = [
  `/${"work"}/(main|shared|\\.library)\\b`,
  `/tmp/${"contract"}\\b`,
  `\\b${"registry"}\\.(npmjs|yarnpkg)\\.`,
  `\\bhttps?://[^\\s/"']*(${"registry"}|artifactory|verdaccio|nexus)[^\\s/"']*`,
  `\\b${"tarball"}:`,
];

/** Nothing names the machine it was written on or the registry its dependencies came from. */
export function tellsOfElsewhere(file: TextFile): Violation[] {
  return places.flatMap((place) =>
    matches("elsewhere", file, file.text, new RegExp(place, "g"), "Leave it out: it holds on one machine only."),
  );
}
