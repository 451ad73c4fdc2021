/**
 * The tree of errors, derived from one table over the protocol's error codes. What an operation can come to is in the
 * class and in `code`; whether trying again can help is a mark that `isRecoverable` reads. Both marks are registered
 * symbols, so that errors are recognised across several copies of this package.
 */
import { type ErrorName, errorName } from "@corral/protocol";

/** What `CoordinationError.code` can be: the protocol's names, and some of the client's own making. */
export type CoordinationCode =
  | Exclude<ErrorName, "Ok">
  | "ClientClosed"
  | "ConnectTimeout"
  | "GrantLost"
  | "NotTrusted"
  | "WaitTimeout";

interface ErrorKind {
  /** What happened, as the end of a sentence. */
  readonly what: string;
  /** What to do about it. */
  readonly remedy: string;
  /** Whether the same call may succeed when it is made again, on the same session. */
  readonly recoverable?: true;
}

const unexpected = "This points to a fault on the server: see its log.";

/** The table. A code that is missing here does not compile. */
const kinds: Readonly<Record<CoordinationCode, ErrorKind>> = {
  SystemError: {
    what: "the server could not do it",
    remedy:
      "It may take no writes because its disk is full or nearly so, or have failed: its log and its admin port's /health say which.",
  },
  RuntimeInconsistency: {
    what: "it was not tried, because another operation of the transaction failed",
    remedy: "Look at the operation that failed first.",
  },
  DataInconsistency: { what: "the server found its data inconsistent", remedy: unexpected },
  ConnectionLoss: {
    what: "the connection broke before the answer came, so the outcome is unknown",
    remedy: "A read can simply be repeated; before a write is repeated, find out whether it happened.",
    recoverable: true,
  },
  MarshallingError: {
    what: "one side could not decode what the other sent",
    remedy:
      "Check that client and server speak the same protocol version; for a write, also that the texts of a quota above the node, in " +
      "/zookeeper/quota, can be read.",
  },
  Unimplemented: {
    what: "the server does not have this operation, or it is switched off",
    remedy: "Use a newer server, or enable the feature there.",
  },
  OperationTimeout: {
    what: "there was no answer in time",
    remedy: "Try again, or allow more time.",
    recoverable: true,
  },
  BadArguments: { what: "an argument is not valid", remedy: "Correct the argument." },
  UnknownSession: { what: "the server does not know the session", remedy: unexpected },
  NewConfigNoQuorum: {
    what: "no quorum of the new configuration is connected and in sync",
    remedy: "Start the new members first, then try again.",
  },
  ReconfigInProgress: { what: "another reconfiguration is running", remedy: "Try again when it is done." },
  ApiError: { what: "the server refused the request", remedy: unexpected },
  NoNode: { what: "there is no such node", remedy: "Create the node, or its missing parent, first." },
  NoAuth: {
    what: "the node's access control list does not allow it",
    remedy: "Call addAuth() with an identity that has the permission.",
  },
  BadVersion: {
    what: "the node has another version",
    remedy: "Somebody changed it: read it again, decide again, and use the version just read.",
  },
  NoChildrenForEphemerals: {
    what: "the parent is ephemeral, and ephemeral nodes cannot have children",
    remedy: "Create it under a persistent node.",
  },
  NodeExists: {
    what: "the node exists already",
    remedy: "Use set() to change it, a sequential mode for a fresh name, or treat it as done.",
  },
  NotEmpty: { what: "the node has children", remedy: "Delete its children first." },
  SessionExpired: {
    what: "the session is over, and its ephemeral nodes and watches with it",
    remedy: "The client makes a new session by itself: set up again what belonged to the old one.",
  },
  InvalidCallback: { what: "the callback is not valid", remedy: "Correct the argument." },
  InvalidAcl: {
    what: "the access control list is not valid",
    remedy: "Give at least one entry, with a scheme that the server knows and an id of that scheme.",
  },
  AuthFailed: {
    what: "the server refused the credentials",
    remedy: "Check the scheme and the credentials. They are forgotten, so that the client can go on without them.",
  },
  SessionMoved: {
    what: "the session has moved to another connection",
    remedy: "Try again; the client reconnects by itself.",
    recoverable: true,
  },
  NotReadOnly: {
    what: "the server is read-only at the moment",
    remedy: "Try again when the ensemble has a quorum.",
    recoverable: true,
  },
  EphemeralOnLocalSession: {
    what: "the session is local to one server and cannot own ephemeral nodes",
    remedy: "Enable session upgrading on the server.",
  },
  NoWatcher: { what: "there is no such watch", remedy: "Nothing is left to remove." },
  RequestTimeout: {
    what: "there was no answer in time, so the outcome is unknown",
    remedy: "Find out what happened before repeating a write.",
    recoverable: true,
  },
  ReconfigDisabled: { what: "reconfiguration is switched off", remedy: "Enable it on the server." },
  SessionClosedRequireSaslAuth: {
    what: "the server demands authentication from every client",
    remedy: "Authenticate with a scheme that it accepts.",
  },
  QuotaExceeded: { what: "a quota would be exceeded", remedy: "Delete something, or raise the quota." },
  ThrottledOp: {
    what: "there are too many requests waiting",
    remedy: "Send fewer at a time, and try again later.",
    recoverable: true,
  },
  ClientClosed: { what: "the client is closed", remedy: "Connect a new one." },
  ConnectTimeout: {
    what: "no server could be reached in time",
    remedy: "Check that a server is running and that the address is right.",
    recoverable: true,
  },
  NotTrusted: {
    what: "a certificate is not trusted",
    remedy: "Check the certificates of both sides, and the authorities that each trusts.",
  },
  GrantLost: { what: "it is not held any more", remedy: "Stop acting on it, and acquire it again." },
  WaitTimeout: {
    what: "it did not come in time",
    remedy: "Allow more time, or see with explain() who is in the way.",
  },
};

