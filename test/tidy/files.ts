/** The repository's files, read once. Dependencies, build output and the demo's texts are not ours to tidy. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { blank } from "./source-text.ts";

/** One file, its path relative to the root with forward slashes. */
export interface TextFile {
  readonly path: string;
  readonly text: string;
}

/** One TypeScript file. */
export interface SourceFile extends TextFile {
  /** The text without comments and without the contents of strings. */
  readonly code: string;
  /** The text without comments. */
  readonly codeAndStrings: string;
}

const skipped = new Set(["node_modules", "dist", "bundle", ".git", "corpus", "data"]);
const textual = /\.(ts|js|mjs|cjs|json|ya?ml|md|sh|txt)$|(^|\/)(\.gitignore|\.npmrc|LICENSE|\.ci\/run)$/;

/** Every text file below `root`. */
export function readFiles(root: string): TextFile[] {
  const files: TextFile[] = [];
  const walk = (directory: string) => {
    for (const entry of readdirSync(join(root, directory), { withFileTypes: true })) {
      if (skipped.has(entry.name)) continue;
      const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile() && textual.test(path)) files.push({ path, text: readFileSync(join(root, path), "utf8") });
    }
  };
  walk("");
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A source file made of its text. */
export function sourceFile(path: string, text: string): SourceFile {
  return {
    path,
    text,
    code: blank(text, { comments: true, strings: true }),
    codeAndStrings: blank(text, { comments: true, strings: false }),
  };
}

/** The TypeScript files among `files`. */
export function sources(files: readonly TextFile[]): SourceFile[] {
  return files.filter(({ path }) => path.endsWith(".ts")).map(({ path, text }) => sourceFile(path, text));
}
