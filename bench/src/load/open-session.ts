/** Opens a session on a socket of its own, as every load begins. */
import { connect, type Socket } from "node:net";
import { connectRequestCodec, connectResponseCodec, FrameDecoder, Reader, Writer } from "@corral/protocol";

/** The server did not answer as the protocol says. */
export class LoadError extends Error {
  override readonly name = "LoadError";
}

/** A socket on which a session was opened, and what cuts its stream into frames from there on. */
export interface OpenSession {
  readonly socket: Socket;
  readonly decoder: FrameDecoder;
}

/** Node would take new memory for every read otherwise, and the driver more of the processor than it must. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** Opens a session on a server of this machine. Rejects if the server refuses it or hangs up. */
export async function openSession(port: number, sessionTimeoutMs: number): Promise<OpenSession> {
  const onRead = (length: number) => {
    socket.emit("data", Buffer.from(readBuffer.subarray(0, length)));
    return true;
  };
  const onread = { buffer: readBuffer, callback: onRead };
  const socket: Socket = connect({ host: "127.0.0.1", port, noDelay: true, onread });
  const decoder = new FrameDecoder({ maxFrameBytes: 16 * 2 ** 20 });
  await new Promise<void>((resolve, reject) => {
    const end = () => reject(new LoadError("The server closed the connection instead of opening a session."));
    socket.once("error", reject);
    socket.once("close", end);
    socket.once("connect", () => socket.write(handshake(sessionTimeoutMs)));
    socket.on("data", function onData(chunk: Buffer) {
      decoder.push(chunk);
      const frame = decoder.next();
      if (frame === undefined) return;
      socket.off("data", onData);
      socket.off("error", reject);
      socket.off("close", end);
      const { timeOut, sessionId } = connectResponseCodec.read(new Reader(frame));
      if (timeOut > 0 && sessionId !== 0n) resolve();
      else reject(new LoadError("The server refused the session."));
    });
  });
  return { socket, decoder };
}

function handshake(sessionTimeoutMs: number): Buffer {
  const writer = new Writer();
  const mark = writer.beginFrame();
  connectRequestCodec.write(writer, {
    protocolVersion: 0,
    lastZxidSeen: 0,
    timeOut: sessionTimeoutMs,
    sessionId: 0n,
    passwd: new Uint8Array(16),
    readOnly: false,
  });
  writer.endFrame(mark);
  return writer.take();
}
