/**
 * The one table of error codes. Everything that names, groups or explains a code derives from it: the server's replies,
 * the client's error classes, the documentation.
 */

/** Every code that can stand in a reply header or be made by a client. Never invent codes: old Java clients throw on unknown ones. */
export const ErrorCode = {
  Ok: 0,
  SystemError: -1,
  RuntimeInconsistency: -2,
  DataInconsistency: -3,
  ConnectionLoss: -4,
  MarshallingError: -5,
  Unimplemented: -6,
  OperationTimeout: -7,
  BadArguments: -8,
  UnknownSession: -12,
  NewConfigNoQuorum: -13,
  ReconfigInProgress: -14,
  ApiError: -100,
  NoNode: -101,
  NoAuth: -102,
  BadVersion: -103,
  NoChildrenForEphemerals: -108,
  NodeExists: -110,
  NotEmpty: -111,
  SessionExpired: -112,
  InvalidCallback: -113,
  InvalidAcl: -114,
  AuthFailed: -115,
  SessionMoved: -118,
  NotReadOnly: -119,
  EphemeralOnLocalSession: -120,
  NoWatcher: -121,
  RequestTimeout: -122,
  ReconfigDisabled: -123,
  SessionClosedRequireSaslAuth: -124,
  QuotaExceeded: -125,
  ThrottledOp: -127,
} as const;

/** The name of an error code, as ZooKeeper's documentation has it. */
export type ErrorName = keyof typeof ErrorCode;
/** One of the known error codes. */
export type ErrorCode = (typeof ErrorCode)[ErrorName];

const names = new Map<number, ErrorName>(Object.entries(ErrorCode).map(([name, code]) => [code, name as ErrorName]));

/** The name of `code`, or `undefined` for a code nobody has defined. */
export function errorName(code: number): ErrorName | undefined {
  return names.get(code);
}
