/**
 * A server that does nothing: it cuts the stream into frames and sends back replies prepared beforehand, tells whoever
 * set a watch of the next change, and keeps nothing. What it reaches is what Node's sockets and the driver allow; no server
 * in Node can do better on this machine.
 * Prints `ready PORT`.
 */
import { createServer, type Socket } from "node:net";
import { readThroughSharedBuffer } from "@corral/io";
import {
  type CreateMode,
  connectResponseCodec,
  FrameDecoder,
  isSequential,
  OpCode,
  Reader,
  SpecialXid,
  WatchEventType,
  Writer,
  watcherEventCodec,
} from "@corral/protocol";
import { tree } from "./figures.ts";
import { listed } from "./load/requests.ts";

const statBytes = 68;
/** Where these stand in a stat. */
const versionAt = 32;
const dataLengthAt = 52;

/** Zeros of the right length; the first four bytes of the payload become the xid. */
function canned(bodyBytes: number): Buffer {
  const frame = Buffer.alloc(4 + 16 + bodyBytes);
  frame.writeInt32BE(16 + bodyBytes);
  return frame;
}

/** The stat says how long the data are, which a driver may look at; only of a larger set it is not true. */
function changed(): Buffer {
  const reply = canned(statBytes);
  reply.writeInt32BE(tree.dataBytes, 20 + dataLengthAt);
  return reply;
}

const childBytes = 4 + "child-000000".length;
const replies = new Map<number, Buffer>([
  [OpCode.getData, canned(4 + tree.dataBytes + statBytes)],
  [OpCode.setData, changed()],
  [OpCode.getChildren, canned(4 + tree.children * childBytes)],
  [OpCode.delete, canned(0)],
  [OpCode.closeSession, canned(0)],
]);

/** A node that somebody watches. */
interface Watched {
  version: number;
  watchers: Set<Socket>;
}

/** By path. Changes of nodes that nobody ever watched are not even looked at. */
const watched = new Map<string, Watched>();

/** What is to be told when all that has arrived is answered. */
const untold = new Map<Socket, Buffer[]>();

const syncConnected = 3;

const pathOf = (request: Buffer): string => new Reader(request, 8).string();

/** The reply to a getData that leaves a watch. */
function watch(request: Buffer, socket: Socket): Buffer {
  const path = pathOf(request);
  const node = watched.get(path) ?? { version: 0, watchers: new Set() };
  watched.set(path, node);
  node.watchers.add(socket);
  const reply = Buffer.from(replies.get(OpCode.getData)!);
  reply.writeInt32BE(request.readInt32BE(0), 4);
  reply.writeInt32BE(tree.dataBytes, 20);
  const stat = 24 + tree.dataBytes;
  reply.writeInt32BE(node.version, stat + versionAt);
  reply.writeInt32BE(tree.dataBytes, stat + dataLengthAt);
  return reply;
}

/** Tells those who watch the node that a setData changes. */
function change(request: Buffer): void {
  const path = pathOf(request);
  const node = watched.get(path);
  if (node === undefined) return;
  node.version++;
  const { watchers } = node;
  node.watchers = new Set();
  const writer = new Writer();
  const mark = writer.beginFrame();
  writer.int(SpecialXid.notification);
  writer.long(-1);
  writer.int(0);
  watcherEventCodec.write(writer, { type: WatchEventType.nodeDataChanged, state: syncConnected, path });
  writer.endFrame(mark);
  const event = writer.take();
  for (const socket of watchers) {
    const events = untold.get(socket);
    if (events === undefined) untold.set(socket, [event]);
    else events.push(event);
  }
}

function tell(): void {
  for (const [socket, events] of untold) socket.write(events.length === 1 ? events[0]! : Buffer.concat(events));
  untold.clear();
}

function replyTo(request: Buffer, socket: Socket): Buffer {
  const type = request.readInt32BE(4);
  if (type === OpCode.getData && request.at(-1) === 1) return watch(request, socket);
  if (type === OpCode.setData && watched.size > 0) change(request);
  const reply = type === OpCode.create ? created(request) : isOfNobody(type, request) ? nobody : replies.get(type);
  if (reply === undefined) throw new Error(`No reply is prepared for operation ${type}.`);
  reply.writeInt32BE(request.readInt32BE(0), 4);
  return reply;
}

/** Of children that are none: whoever clears up before a run looks for them everywhere. */
const nobody = canned(4);

function isOfNobody(type: number, request: Buffer): boolean {
  return type === OpCode.getChildren && pathOf(request) !== listed;
}

/** The path, which stands first in the request, with ten digits if the flags, which stand last, ask for them. */
function created(request: Buffer): Buffer {
  const sequential = isSequential(request.readInt32BE(request.length - 4) as CreateMode);
  const pathBytes = request.readInt32BE(8);
  const nameBytes = pathBytes + (sequential ? 10 : 0);
  const reply = canned(4 + nameBytes);
  reply.fill("0", 24);
  reply.writeInt32BE(nameBytes, 20);
  request.copy(reply, 24, 12, 12 + pathBytes);
  return reply;
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
    let ends = false;
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
      writer.raw(open ? replyTo(frame, socket) : session());
      if (open && frame.readInt32BE(4) === OpCode.closeSession) ends = true;
      open = true;
    }
    if (writer.length > 0) socket.write(writer.take());
    if (untold.size > 0) tell();
    if (ends) socket.destroySoon();
  };
  if (readThroughSharedBuffer(socket, onData)) socket.resume();
  else socket.on("data", onData);
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address === "object") process.stdout.write(`ready ${address.port}\n`);
});
