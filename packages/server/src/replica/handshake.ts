/** What to make of the first frame of a connection. Judges only; nobody is disconnected before a password was checked. */
import { type ConnectRequest, connectRequestCodec, DecodeError, formatZxid, Reader } from "@corral/protocol";
import { sameSecret } from "../state/session-table.ts";
import type { StateMachine } from "../state/state-machine.ts";
import { formatSessionId } from "./connection.ts";

/** The verdict. `refused`: close without a word. `gone`: say that the session is gone, then close. */
export type HandshakeVerdict =
  | { readonly type: "refused"; readonly reason: string }
  | {
      readonly type: "gone";
      readonly reason: string;
      readonly mirrorsReadOnly: boolean;
      /** The session that there is, if only the password was wrong. */
      readonly triedSession?: bigint;
    }
  | { readonly type: "new"; readonly timeoutMs: number; readonly mirrorsReadOnly: boolean }
  | {
      readonly type: "reattach";
      readonly sessionId: bigint;
      readonly timeoutMs: number;
      readonly mirrorsReadOnly: boolean;
    };

/** Between which a session's timeout is, ms. */
export interface SessionTimeouts {
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
}

/** Judges the first frame of a connection. Changes nothing. */
export function judgeHandshake(frame: Buffer, state: StateMachine, timeouts: SessionTimeouts): HandshakeVerdict {
  let request: ConnectRequest;
  try {
    request = connectRequestCodec.read(new Reader(frame));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { type: "refused", reason: `its first frame is no connect request: ${error.message}` };
  }
  if (request.lastZxidSeen > state.lastZxid) {
    const seen = formatZxid(request.lastZxidSeen);
    return {
      type: "refused",
      reason: `the client has seen zxid ${seen}, this server only has ${formatZxid(state.lastZxid)}: was its data directory replaced?`,
    };
  }
  const mirrorsReadOnly = request.readOnly !== undefined;
  const timeoutMs = Math.min(Math.max(request.timeOut, timeouts.minSessionTimeoutMs), timeouts.maxSessionTimeoutMs);
  if (request.sessionId === 0n) return { type: "new", timeoutMs, mirrorsReadOnly };
  const session = state.sessions.get(request.sessionId);
  const name = formatSessionId(request.sessionId);
  if (session === undefined)
    return { type: "gone", reason: `session ${name} does not exist (any more)`, mirrorsReadOnly };
  if (!sameSecret(session.password, request.passwd ?? new Uint8Array(0))) {
    return {
      type: "gone",
      reason: `wrong password for session ${name}`,
      mirrorsReadOnly,
      triedSession: request.sessionId,
    };
  }
  return { type: "reattach", sessionId: request.sessionId, timeoutMs, mirrorsReadOnly };
}
