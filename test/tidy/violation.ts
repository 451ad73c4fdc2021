/** What a rule has to say about a line. */
import { exceptions } from "./policy.ts";

/** One line that breaks a rule. */
export interface Violation {
  readonly rule: string;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** The line itself. */
  readonly text: string;
  /** What to write instead. */
  readonly instead: string;
}

/** A violation at `offset` of `text`. */
export function violation(rule: string, file: string, text: string, offset: number, instead: string): Violation {
  const line = text.slice(0, offset).split("\n").length;
  return { rule, file, line, text: (text.split("\n")[line - 1] ?? "").trim(), instead };
}

/** Violations for every match of `pattern` in `searched`, which has the same line ends as `text`. */
export function matches(
  rule: string,
  { path, text }: { readonly path: string; readonly text: string },
  searched: string,
  pattern: RegExp,
  instead: string,
): Violation[] {
  return [...searched.matchAll(pattern)].map((match) => violation(rule, path, text, match.index, instead));
}

/** Whether the policy lets this one pass. */
export function isExcepted({ rule, file, text }: Violation): boolean {
  return exceptions.some((one) => one.rule === rule && one.file === file && text.includes(one.line));
}

/** As a person wants to read it. */
export function format({ rule, file, line, text, instead }: Violation): string {
  return `${file}:${line} [${rule}] ${text}\n    ${instead}`;
}
