/**
 * multi and multiRead: a list of operations in one request, without a count:
 * `repeat { MultiHeader; record }` ended by `MultiHeader { -1, true, -1 }`.
 */
import { assertNever } from "./assert.ts";
import type { Codec } from "./codec.ts";
import { DecodeError } from "./decode-error.ts";
import { OpCode } from "./opcodes.ts";
import type { Reader } from "./reader.ts";
import {
  type CheckVersionRequest,
  type CreateRequest,
  type CreateTtlRequest,
  checkVersionRequestCodec,
  createRequestCodec,
  createTtlRequestCodec,
  type DeleteRequest,
  deleteRequestCodec,
  type GetChildrenRequest,
  type GetDataRequest,
  getChildrenRequestCodec,
  getDataRequestCodec,
  type SetDataRequest,
  setDataRequestCodec,
} from "./records/requests.ts";
import {
  type Create2Response,
  type CreateResponse,
  create2ResponseCodec,
  createResponseCodec,
  type ErrorResponse,
  errorResponseCodec,
  type GetChildrenResponse,
  type GetDataResponse,
  getChildrenResponseCodec,
  getDataResponseCodec,
  type SetDataResponse,
  setDataResponseCodec,
} from "./records/responses.ts";
import type { Writer } from "./writer.ts";

/** What stands before each operation and each result, and, with `done`, at the end. */
export interface MultiHeader {
  readonly type: number;
  readonly done: boolean;
  readonly err: number;
}

/** class MultiHeader { int type; boolean done; int err; } */
export const multiHeaderCodec: Codec<MultiHeader> = {
  write(w, v) {
    w.int(v.type);
    w.bool(v.done);
    w.int(v.err);
  },
  read: (r) => ({ type: r.int(), done: r.bool(), err: r.int() }),
};

/** One operation of a multi: all of it happens, or nothing. */
export type MultiOperation =
  | ({ readonly type: typeof OpCode.create } & CreateRequest)
  | ({ readonly type: typeof OpCode.create2 } & CreateRequest)
  | ({ readonly type: typeof OpCode.createContainer } & CreateRequest)
  | ({ readonly type: typeof OpCode.createTTL } & CreateTtlRequest)
  | ({ readonly type: typeof OpCode.delete } & DeleteRequest)
  | ({ readonly type: typeof OpCode.setData } & SetDataRequest)
  | ({ readonly type: typeof OpCode.check } & CheckVersionRequest);

/** One operation of a multiRead; each fails or succeeds alone. */
export type MultiReadOperation =
  | ({ readonly type: typeof OpCode.getData } & GetDataRequest)
  | ({ readonly type: typeof OpCode.getChildren } & GetChildrenRequest);

/** One result of a multi or multiRead. `error` with err 0 stands before the operation that failed, −2 after it. */
export type MultiResult =
  | ({ readonly type: typeof OpCode.create } & CreateResponse)
  | ({ readonly type: typeof OpCode.create2 } & Create2Response)
  | { readonly type: typeof OpCode.delete }
  | ({ readonly type: typeof OpCode.setData } & SetDataResponse)
  | { readonly type: typeof OpCode.check }
  | ({ readonly type: typeof OpCode.getData } & GetDataResponse)
  | ({ readonly type: typeof OpCode.getChildren } & GetChildrenResponse)
  | ({ readonly type: typeof OpCode.error } & ErrorResponse);

function writeTerminator(w: Writer): void {
  multiHeaderCodec.write(w, { type: -1, done: true, err: -1 });
}

function readList<T>(r: Reader, readItem: (header: MultiHeader) => T): T[] {
  const items: T[] = [];
  for (;;) {
    const header = multiHeaderCodec.read(r);
    if (header.done) return items;
    items.push(readItem(header));
  }
}

/** The operations of a multi, in order. */
export const multiRequestCodec: Codec<readonly MultiOperation[]> = {
  write(w, operations) {
    for (const operation of operations) {
      multiHeaderCodec.write(w, { type: operation.type, done: false, err: -1 });
      writeOperation(w, operation);
    }
    writeTerminator(w);
  },
  read: (r) => readList(r, (header) => readOperation(r, header.type)),
};

