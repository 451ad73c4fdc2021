/** What to do about a refusal, in flags and variables: the client's own errors speak of its methods. */
import { CoordinationError, isCoordinationError } from "@corral/client";

/** From how many bytes of data on a server with the usual limit, 1 MiB, may not take it in one request. */
const largeBytes = 1_000_000;

const anyVerb: Readonly<Record<string, string>> = {
  NotEmpty: "Delete its children first, or give --recursive.",
  NoAuth: "Show an identity that has the permission: CORRAL_AUTH=digest:user:password, for example.",
};

const ofVerb: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  create: {
    NodeExists: "Change it with corral set, or give --sequential for a name of its own.",
    NoNode: "Its parent is missing: create that first, or give --parents.",
  },
  set: { NoNode: "Create it with corral create, or give --create." },
};

/** What ended `verb`, with a remedy of the command's where it has one. `dataBytes`: what was to be written, if anything was. */
export function withHint(error: unknown, verb: string, dataBytes = 0): unknown {
  if (!isCoordinationError(error)) return error;
  const { code, path } = error;
  const context = { operation: verb, path, cause: error };
  if (code === "ConnectionLoss" && dataBytes > largeBytes) {
    const detail = `it sent ${dataBytes} bytes of data`;
    const remedy =
      "Servers close the connection when a request is longer than they allow: by default 1 MiB, with all that belongs to it " +
      "(limits.maxFrameBytes, or jute.maxbuffer of Apache ZooKeeper).";
    return new CoordinationError(code, { ...context, detail, remedy });
  }
  const remedy = ofVerb[verb]?.[code] ?? anyVerb[code];
  return remedy === undefined ? error : new CoordinationError(code, { ...context, remedy });
}

/** A message of the client's with the flag instead of the option that it names. */
export function inFlags(message: string): string {
  return message.replace(/\brequestBytesMax\b/, "--request-bytes");
}