const codeMark = Symbol.for("corral.error.code");
const recoverableMark = Symbol.for("corral.error.recoverable");
const transactionMark = Symbol.for("corral.error.transaction");

/** What an error is about; all of it goes into the message. */
export interface ErrorContext {
  /** What was tried: `set`, `create`, … */
  readonly operation?: string;
  /** On which path, as the caller wrote it. */
  readonly path?: string | undefined;
  /** More about it, for the message. */
  readonly detail?: string | undefined;
  /** With BadVersion: which version was expected, and which there is, as far as that is known. */
  readonly expectedVersion?: number | undefined;
  readonly actualVersion?: number | undefined;
  /** What to do, where it is known better than the table knows it. */
  readonly remedy?: string;
  readonly cause?: unknown;
}

/**
 * What went wrong in an operation on the tree. `code` says what, `path` on which node (as the caller wrote it, without
 * the chroot), the message what to do. Ask with `isCoordinationError(error, "NoNode")`, which also works when two copies
 * of this package are installed, or with `instanceof`.
 */
export class CoordinationError<C extends CoordinationCode = CoordinationCode> extends Error {
  readonly code: C;
  declare readonly path?: string;

  /** `text`: the message, where it is more than code and context tell. */
  constructor(code: C, context: ErrorContext = {}, text = message(code, context)) {
    super(text, context.cause === undefined ? undefined : { cause: context.cause });
    this.code = code;
    if (context.path !== undefined) this.path = context.path;
    Object.defineProperty(this, codeMark, { value: code });
    Object.defineProperty(this, recoverableMark, { value: kinds[code].recoverable === true });
  }

  static {
    Object.defineProperty(CoordinationError.prototype, "name", { value: "CoordinationError", configurable: true });
  }
}

