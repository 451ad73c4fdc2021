/** A connection on which hardly anything is right. What comes back must be frames all the same, or the connection's end. */
import { connect } from "node:net";
import { FrameDecoder, OpCode } from "@corral/protocol";
import { type Chance, mutated, noise } from "./mutate.ts";
import { framed, handshake, type Seed, seeds } from "./seeds.ts";

const opcodes = Object.values(OpCode).filter((code) => code !== OpCode.closeSession);

/** Credentials that prove nothing end a connection, so they are rare. */
function seedFor(chance: Chance): Seed {
  const seed = seeds[chance(seeds.length)];
  if (seed === undefined || (seed.type === OpCode.auth && chance(20) > 0)) return seedFor(chance);
  return seed;
}

/** One frame: mostly a known operation whose body was changed, sometimes something else altogether. */
function request(chance: Chance, xid: number): Buffer {
  const seed = seedFor(chance);
  const header = Buffer.alloc(8);
  header.writeInt32BE(chance(50) === 0 ? -chance(10) : xid);
  const type = chance(200) === 0 ? (opcodes[chance(opcodes.length)] ?? 0) : seed.type;
  header.writeInt32BE(type, 4);
  const frame = framed(Buffer.concat([header, chance(3) === 0 ? seed.body : mutated(seed.body, chance)]));
  // Rarely, or nothing would be left of the connection: the length itself is wrong.
  return chance(2_000) === 0 ? mutated(frame, chance) : frame;
}

/**
 * Opens a connection and sends `frames` frames over it, in pieces of any size, or as many as the server takes before it has
 * had enough. Resolves with how many were sent when the connection is over; rejects when what came back were no frames.
 */
export function intrude(port: number, frames: number, chance: Chance): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    const decoder = new FrameDecoder({ maxFrameBytes: 64 << 20 });
    let sent = 0;
    let failure: Error | undefined;
    const more = (): void => {
      const batch: Buffer[] = [];
      while (batch.length < 50 && sent < frames) batch.push(request(chance, ++sent));
      if (batch.length === 0) return void socket.end();
      const bytes = Buffer.concat(batch);
      const cut = chance(bytes.length);
      socket.write(bytes.subarray(0, cut));
      // The rest in the next turn, so that it is mostly another piece for the server as well.
      setImmediate(() => {
        if (!socket.destroyed && socket.writable) socket.write(bytes.subarray(cut), () => setImmediate(more));
      });
    };
    socket.once("connect", () => {
      const hello = chance(20) === 0 ? mutated(handshake(), chance) : handshake();
      socket.write(chance(100) === 0 ? noise(chance(100), chance) : framed(hello));
      more();
    });
    socket.on("data", (chunk) => {
      try {
        decoder.push(chunk);
        while (decoder.next() !== undefined);
      } catch (error) {
        failure = new Error("what the server sent is no frame", { cause: error });
        socket.destroy();
      }
    });
    // The server ends it when and as it likes: a reset is no failure.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => (failure === undefined ? resolve(sent) : reject(failure)));
  });
}
