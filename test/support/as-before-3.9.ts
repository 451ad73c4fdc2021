/**
 * A dialer behind which every server looks, for recursive watches, like one before 3.9: it does not know their type. What
 * the client asks about it is changed on the way into a type that no server knows.
 */
import { type ByteStream, type Dialer, nodeDialer } from "@corral/io";
import { OpCode, WatcherType } from "@corral/protocol";

export const asBefore39: Dialer = {
  async dial(address, options) {
    const stream = await nodeDialer.dial(address, options);
    const seen: ByteStream = {
      remote: stream.remote,
      attach: (handler) => stream.attach(handler),
      write: (bytes) => stream.write(withoutRecursive(Buffer.from(bytes))),
      get unsentBytes() {
        return stream.unsentBytes;
      },
      pauseReading: (paused) => stream.pauseReading(paused),
      end: () => stream.end(),
      destroy: () => stream.destroy(),
    };
    return seen;
  },
};

/** The client writes whole frames. In a handshake, where an operation would stand, is a protocol version of 0. */
function withoutRecursive(bytes: Buffer): Buffer {
  for (let at = 0; at + 12 <= bytes.length; at += 4 + bytes.readInt32BE(at)) {
    const end = at + 4 + bytes.readInt32BE(at);
    if (bytes.readInt32BE(at + 8) !== OpCode.checkWatches) continue;
    if (bytes.readInt32BE(end - 4) === WatcherType.persistentRecursive) bytes.writeInt32BE(99, end - 4);
  }
  return bytes;
}
