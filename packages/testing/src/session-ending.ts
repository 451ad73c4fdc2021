/**
 * Ends somebody's session from a connection of its own, as Curator's KillSession does: takes it up with its id and
 * password, which makes the server drop the connection that had it, and closes it.
 *
 * Whose session it was comes back at once and may take it up again in between; then the server drops us, and we try again.
 */
import type { Address, ByteStream, Clock, Dialer } from "@corral/io";
import {
  connectRequestCodec,
  connectResponseCodec,
  ErrorCode,
  FrameDecoder,
  OpCode,
  Reader,
  replyHeaderCodec,
  requestHeaderCodec,
  Writer,
} from "@corral/protocol";

/** What is needed. */
export interface SessionEnding {
  readonly hosts: readonly Address[];
  readonly sessionId: bigint;
  readonly password: Uint8Array;
  /** After which to give up, ms. */
  readonly timeoutMs: number;
  readonly dialer: Dialer;
  readonly clock: Clock;
}

/** Between two attempts, ms. */
const pauseMs = 20;

/** Asked for while taking the session up; it holds for a moment only. */
const sessionTimeoutMs = 30_000;

/** Resolves when a server has said that the session is over. Rejects when none has within the time. */
export async function endSession({ hosts, timeoutMs, dialer, clock, ...session }: SessionEnding): Promise<void> {
  const deadline = new AbortController();
  const timer = clock.setTimer(timeoutMs, () => deadline.abort());
  let lastError: unknown;
  try {
    for (let attempt = 0; !deadline.signal.aborted; attempt++) {
      const host = hosts[attempt % hosts.length];
      if (host === undefined) throw new RangeError("No host to reach the server at");
      try {
        const stream = await dialer.dial(host, { signal: deadline.signal });
        if (await closeOver(stream, session, deadline.signal)) return;
      } catch (error) {
        // Of a network under test any failure is to be expected; it is told if none of the attempts succeeds.
        lastError = error;
      }
      await pause(clock, deadline.signal);
    }
  } finally {
    timer.cancel();
  }
  const id = `0x${BigInt.asUintN(64, session.sessionId).toString(16)}`;
  throw new Error(`No server ended session ${id} within ${timeoutMs} ms. Is one reachable at the given address?`, {
    cause: lastError,
  });
}

/** Whether the session is over now; false if the stream ended before that was said. */
function closeOver(
  stream: ByteStream,
  session: { readonly sessionId: bigint; readonly password: Uint8Array },
  signal: AbortSignal,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const decoder = new FrameDecoder({ maxFrameBytes: 1 << 20 });
    let isAttached = false;
    /** Undefined: nothing that settles it. */
    const verdict = (frame: Buffer): boolean | undefined => {
      const reader = new Reader(frame);
      if (isAttached) {
        const { xid, err } = replyHeaderCodec.read(reader);
        return xid === closeXid ? err === ErrorCode.Ok : undefined;
      }
      isAttached = true;
      // All zeros: there is no such session (any more).
      return connectResponseCodec.read(reader).sessionId === 0n ? true : undefined;
    };
    const settle = (how: () => void) => {
      signal.removeEventListener("abort", onAbort);
      stream.destroy();
      how();
    };
    const onAbort = () => settle(() => resolve(false));
    signal.addEventListener("abort", onAbort, { once: true });
    stream.attach({
      onData(chunk) {
        try {
          decoder.push(chunk);
          for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
            const isOver = verdict(frame);
            if (isOver !== undefined) return settle(() => resolve(isOver));
          }
        } catch (error) {
          settle(() => reject(error));
        }
      },
      onDrain() {},
      onClose: () => settle(() => resolve(false)),
    });
    stream.write(attachAndClose(session));
  });
}

const closeXid = 1;

/** Both requests at once, so that there is as little time as possible between them. */
function attachAndClose({
  sessionId,
  password,
}: {
  readonly sessionId: bigint;
  readonly password: Uint8Array;
}): Buffer {
  const writer = new Writer();
  const handshake = writer.beginFrame();
  connectRequestCodec.write(writer, {
    protocolVersion: 0,
    lastZxidSeen: 0,
    timeOut: sessionTimeoutMs,
    sessionId,
    passwd: password,
    readOnly: false,
  });
  writer.endFrame(handshake);
  const close = writer.beginFrame();
  requestHeaderCodec.write(writer, { xid: closeXid, type: OpCode.closeSession });
  writer.endFrame(close);
  return writer.take();
}

function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      timer.cancel();
      signal.removeEventListener("abort", settle);
      resolve();
    };
    const timer = clock.setTimer(pauseMs, settle);
    signal.addEventListener("abort", settle, { once: true });
    if (signal.aborted) settle();
  });
}
