/** Requests of one client: encoded, sent, and their outcome turned into a response or an error. */
import { formatAddress } from "@corral/io";
import { type ClientOperation, DecodeError, ErrorCode, type RequestOf, type ResponseOf } from "@corral/protocol";
import type { Chroot } from "./chroot.ts";
import { decodeResponse, encodeRequest } from "./connection.ts";
import {
  BadArgumentsError,
  ClientClosedError,
  ConnectionLossError,
  type ErrorContext,
  errorFromWire,
  formatDiagnosis,
  MarshallingError,
  SessionExpiredError,
  ThrottledOpError,
} from "./errors.ts";
import { describeFailure } from "./host-rotation.ts";
import type { CallOptions } from "./options.ts";
import type { Outcome, Session } from "./session.ts";
import type { RequestFailure, WatchIntent } from "./session-types.ts";

/** What an operation is, for its error message. */
export interface About {
  readonly operation: string;
  readonly path: string | undefined;
  readonly detail?: string | undefined;
  readonly expectedVersion?: number | undefined;
}

/** Sends requests in one session. Paths are the server's; those in `About` are the caller's. */
export class Requests {
  readonly #session: Session;
  readonly #chroot: Chroot;
  readonly #requestBytesMax: number;

  constructor(session: Session, chroot: Chroot, requestBytesMax: number) {
    this.#session = session;
    this.#chroot = chroot;
    this.#requestBytesMax = requestBytesMax;
  }

  /** Sends a request and gives its response, or throws. */
  async send<O extends ClientOperation>(
    operation: O,
    request: RequestOf<O>,
    about: About,
    options: CallOptions,
    watch?: WatchIntent,
  ): Promise<ResponseOf<O>> {
    return this.response(operation, await this.call(operation, request, about, options, watch), about);
  }

  /** Sends a request and gives what became of it. Rejects only for what cannot be sent at all. */
  async call<O extends ClientOperation>(
    operation: O,
    request: RequestOf<O>,
    about: About,
    { signal }: CallOptions,
    watch?: WatchIntent,
  ): Promise<Outcome> {
    const frame = encodeRequest(operation, request);
    const length = frame.length - 4;
    if (length > this.#requestBytesMax) {
      throw new BadArgumentsError({
        operation: about.operation,
        path: about.path,
        detail: `the request is ${length} bytes long, ${this.#requestBytesMax} are allowed`,
        remedy: "Store less in one node, or raise the server's limit and requestBytesMax with it.",
      });
    }
    const path = "path" in request && typeof request.path === "string" ? request.path : "";
    return await this.#session.call({ operation, path, frame, watch, signal });
  }

  /** The response in an outcome, or an error thrown. */
  response<O extends ClientOperation>(operation: O, outcome: Outcome, about: About): ResponseOf<O> {
    switch (outcome.type) {
      case "aborted":
        throw outcome.reason;
      case "failure":
        throw failureError(outcome.failure, about, this.#session);
      case "answer":
        if (outcome.err !== ErrorCode.Ok) throw errorFromWire(outcome.err, this.#inChroot(outcome.err, about));
        try {
          return decodeResponse(operation, outcome.body);
        } catch (cause) {
          if (cause instanceof DecodeError) throw new MarshallingError({ ...about, detail: cause.message, cause });
          throw cause;
        }
    }
  }

  /** A missing chroot looks like a missing parent, so the message says which tree was meant. */
  #inChroot(err: number, about: About): ErrorContext {
    if (err !== ErrorCode.NoNode || this.#chroot.prefix === "") return about;
    return {
      ...about,
      detail: `below the chroot ${this.#chroot.prefix}`,
    };
  }
}

/** Why a request has no answer, as an error. */
function failureError(failure: RequestFailure, about: About, session: Session): Error {
  switch (failure.kind) {
    case "connectionLoss": {
      const cause = "error" in failure.failure ? failure.failure.error : undefined;
      const detail = `${formatAddress(failure.host)}: ${describeFailure(failure.failure)}`;
      return new ConnectionLossError({ ...about, detail, cause });
    }
    case "sessionExpired":
      return new SessionExpiredError({
        ...about,
        detail: `the request was still waiting and has not been sent; ${formatDiagnosis(session.diagnosis)}`,
      });
    case "closed":
      return new ClientClosedError({ ...about, detail: undefined });
    case "answerTooLong":
      return new MarshallingError({
        ...about,
        detail: `the answer has ${failure.bytes} bytes, ${session.responseBytesMax} are allowed`,
        remedy: "Spread the children over several nodes, or raise responseBytesMax.",
      });
    case "tooMany":
      return new ThrottledOpError({ ...about, detail: failure.what });
  }
}
