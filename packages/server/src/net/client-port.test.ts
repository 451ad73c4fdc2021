/** Who reads slowly, and who does not read, on a clock that is moved by hand. Everything else of the port: test/integration. */
import { type ByteStream, type StreamHandler, silentLogger } from "@corral/io";
import { VirtualClock } from "@corral/testing";
import { expect, test } from "vitest";
import { defaultLimits } from "../limits.ts";
import type { Input } from "../replica/effect.ts";
import { ClientPort } from "./client-port.ts";

/** A stream whose other side takes what it is told to. */
class Puppet implements ByteStream {
  readonly remote = { host: "127.0.0.1", port: 40_000 };
  readonly tellsMark: boolean;
  unsentBytes = 0;
  destroyed = false;
  taken = 0;
  handler: StreamHandler | undefined;

  constructor(tellsMark: boolean) {
    this.tellsMark = tellsMark;
  }

  get outputMark(): number | undefined {
    return this.tellsMark ? this.taken : undefined;
  }

  attach(handler: StreamHandler): void {
    this.handler = handler;
  }

  write(bytes: Uint8Array): void {
    this.unsentBytes += bytes.length;
  }

  take(bytes: number): void {
    this.taken += bytes;
    // As sockets have it, what is under way counts as unsent until it has left whole.
    if (!this.tellsMark) this.unsentBytes -= bytes;
  }

  pauseReading(): void {}
  end(): void {}

  destroy(): void {
    this.destroyed = true;
  }
}

test.each([true, false])(
  "who takes a little is not cut off, who takes nothing is (told by a mark: %s)",
  async (tells) => {
    const clock = new VirtualClock();
    const inputs: Input[] = [];
    let accept: (stream: ByteStream) => void = () => {};
    const port = new ClientPort({
      listener: {
        listen: async (address, onStream) => {
          accept = onStream;
          return { address, close: async () => {} };
        },
      },
      clock,
      logger: silentLogger,
      limits: { ...defaultLimits, stuckOutputMs: 10_000, handshakeMs: 1_000_000 },
      dispatch: (input) => inputs.push(input),
      answerWord: async () => "",
    });
    await port.listen({ host: "127.0.0.1", port: 1 });
    const [slow, stuck] = [new Puppet(tells), new Puppet(tells)];
    for (const stream of [slow, stuck]) accept(stream);
    for (const id of [1, 2]) port.send(id, Buffer.alloc(1_000));
    for (let round = 0; round < 20; round++) {
      clock.advance(2_000);
      if (round % 4 === 0) slow.take(1);
      port.tick();
    }
    expect([slow.destroyed, stuck.destroyed]).toEqual([false, true]);
    expect(inputs.filter(({ type }) => type === "disconnected")).toEqual([{ type: "disconnected", connection: 2 }]);
    clock.advance(12_000);
    port.tick();
    // It may have been this process that was held up: what has happened meanwhile is seen between two looks.
    expect(slow.destroyed).toBe(false);
    port.tick();
    expect(slow.destroyed).toBe(true);
  },
);
