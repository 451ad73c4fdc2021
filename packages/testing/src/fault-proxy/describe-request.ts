/** Which paths a request names. */
import {
  type ClientOperation,
  type Codec,
  DecodeError,
  operations,
  opName,
  type Reader,
  requestHeaderCodec,
} from "@corral/protocol";
import type { RequestFrame } from "./frames.ts";

/**
 * Reads a request's header, and its body as far as it can be understood: a frame that is too short or makes no sense is
 * the server's affair, and passes as one without a path.
 */
export function describeRequest(reader: Reader): RequestFrame | undefined {
  if (reader.remaining < 8) return undefined;
  const { xid, type } = requestHeaderCodec.read(reader);
  const operation = opName(type);
  const paths = operation !== undefined && operation in operations ? pathsIn(operation as ClientOperation, reader) : [];
  return {
    kind: "request",
    opcode: type,
    operation,
    xid,
    path: paths.length === 1 ? paths[0] : undefined,
    paths,
  };
}

function pathsIn(operation: ClientOperation, reader: Reader): readonly string[] {
  const codec: Codec<unknown> = operations[operation].request;
  try {
    return pathsOf(codec.read(reader));
  } catch (error) {
    if (error instanceof DecodeError) return [];
    throw error;
  }
}

/** Requests are flat records: a `path`, a list of operations that have one, or the lists of setWatches. */
function pathsOf(request: unknown): readonly string[] {
  if (Array.isArray(request)) return request.flatMap(pathsOf);
  if (typeof request !== "object" || request === null) return [];
  if ("path" in request && typeof request.path === "string") return [request.path];
  return Object.values(request).flatMap((value) =>
    Array.isArray(value) ? value.filter((item) => typeof item === "string") : [],
  );
}
