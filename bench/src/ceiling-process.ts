/**
 * A server that does nothing: it cuts the stream into frames and sends back replies prepared beforehand. What it
 * reaches is what Node's sockets and the driver allow; no server in Node can do better on this machine.
 * Prints `ready PORT`.
 */
import { createServer } from "node:net";
import { readThroughSharedBuffer } from "@corral/io";
import { type CreateMode, connectResponseCodec, FrameDecoder, isSequential, OpCode, Writer } from "@corral/protocol";
import { tree } from "./figures.ts";

const statBytes = 68;

/** Zeros of the right length; the first four bytes of the payload become the xid. */
function canned(bodyBytes: number): Buffer {
  const frame = Buffer.alloc(4 + 16 + bodyBytes);
  frame.writeInt32BE(16 + bodyBytes);
  return frame;
}

const childBytes = 4 + "child-000000".length;
const replies = new Map<number, Buffer>([
  [OpCode.getData, canned(4 + tree.dataBytes + statBytes)],
  [OpCode.setData, canned(statBytes)],
  [OpCode.getChildren, canned(4 + tree.children * childBytes)],
  [OpCode.delete, canned(0)],
  [OpCode.closeSession, canned(0)],
]);

function replyTo(request: Buffer): Buffer {
  const type = request.readInt32BE(4);
  const reply = type === OpCode.create ? created(request) : replies.get(type);
  if (reply === undefined) throw new Error(`No reply is prepared for operation ${type}.`);
  reply.writeInt32BE(request.readInt32BE(0), 4);
  return reply;
}

/** As long as the path, which stands first in the request, and ten digits if the flags, which stand last, ask for them. */
function created(request: Buffer): Buffer {
  const sequential = isSequential(request.readInt32BE(request.length - 4) as CreateMode);
  return canned(4 + request.readInt32BE(8) + (sequential ? 10 : 0));
}

function session(): Buffer {
  const writer = new Writer();
  const mark = writer.beginFrame();
  connectResponseCodec.write(writer, {
    protocolVersion: 0,
    timeOut: 30_000,
    sessionId: 1n,
    passwd: new Uint8Array(16),
    readOnly: false,
  });
  writer.endFrame(mark);
  return writer.take();
}

const server = createServer({ noDelay: true }, (socket) => {
  const decoder = new FrameDecoder({ maxFrameBytes: 2 ** 20 });
  let open = false;
  socket.on("error", () => socket.destroy());
  const onData = (chunk: Buffer) => {
    decoder.push(chunk);
    const writer = new Writer(4096);
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
      writer.raw(open ? replyTo(frame) : session());
      open = true;
    }
    if (writer.length > 0) socket.write(writer.take());
  };
  if (readThroughSharedBuffer(socket, onData)) socket.resume();
  else socket.on("data", onData);
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address === "object") process.stdout.write(`ready ${address.port}\n`);
});