function message(code: CoordinationCode, context: ErrorContext): string {
  const { what, remedy } = kinds[code];
  const subject = [context.operation, context.path].filter((part) => part !== undefined).join(" ");
  const told = [code === "BadArguments" && context.detail !== undefined ? context.detail : what];
  if (context.detail !== undefined && told[0] !== context.detail) told.push(`(${context.detail})`);
  return `${subject === "" ? "" : `${subject}: `}${told.join(" ")}. ${context.remedy ?? remedy}`;
}

/** The name of the class of errors with `code`: the code and `Error`, once. */
function className(code: CoordinationCode): string {
  return code.endsWith("Error") ? code : `${code}Error`;
}

/** The class of the errors with one code. */
export interface CoordinationErrorClass<C extends CoordinationCode> {
  new (context?: ErrorContext): CoordinationError<C>;
  readonly prototype: CoordinationError<C>;
}

const classes = new Map<CoordinationCode, new (context?: ErrorContext) => CoordinationError>();

function errorClass<C extends CoordinationCode>(code: C): CoordinationErrorClass<C> {
  const made = class extends CoordinationError<C> {
    constructor(context?: ErrorContext) {
      super(code, context);
    }
  };
  const name = className(code);
  Object.defineProperty(made, "name", { value: name });
  Object.defineProperty(made.prototype, "name", { value: name, configurable: true });
  classes.set(code, made);
  return made;
}

/** There is no such node. */
export const NoNodeError = errorClass("NoNode");
/** An error of that class. */
export type NoNodeError = CoordinationError<"NoNode">;
/** The node exists already. */
export const NodeExistsError = errorClass("NodeExists");
/** An error of that class. */
export type NodeExistsError = CoordinationError<"NodeExists">;
/** The node has another version than the caller expected. */
export class BadVersionError extends CoordinationError<"BadVersion"> {
  /** What the caller expected, if that is known here. */
  declare readonly expectedVersion?: number;
  /**
   * What the node has, as read right after the refusal: of set, setAcl and delete, unless the node could not be read or
   * was changed once more. Of a transaction it is not known.
   */
  declare readonly actualVersion?: number;

  constructor(context: ErrorContext = {}) {
    const { expectedVersion, actualVersion } = context;
    const told = actualVersion === undefined ? undefined : `it has version ${actualVersion}`;
    const detail = [context.detail, told].filter((part) => part !== undefined).join("; ");
    super("BadVersion", detail === "" ? context : { ...context, detail });
    if (expectedVersion !== undefined) this.expectedVersion = expectedVersion;
    if (actualVersion !== undefined) this.actualVersion = actualVersion;
  }

