/** What to do about a refusal, in flags and variables: the client's own errors speak of its methods. */
import { type Acl, CoordinationError, isCoordinationError } from "@corral/client";
import { aclLines } from "./show.ts";

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

/** What was to be written, if anything was. */
export interface Written {
  readonly dataBytes?: number;
  readonly acl?: readonly Acl[] | undefined;
}

/** What ended `verb`, under its name, and with a remedy of the command's where it has one. */
export function withHint(error: unknown, verb: string, { dataBytes = 0, acl = [] }: Written = {}): unknown {
  if (!isCoordinationError(error)) return error;
  const { code, path } = error;
  const context = { operation: verb, path, cause: error };
  // Which entry it is, no server says.
  if (code === "InvalidAcl" && acl.length > 0)
    return new CoordinationError(code, { ...context, detail: aclLines(acl).join("; ") });
  if (code === "ConnectionLoss" && dataBytes > largeBytes) {
    const detail = `it sent ${dataBytes} bytes of data`;
    const remedy =
      "Servers close the connection when a request is longer than they allow: by default 1 MiB, with all that belongs to it " +
      "(limits.maxFrameBytes, or jute.maxbuffer of Apache ZooKeeper).";
    return new CoordinationError(code, { ...context, detail, remedy });
  }
  const remedy = ofVerb[verb]?.[code] ?? anyVerb[code];
  return remedy === undefined ? underName(error, verb) : new CoordinationError(code, { ...context, remedy });
}

/** The client's methods have other names than the verbs. */
function underName(error: CoordinationError, verb: string): CoordinationError {
  const { code, path, message } = error;
  const [, rest] = /^\w+( .*)$/s.exec(message) ?? [];
  if (path === undefined || !rest?.startsWith(` ${path}: `)) return error;
  return new CoordinationError(code, { path, cause: error }, `${verb}${rest}`);
}

/** A message of the client's with the flag instead of the option that it names. */
export function inFlags(message: string): string {
  return message.replace(/\brequestBytesMax\b/, "--request-bytes");
}
