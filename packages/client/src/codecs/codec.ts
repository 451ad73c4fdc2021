/** Values in nodes: how they become bytes and how bytes become values. */
import { BadArgumentsError, MarshallingError } from "../errors.ts";
import type { Data } from "../options.ts";

/**
 * From values to a node's data and back; `null` is a node without data. Either way may be asynchronous, and throws, or
 * rejects, for what it cannot make sense of.
 */
export interface Codec<T> {
  encode(value: T): Uint8Array | null | Promise<Uint8Array | null>;
  decode(data: Uint8Array | null): T | Promise<T>;
}

/** A value to be stored, and how. */
export interface TypedValue<T> {
  readonly codec: Codec<T>;
  readonly value: T;
}

/** How to read a value. */
export interface TypedBy<T> {
  readonly codec: Codec<T>;
}

/** Whether what stands in the place of data is a value with its codec. */
function isTypedValue<O>(given: Given<O>): given is TypedValue<unknown> & O {
  return typeof given === "object" && given !== null && !(given instanceof Uint8Array) && "codec" in given;
}

/** What an operation was given: data and options, or a value with its codec and the options in one. */
export type Given<O> = Data | undefined | (TypedValue<unknown> & O);

/** The data in what was given, or a promise of it if a codec takes its time. */
export function dataOf(operation: string, path: string, given: Given<object>): Data | undefined | Promise<Data> {
  return isTypedValue(given) ? encodeValue(operation, path, given) : given;
}

/** The options in what was given. */
export function optionsOf<O extends object>(given: Given<O>, options: O): O {
  return isTypedValue(given) ? given : options;
}

/**
 * The data for a value; at once, unless the codec itself takes its time: what is called first is then also sent first.
 * @throws BadArgumentsError
 */
function encodeValue(
  operation: string,
  path: string,
  { codec, value }: TypedValue<unknown>,
): Uint8Array | null | Promise<Uint8Array | null> {
  const refuse = (cause: unknown): never => {
    throw new BadArgumentsError({
      operation,
      path,
      detail: `the value cannot be encoded: ${messageOf(cause)}`,
      remedy: "Correct the value, or use a codec that takes it.",
      cause,
    });
  };
  try {
    const data = codec.encode(value);
    return data instanceof Promise ? data.catch(refuse) : data;
  } catch (cause) {
    return refuse(cause);
  }
}

/** The value that `data` stands for. @throws MarshallingError */
export async function decodeValue<T>(
  operation: string,
  path: string,
  codec: Codec<T>,
  data: Uint8Array | null,
): Promise<T> {
  try {
    return await codec.decode(data);
  } catch (cause) {
    throw new MarshallingError({
      operation,
      path,
      detail: messageOf(cause),
      remedy: "Somebody wrote it in another form: read it without the codec, and see.",
      cause,
    });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
