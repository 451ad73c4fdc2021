/**
 * One buffer into which the operating system puts what any socket has received. Left alone, Node takes 64 KiB from the
 * allocator for every read, gives back what was not filled, and leaves the rest to the garbage collector: a fifth of the
 * processor time of a short request (docs/adr/0015). `onread` is Node's name for it where a socket is dialled; where it is
 * accepted Node has the same without a public name. Where its inner names are not found, nothing is done.
 */
import type { Socket } from "node:net";

/** What libuv asks of the allocator for one read. */
const bytes = 64 * 1024;

interface Handle {
  useUserBuffer?(buffer: Uint8Array): void;
}

/** Where Node keeps the buffer of a socket, and what it calls when some of it was filled. */
interface Names {
  readonly buffer: symbol;
  readonly callback: symbol;
}

let shared: Buffer | undefined;
let names: Names | undefined;

/**
 * From now on `onData` gets what `socket` receives, each time in memory that is the receiver's to keep. False when that
 * cannot be had: TLS, something was read already, or another Node; then nothing was done.
 */
export function readThroughSharedBuffer(socket: Socket, onData: (chunk: Buffer) => void): boolean {
  const { _handle: handle } = socket as { _handle?: Handle | null };
  if ("encrypted" in socket || socket.readableLength > 0 || typeof handle?.useUserBuffer !== "function") return false;
  names ??= namesOf(socket);
  if (names === undefined) return false;
  shared ??= Buffer.allocUnsafeSlow(bytes);
  const buffer = shared;
  Reflect.set(socket, names.buffer, buffer);
  Reflect.set(socket, names.callback, (length: number) => {
    const chunk = Buffer.allocUnsafe(length);
    buffer.copy(chunk, 0, 0, length);
    onData(chunk);
  });
  handle.useUserBuffer(buffer);
  return true;
}

function namesOf(socket: Socket): Names | undefined {
  const unused = Object.getOwnPropertySymbols(socket).filter((symbol) => Reflect.get(socket, symbol) === null);
  const buffer = unused.find(({ description }) => description === "kBuffer");
  const callback = unused.find(({ description }) => description === "kBufferCb");
  return buffer && callback && { buffer, callback };
}