  static {
    Object.defineProperty(BadVersionError.prototype, "name", { value: "BadVersionError", configurable: true });
    classes.set("BadVersion", BadVersionError);
  }
}
/** The node has children, so it cannot be deleted. */
export const NotEmptyError = errorClass("NotEmpty");
/** An error of that class. */
export type NotEmptyError = CoordinationError<"NotEmpty">;
/** The node's access control list does not allow the operation. */
export const NoAuthError = errorClass("NoAuth");
/** An error of that class. */
export type NoAuthError = CoordinationError<"NoAuth">;
/** The parent is ephemeral. */
export const NoChildrenForEphemeralsError = errorClass("NoChildrenForEphemerals");
/** An error of that class. */
export type NoChildrenForEphemeralsError = CoordinationError<"NoChildrenForEphemerals">;
/** The access control list is empty or makes no sense. */
export const InvalidAclError = errorClass("InvalidAcl");
/** An error of that class. */
export type InvalidAclError = CoordinationError<"InvalidAcl">;
/** A path, version, mode, size or option is not valid. Mostly found here, before anything is sent. */
export const BadArgumentsError = errorClass("BadArguments");
/** An error of that class. */
export type BadArgumentsError = CoordinationError<"BadArguments">;
/** The server refused the credentials given to addAuth(); from connect(): those of `sasl`. */
export const AuthFailedError = errorClass("AuthFailed");
/** An error of that class. */
export type AuthFailedError = CoordinationError<"AuthFailed">;
/** From connect(): no server could be talked to, because a certificate is not trusted, the server's or the client's. */
export const NotTrustedError = errorClass("NotTrusted");
/** An error of that class. */
export type NotTrustedError = CoordinationError<"NotTrusted">;
/** The connection broke between request and answer: the outcome of a write is unknown. Recoverable. */
export const ConnectionLossError = errorClass("ConnectionLoss");
/** An error of that class. */
export type ConnectionLossError = CoordinationError<"ConnectionLoss">;
/** The session ended before the request was sent. The request has not happened. */
export const SessionExpiredError = errorClass("SessionExpired");
/** An error of that class. */
export type SessionExpiredError = CoordinationError<"SessionExpired">;
/** The client was closed before the request was sent. */
export const ClientClosedError = errorClass("ClientClosed");
/** An error of that class. */
export type ClientClosedError = CoordinationError<"ClientClosed">;
/** The server does not have the operation, or it is switched off. */
export const UnimplementedError = errorClass("Unimplemented");
/** An error of that class. */
export type UnimplementedError = CoordinationError<"Unimplemented">;
/** The session has moved to another connection. Recoverable. */
export const SessionMovedError = errorClass("SessionMoved");
/** An error of that class. */
export type SessionMovedError = CoordinationError<"SessionMoved">;
/** Too many requests are waiting. Recoverable. */
export const ThrottledOpError = errorClass("ThrottledOp");
/** An error of that class. */
export type ThrottledOpError = CoordinationError<"ThrottledOp">;
/** One side could not decode what the other sent. */
export const MarshallingError = errorClass("MarshallingError");
/** An error of that class. */
export type MarshallingError = CoordinationError<"MarshallingError">;
/** A hard quota would be exceeded. */
export const QuotaExceededError = errorClass("QuotaExceeded");
/** An error of that class. */
export type QuotaExceededError = CoordinationError<"QuotaExceeded">;
/** The server takes no writes at the moment. Recoverable. */
export const NotReadOnlyError = errorClass("NotReadOnly");
/** An error of that class. */
export type NotReadOnlyError = CoordinationError<"NotReadOnly">;

/** The error for `code`, of its own class where it has one. */
export function makeError(code: CoordinationCode, context: ErrorContext): CoordinationError {
  const Made = classes.get(code) ?? errorClass(code);
  return new Made(context);
}

/** The error for a number that a server answered. Unknown numbers are taken for failures of the server. */
export function errorFromWire(err: number, context: ErrorContext): CoordinationError {
  const name = errorName(err);
  if (name !== undefined && name !== "Ok") return makeError(name, context);
  return makeError("SystemError", { ...context, detail: `error code ${err}, which this client does not know` });
}

/** The operations of a transaction. */
export type TransactionOperationName = "check" | "create" | "set" | "delete";

/** A transaction of which nothing happened, because one operation failed. `code` is that operation's. */
export class TransactionError extends CoordinationError {
  /** Which operation failed first, counted from 0. */
  readonly index: number;
  readonly operation: TransactionOperationName;

  /** `cause` is the error that the operation would have had on its own. */
  constructor(index: number, operation: TransactionOperationName, cause: CoordinationError) {
    super(cause.code, {
      operation: `transaction, operation ${index}: ${operation}`,
      path: cause.path,
      detail: "so nothing of the transaction happened",
      cause,
    });
    this.index = index;
    this.operation = operation;
    Object.defineProperty(this, transactionMark, { value: true });
  }

  static {
    Object.defineProperty(TransactionError.prototype, "name", { value: "TransactionError", configurable: true });
  }
}

