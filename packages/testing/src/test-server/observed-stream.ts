/** A server's stream to a client, of which the answer to the handshake is overheard: the session and its password. */
import type { ByteStream, StreamHandler } from "@corral/io";
import { connectResponseCodec, DecodeError, FrameDecoder, FrameLengthError, Reader } from "@corral/protocol";

/** What a client was told. */
export interface AnsweredSession {
  readonly sessionId: bigint;
  readonly password: Uint8Array;
}

/** Whom to tell. */
export interface StreamObserver {
  onSession(session: AnsweredSession): void;
  onClose(): void;
}

/** See the head of this file. Passes everything through. */
export class ObservedStream implements ByteStream {
  readonly #inner: ByteStream;
  readonly #observer: StreamObserver;
  /** Until the first frame is complete. */
  #decoder: FrameDecoder | undefined = new FrameDecoder({ maxFrameBytes: 1_024 });

  constructor(inner: ByteStream, observer: StreamObserver) {
    this.#inner = inner;
    this.#observer = observer;
  }

  get remote() {
    return this.#inner.remote;
  }

  get unsentBytes(): number {
    return this.#inner.unsentBytes;
  }

  attach(handler: StreamHandler): void {
    this.#inner.attach({
      onData: (chunk) => handler.onData(chunk),
      onDrain: () => handler.onDrain(),
      onClose: (error) => {
        this.#observer.onClose();
        handler.onClose(error);
      },
    });
  }

  write(bytes: Uint8Array): void {
    if (this.#decoder !== undefined) this.#overhear(this.#decoder, Buffer.from(bytes));
    this.#inner.write(bytes);
  }

  pauseReading(paused: boolean): void {
    this.#inner.pauseReading(paused);
  }

  end(isMutual?: boolean): void {
    this.#inner.end(isMutual);
  }

  destroy(): void {
    this.#inner.destroy();
  }

  #overhear(decoder: FrameDecoder, bytes: Buffer): void {
    try {
      decoder.push(bytes);
      const frame = decoder.next();
      if (frame === undefined) return;
      this.#decoder = undefined;
      const { sessionId, passwd } = connectResponseCodec.read(new Reader(frame));
      if (sessionId !== 0n && passwd !== null)
        this.#observer.onSession({ sessionId, password: Uint8Array.from(passwd) });
    } catch (error) {
      // An answer to a four-letter word: no session.
      if (!(error instanceof FrameLengthError) && !(error instanceof DecodeError)) throw error;
      this.#decoder = undefined;
    }
  }
}
