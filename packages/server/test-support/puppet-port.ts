/** A port for clients without sockets: streams whose other side does what it is told to. */
import { type ByteStream, type StreamHandler, silentLogger } from "@corral/io";
import { VirtualClock } from "@corral/testing";
import { defaultLimits, type Limits } from "../src/limits.ts";
import { ClientPort } from "../src/net/client-port.ts";
import type { Input } from "../src/replica/effect.ts";

/** A stream whose other side takes what it is told to. */
export class Puppet implements ByteStream {
  readonly remote: { readonly host: string; readonly port: number };
  readonly tellsMark: boolean;
  unsentBytes = 0;
  destroyed = false;
  reading = true;
  taken = 0;
  handler: StreamHandler | undefined;

  constructor(tellsMark = true, host = "127.0.0.1") {
    this.tellsMark = tellsMark;
    this.remote = { host, port: 40_000 };
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

  /** Takes everything, and says so. */
  drain(): void {
    this.unsentBytes = 0;
    this.handler?.onDrain();
  }

  /** Its other side says so many requests of so many bytes, in one piece. */
  say(requests: number, bytes = 12, type = 0): void {
    const frame = Buffer.alloc(4 + bytes);
    frame.writeInt32BE(bytes);
    frame.writeInt32BE(type, 8);
    this.handler?.onData(Buffer.concat(Array.from({ length: requests }, () => frame)));
  }

  pauseReading(paused: boolean): void {
    this.reading = !paused;
  }

  end(): void {}

  destroy(): void {
    this.destroyed = true;
  }
}

/** A port, what it has told, and whom it tells. */
export class PuppetPort {
  readonly clock = new VirtualClock();
  readonly inputs: Input[] = [];
  /** Called with each input, as the driver is. */
  onInput: (input: Input) => void = () => {};
  readonly port: ClientPort;
  #accept: (stream: ByteStream) => void = () => {};

  private constructor(limits: Partial<Limits>) {
    this.port = new ClientPort({
      listener: {
        listen: async (address, onStream) => {
          this.#accept = onStream;
          return { address, close: async () => {} };
        },
      },
      clock: this.clock,
      logger: silentLogger,
      limits: { ...defaultLimits, ...limits },
      dispatch: (input) => {
        this.inputs.push(input);
        this.onInput(input);
      },
      answerWord: async () => "",
    });
  }

  static async listening(limits: Partial<Limits> = {}): Promise<PuppetPort> {
    const puppets = new PuppetPort(limits);
    await puppets.port.listen({ host: "127.0.0.1", port: 1 });
    return puppets;
  }

  /** A connection; they are numbered from 1. */
  connect(stream = new Puppet()): Puppet {
    this.#accept(stream);
    return stream;
  }

  /** What was told since this was asked last: requests by connection, the others by name. */
  told(): string[] {
    return this.inputs.splice(0).map((input) => {
      if (input.type === "frames") return `${input.connection}: ${input.frames.length}`;
      if (input.type === "heard") return `heard ${input.connections.join(", ")}`;
      return "connection" in input ? `${input.connection} ${input.type}` : input.type;
    });
  }
}
