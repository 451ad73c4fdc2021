/**
 * What zod, valibot, arktype and others have in common, as https://standardschema.dev has it: enough to check a value
 * without knowing the library. A type of our own, so that no library comes with us.
 */
import { InvalidPayloadError } from "./errors.ts";

/** A schema of any of those libraries. */
export interface StandardSchema<In = unknown, Out = In> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Out> | Promise<SchemaResult<Out>>;
    /** For the compiler only. */
    readonly types?: { readonly input: In; readonly output: Out } | undefined;
  };
}

/** What came of checking a value. */
export type SchemaResult<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One thing that is wrong with a value. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The value as the schema has it. @throws InvalidPayloadError if it does not fit. */
export async function validate<In, Out>(
  schema: StandardSchema<In, Out> | undefined,
  value: unknown,
  about: string,
): Promise<Out> {
  // Without a schema nobody has said what it should be: In and Out are then unknown.
  if (schema === undefined) return value as Out;
  const result = await schema["~standard"].validate(value);
  if (result.issues === undefined) return result.value;
  throw new InvalidPayloadError(about, result.issues.map(describeIssue));
}

function describeIssue({ message, path = [] }: SchemaIssue): string {
  const at = path.map((step) => String(typeof step === "object" ? step.key : step)).join(".");
  return at === "" ? message : `${at}: ${message}`;
}
