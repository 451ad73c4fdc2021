/** What a configuration must be: any schema of zod, valibot, arktype, …, and what it says of a value. */
import type { SchemaIssue, SchemaResult } from "@corral/client";
import { limits } from "./limits.ts";

/** What such libraries have agreed on (https://standardschema.dev), version 1. `I`: what goes in; `T`: what comes out. */
export interface ConfigurationSchema<I, T> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<T> | Promise<SchemaResult<T>>;
    /** For types only; absent at run time. */
    readonly types?: { readonly input: I; readonly output: T } | undefined;
  };
}

/** One thing that is wrong. */
export interface Issue {
  /** Where: the names on the way to it. Empty: with the whole. */
  readonly path: readonly string[];
  readonly message: string;
}

/** What a schema says of a value. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** Asks the schema. A schema that throws finds the value wrong. */
export async function check<T>(schema: ConfigurationSchema<unknown, T>, value: unknown): Promise<Checked<T>> {
  let result: SchemaResult<T>;
  try {
    result = await schema["~standard"].validate(value);
  } catch (error) {
    return wrong(messageOf(error));
  }
  if (result.issues === undefined) return { ok: true, value: result.value };
  return { ok: false, issues: result.issues.slice(0, limits.issues).map(toIssue) };
}

/** Wrong as a whole. */
export function wrong(message: string): { readonly ok: false; readonly issues: readonly Issue[] } {
  return { ok: false, issues: [{ path: [], message: message.slice(0, limits.textLength) }] };
}

/** What an error, or whatever was thrown, has to say. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** As a person wants to read it. */
export function describeIssues(issues: readonly Issue[]): string {
  return issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`)).join("; ");
}

function toIssue({ message, path = [] }: SchemaIssue): Issue {
  const names = path.map((step) => String(typeof step === "object" ? step.key : step));
  return { path: names, message: message.slice(0, limits.textLength) };
}