function writeOperation(w: Writer, operation: MultiOperation): void {
  switch (operation.type) {
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
      return createRequestCodec.write(w, operation);
    case OpCode.createTTL:
      return createTtlRequestCodec.write(w, operation);
    case OpCode.delete:
      return deleteRequestCodec.write(w, operation);
    case OpCode.setData:
      return setDataRequestCodec.write(w, operation);
    case OpCode.check:
      return checkVersionRequestCodec.write(w, operation);
    default:
      assertNever(operation);
  }
}

function readOperation(r: Reader, type: number): MultiOperation {
  switch (type) {
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
      return { type, ...createRequestCodec.read(r) };
    case OpCode.createTTL:
      return { type, ...createTtlRequestCodec.read(r) };
    case OpCode.delete:
      return { type, ...deleteRequestCodec.read(r) };
    case OpCode.setData:
      // By itself it may come without a path, and is then refused. Here it cannot.
      return { type, path: r.requiredString(), data: r.buffer(), version: r.int() };
    case OpCode.check:
      return { type, ...checkVersionRequestCodec.read(r) };
    default:
      throw new DecodeError(`operation ${type} cannot stand in a multi`, r.offset);
  }
}

/** The operations of a multiRead, in order. */
export const multiReadRequestCodec: Codec<readonly MultiReadOperation[]> = {
  write(w, operations) {
    for (const operation of operations) {
      multiHeaderCodec.write(w, { type: operation.type, done: false, err: -1 });
      if (operation.type === OpCode.getData) getDataRequestCodec.write(w, operation);
      else getChildrenRequestCodec.write(w, operation);
    }
    writeTerminator(w);
  },
  read: (r) =>
    readList(r, ({ type }): MultiReadOperation => {
      if (type === OpCode.getData) return { type, ...getDataRequestCodec.read(r) };
      if (type === OpCode.getChildren) return { type, ...getChildrenRequestCodec.read(r) };
      throw new DecodeError(`operation ${type} cannot stand in a multiRead`, r.offset);
    }),
};

/** The results of a multi or a multiRead, one an operation, in order. */
export const multiResponseCodec: Codec<readonly MultiResult[]> = {
  write(w, results) {
    for (const result of results) {
      multiHeaderCodec.write(w, {
        type: result.type,
        done: false,
        err: result.type === OpCode.error ? result.err : 0,
      });
      writeResult(w, result);
    }
    writeTerminator(w);
  },
  read: (r) => readList(r, (header) => readResult(r, header.type)),
};

function writeResult(w: Writer, result: MultiResult): void {
  switch (result.type) {
    case OpCode.create:
      return createResponseCodec.write(w, result);
    case OpCode.create2:
      return create2ResponseCodec.write(w, result);
    case OpCode.delete:
    case OpCode.check:
      return;
    case OpCode.setData:
      return setDataResponseCodec.write(w, result);
    case OpCode.getData:
      return getDataResponseCodec.write(w, result);
    case OpCode.getChildren:
      return getChildrenResponseCodec.write(w, result);
    case OpCode.error:
      return errorResponseCodec.write(w, result);
    default:
      assertNever(result);
  }
}

function readResult(r: Reader, type: number): MultiResult {
  switch (type) {
    case OpCode.create:
      return { type, ...createResponseCodec.read(r) };
    case OpCode.create2:
      return { type, ...create2ResponseCodec.read(r) };
    case OpCode.delete:
    case OpCode.check:
      return { type };
    case OpCode.setData:
      return { type, ...setDataResponseCodec.read(r) };
    case OpCode.getData:
      return { type, ...getDataResponseCodec.read(r) };
    case OpCode.getChildren:
      return { type, ...getChildrenResponseCodec.read(r) };
    case OpCode.error:
      return { type, ...errorResponseCodec.read(r) };
    default:
      throw new DecodeError(`result of unknown type ${type} in a multi`, r.offset);
  }
}