/** Why one host could not be used. */
export interface HostDiagnosis {
  /** `host:port`. */
  readonly host: string;
  /** What happened there last, in words. */
  readonly reason: string;
  readonly cause?: Error;
  /** What to do about it, where one side's certificate is not trusted or the credentials are refused. */
  readonly remedy?: string;
  /**
   * Trying again does not mend it, and why: the certificate of one side is not trusted, or the credentials are refused.
   * Absent where the name has several addresses, behind which may be other servers.
   */
  readonly final?: "NotTrusted" | "AuthFailed";
}

/**
 * The error of `connect()` when trying again is of no use, because every host has failed for good; otherwise `undefined`.
 * Of several reasons the first host's is told first.
 */
export function finalError(connectString: string, hosts: readonly HostDiagnosis[]): CoordinationError | undefined {
  const [first] = hosts;
  if (first?.final === undefined || hosts.some(({ final }) => final === undefined)) return undefined;
  return makeError(first.final, {
    operation: `connect to ${connectString}`,
    detail: formatDiagnosis(hosts),
    cause: first.cause,
    ...remedyOf(hosts),
  });
}

/** The first host's remedy, if all have one: otherwise some may just not be there. */
function remedyOf(hosts: readonly HostDiagnosis[]): Pick<ErrorContext, "remedy"> {
  const remedies = hosts.flatMap(({ remedy = [] }) => remedy);
  return remedies[0] === undefined || remedies.length < hosts.length ? {} : { remedy: remedies[0] };
}

/** What happened at each host, as a part of a message. */
export function formatDiagnosis(hosts: readonly HostDiagnosis[]): string {
  return hosts.map(({ host, reason }) => `${host}: ${reason}`).join("; ");
}

/** `connect()` found no server in time. `hosts` tells what happened at each. */
export class ConnectTimeoutError extends CoordinationError<"ConnectTimeout"> {
  readonly hosts: readonly HostDiagnosis[];

  constructor(connectString: string, timeoutMs: number, hosts: readonly HostDiagnosis[]) {
    const causes = hosts.flatMap(({ cause }) => (cause === undefined ? [] : [cause]));
    super("ConnectTimeout", {
      operation: `connect to ${connectString} within ${timeoutMs} ms`,
      detail: formatDiagnosis(hosts),
      cause: causes.length > 1 ? new AggregateError(causes, "one cause per host") : causes[0],
      ...remedyOf(hosts),
    });
    this.hosts = hosts;
  }

  static {
    Object.defineProperty(ConnectTimeoutError.prototype, "name", { value: "ConnectTimeoutError", configurable: true });
  }
}

/**
 * Whether the same call may succeed when it is made again: the connection broke, the session moved, the server was busy.
 * For a write, find out first what the first call came to.
 */
export function isRecoverable(error: unknown): boolean {
  return read(error, recoverableMark) === true;
}

/** Whether `error` is a CoordinationError (of any copy of this package), with code `name` if one is given. */
export function isCoordinationError<C extends CoordinationCode = CoordinationCode>(
  error: unknown,
  name?: C,
): error is CoordinationError<C> {
  const code = read(error, codeMark);
  return name === undefined ? code !== undefined : code === name;
}

/** Whether `error` says that a node has another version than was expected, of whatever copy of the package it is. */
export function isBadVersionError(error: unknown): error is BadVersionError {
  return isCoordinationError(error, "BadVersion") && !isTransactionError(error);
}

/** Whether `error` says that a transaction failed, of whatever copy of the package it is; its `code` says why. */
export function isTransactionError(error: unknown): error is TransactionError {
  return read(error, transactionMark) === true;
}

/** Whether `error` says that no server was found in time, of whatever copy of the package it is. */
export function isConnectTimeoutError(error: unknown): error is ConnectTimeoutError {
  return isCoordinationError(error, "ConnectTimeout");
}

function read(error: unknown, mark: symbol): unknown {
  return typeof error === "object" && error !== null ? Reflect.get(error, mark) : undefined;
}
