/** Every decoder of the protocol, given bytes that are nearly right: a value, or the error made for that, and nothing else. */
import {
  connectRequestCodec,
  connectResponseCodec,
  DecodeError,
  FrameDecoder,
  FrameLengthError,
  operations,
  Reader,
  replyHeaderCodec,
  requestHeaderCodec,
  watcherEventCodec,
} from "@corral/protocol";
import { type Chance, mutated } from "./mutate.ts";
import { framed, handshake, seeds } from "./seeds.ts";

type Read = (reader: Reader) => unknown;

const decoders: readonly (readonly [name: string, read: Read])[] = [
  ["connect request", (r) => connectRequestCodec.read(r)],
  ["connect response", (r) => connectResponseCodec.read(r)],
  ["request header", (r) => requestHeaderCodec.read(r)],
  ["reply header", (r) => replyHeaderCodec.read(r)],
  ["event", (r) => watcherEventCodec.read(r)],
  ...Object.entries(operations).flatMap(([name, { request, response }]): (readonly [string, Read])[] => [
    [`request of ${name}`, (r) => request.read(r)],
    [`response of ${name}`, (r) => response.read(r)],
  ]),
];

const bodies = [handshake(), ...seeds.map(({ body }) => body)];
const maxFrameBytes = 1_000;

/** Tries one input. Throws what no decoder may throw, with what it was given. */
export function tryDecoders(chance: Chance): void {
  const bytes = mutated(bodies[chance(bodies.length)] ?? Buffer.alloc(0), chance);
  if (chance(10) === 0) return tryFrames(bytes, chance);
  const [name, read] = decoders[chance(decoders.length)] ?? ["nothing", () => undefined];
  try {
    read(new Reader(bytes));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw new Error(`${name} of ${bytes.toString("hex")}`, { cause: error });
  }
}

/** As a stream, in pieces. */
function tryFrames(bytes: Buffer, chance: Chance): void {
  const stream = Buffer.concat([framed(bytes), mutated(framed(bytes), chance)]);
  const decoder = new FrameDecoder({ maxFrameBytes });
  try {
    for (let at = 0; at < stream.length; ) {
      const end = at + 1 + chance(40);
      decoder.push(stream.subarray(at, end));
      at = end;
      for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
        if (frame.length > maxFrameBytes) throw new Error(`a frame of ${frame.length} bytes`);
      }
    }
  } catch (error) {
    if (!(error instanceof FrameLengthError)) throw new Error(`stream ${stream.toString("hex")}`, { cause: error });
  }
}
