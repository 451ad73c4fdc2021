/**
 * A dialer whose connections a test can break the way networks do: cut and refuse to come back, or swallow the answers
 * to one kind of request, so that the request happens and nobody learns of it.
 */
import { type ByteStream, type Dialer, nodeDialer, type StreamHandler } from "@corral/io";
import { FrameDecoder, OpCode } from "@corral/protocol";

export class BreakableNetwork implements Dialer {
  readonly #streams = new Set<BreakableStream>();
  #cut = false;
  #swallow: { readonly opcode: number; readonly onSwallowed: () => void } | undefined;

  async dial(...[address, options]: Parameters<Dialer["dial"]>): Promise<ByteStream> {
    if (this.#cut) throw Object.assign(new Error("the test has cut this network"), { code: "EHOSTUNREACH" });
    const stream = new BreakableStream(await nodeDialer.dial(address, options), (opcode) => this.#onRequest(opcode));
    if (this.#cut) {
      stream.destroy();
      throw Object.assign(new Error("the test has cut this network"), { code: "EHOSTUNREACH" });
    }
    this.#streams.add(stream);
    return stream;
  }

  /** Breaks every connection, and refuses new ones until `heal`. */
  cut(): void {
    this.#cut = true;
    this.reset();
  }

  heal(): void {
    this.#cut = false;
  }

  /** Breaks every connection; new ones are fine. */
  reset(): void {
    for (const stream of this.#streams) stream.break();
    this.#streams.clear();
  }

  /**
   * The next request of this kind goes out, and from then on nothing comes in on its connection. Resolves when it has gone
   * out. `reset` ends the silence.
   */
  swallowAnswerTo(operation: keyof typeof OpCode): Promise<void> {
    return new Promise((resolve) => {
      this.#swallow = { opcode: OpCode[operation], onSwallowed: resolve };
    });
  }

  #onRequest(opcode: number): boolean {
    if (this.#swallow?.opcode !== opcode) return false;
    this.#swallow.onSwallowed();
    this.#swallow = undefined;
    return true;
  }
}

class BreakableStream implements ByteStream {
  readonly #inner: ByteStream;
  readonly #onRequest: (opcode: number) => boolean;
  readonly #frames = new FrameDecoder({ maxFrameBytes: 1 << 30 });
  #first = true;
  #deaf = false;
  #handler: StreamHandler | undefined;
  #broken = false;

  constructor(inner: ByteStream, onRequest: (opcode: number) => boolean) {
    this.#inner = inner;
    this.#onRequest = onRequest;
  }

  get remote() {
    return this.#inner.remote;
  }

  get unsentBytes() {
    return this.#inner.unsentBytes;
  }

  attach(handler: StreamHandler): void {
    this.#handler = handler;
    this.#inner.attach({
      onData: (chunk) => {
        if (!this.#deaf) handler.onData(chunk);
      },
      onDrain: () => handler.onDrain(),
      onClose: (error) => this.#close(error),
    });
  }

  write(bytes: Uint8Array): void {
    this.#frames.push(Buffer.from(bytes));
    for (let frame = this.#frames.next(); frame !== undefined; frame = this.#frames.next()) {
      // The first frame is the handshake; every other begins with xid and opcode.
      if (!this.#first && frame.length >= 8 && this.#onRequest(frame.readInt32BE(4))) this.#deaf = true;
      this.#first = false;
    }
    this.#inner.write(bytes);
  }

  pauseReading(paused: boolean): void {
    this.#inner.pauseReading(paused);
  }

  end(): void {
    this.#inner.end();
  }

  destroy(): void {
    this.#inner.destroy();
  }

  /** As if the other side had gone away. */
  break(): void {
    this.#inner.destroy();
    this.#close(Object.assign(new Error("reset by the test"), { code: "ECONNRESET" }));
  }

  #close(error: Error | undefined): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#handler?.onClose(error);
  }
}
