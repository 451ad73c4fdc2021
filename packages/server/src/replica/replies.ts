/** Replies, events and handshake answers as frames in a connection's output. */
import {
  assertNever,
  type ConnectResponse,
  connectResponseCodec,
  ErrorCode,
  operations,
  SpecialXid,
  WatchEventState,
  type Writer,
  watcherEventCodec,
} from "@corral/protocol";
import type { Outcome } from "../state/operation.ts";
import type { SaslVerdict } from "./sasl.ts";

/** What `replyHeaderCodec` writes, without an object in between: every reply has it. */
export function writeReplyHeader(out: Writer, xid: number, zxid: number, err: number): void {
  out.int(xid);
  out.long(zxid);
  out.int(err);
}

/** A reply without a body: of an error, or of an operation that has none. */
export function writeBareReply(out: Writer, xid: number, zxid: number, err: number): void {
  const mark = out.beginFrame();
  writeReplyHeader(out, xid, zxid, err);
  out.endFrame(mark);
}

/** The reply to a write. */
export function writeOutcome(out: Writer, xid: number, zxid: number, outcome: Outcome): void {
  const mark = out.beginFrame();
  writeReplyHeader(out, xid, zxid, outcome.type === "error" ? outcome.code : 0);
  writeOutcomeBody(out, outcome);
  out.endFrame(mark);
}

function writeOutcomeBody(out: Writer, outcome: Outcome): void {
  switch (outcome.type) {
    case "error":
    case "deleted":
    case "checked":
    case "sessionClosed":
    case "sessionAttached":
    case "restorePartTaken":
      return;
    case "created":
      return operations.create.response.write(out, outcome);
    case "createdWithStat":
      return operations.create2.response.write(out, outcome);
    case "changed":
      return operations.setData.response.write(out, outcome);
    case "multi":
      return operations.multi.response.write(out, outcome.results);
    default:
      assertNever(outcome);
  }
}

/** A watch event. */
export function writeEvent(out: Writer, zxid: number, type: number, path: string): void {
  const mark = out.beginFrame();
  writeReplyHeader(out, SpecialXid.notification, zxid, 0);
  watcherEventCodec.write(out, { type, state: WatchEventState.syncConnected, path });
  out.endFrame(mark);
}

/** The answer to a handshake. `readOnly` is left out for clients that did not send theirs. */
export function writeConnectResponse(
  out: Writer,
  response: Pick<ConnectResponse, "timeOut" | "sessionId" | "passwd">,
  mirrorsReadOnly: boolean,
): void {
  const mark = out.beginFrame();
  const readOnly = mirrorsReadOnly ? false : undefined;
  connectResponseCodec.write(out, { protocolVersion: 0, ...response, readOnly });
  out.endFrame(mark);
}

/** The answer that tells a client that its session is gone: every field zero, for each client looks at another one. */
export const goneSession = { timeOut: 0, sessionId: 0n, passwd: new Uint8Array(16) } as const;

/**
 * A reply of a SASL exchange; like those to auth, it shows no zxid. One that refuses has a body as well, which no other error has: Java's
 * client reads the token before it looks at the code, and would come back for ever.
 */
export function writeSaslReply(out: Writer, xid: number, verdict: SaslVerdict): void {
  const isRefused = "failure" in verdict;
  const mark = out.beginFrame();
  writeReplyHeader(out, xid, 0, isRefused ? ErrorCode.AuthFailed : ErrorCode.Ok);
  operations.sasl.response.write(out, { token: isRefused ? null : verdict.token });
  out.endFrame(mark);
}
