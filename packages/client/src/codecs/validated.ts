/** Values that are checked, by the schema library of one's choice: zod, valibot, arktype, … */
import type { Codec } from "./codec.ts";

/** What such libraries have agreed on, version 1: a schema says whether a value fits and what it becomes. */
export interface StandardSchema<Output> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** For types only; absent at run time. */
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** Either a value or what is wrong. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One thing that is wrong. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * `codec`, with values that fit `schema`. What is read is what the schema makes of it; what is written is read back first,
 * so that nothing gets in that would not come out.
 *
 * ```ts
 * const limits = validated(json, z.object({ limit: z.number().positive() }));
 * const { value } = await client.get("/config", { codec: limits }); // { limit: number }
 * ```
 */
export function validated<T>(codec: Codec<unknown>, schema: StandardSchema<T>): Codec<T> {
  const decode = async (data: Uint8Array | null): Promise<T> => {
    const result = await schema["~standard"].validate(await codec.decode(data));
    if (result.issues === undefined) return result.value;
    throw new Error(result.issues.map(describe).join("; "));
  };
  return {
    encode: async (value) => {
      const data = await codec.encode(value);
      await decode(data);
      return data;
    },
    decode,
  };
}

function describe({ message, path }: SchemaIssue): string {
  if (path === undefined || path.length === 0) return message;
  return `${path.map((part) => String(typeof part === "object" ? part.key : part)).join(".")}: ${message}`;
}
