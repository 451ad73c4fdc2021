/**
 * Cuts a byte stream into frames (`int32 length` + payload), however the stream was chunked. A frame that lies within
 * one chunk is a view of it; one that spans chunks is gathered, in memory that grows with what really arrived: a
 * length field alone reserves nothing.
 */

/** A length that no frame may have. Everything after it is unreadable, so the connection must end. */
export class FrameLengthError extends Error {
  override readonly name = "FrameLengthError";
  /** What the length field said. */
  readonly length: number;

  constructor(length: number, maxFrameBytes: number) {
    super(`A frame of ${length} bytes; at least 0 and at most ${maxFrameBytes} are allowed`);
    this.length = length;
  }
}

const nothing = Buffer.alloc(0);

/** Push chunks in, take payloads out until there is none; see above. One decoder a connection. */
export class FrameDecoder {
  readonly #maxFrameBytes: number;
  /** What has arrived and is not decoded: a view of the last chunk, or bytes gathered from several. */
  #bytes: Buffer = nothing;
  #start = 0;
  #end = 0;
  /** Whether #bytes is ours to append to. */
  #owned = false;
  /** Bytes still to come that nobody wants. */
  #unwanted = 0;

  /** `maxFrameBytes`: the longest payload let through; the reference's default is 1 048 575. */
  constructor(options: { readonly maxFrameBytes: number }) {
    this.#maxFrameBytes = options.maxFrameBytes;
  }

  /** Bytes that have arrived and belong to no complete frame yet. */
  get pendingBytes(): number {
    return this.#end - this.#start;
  }

  /** The undecoded bytes, as a view. */
  peek(): Buffer {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /** Takes what the stream delivered. The chunk must not be written to afterwards. */
  push(bytes: Buffer): void {
    const unwanted = Math.min(this.#unwanted, bytes.length);
    this.#unwanted -= unwanted;
    const chunk = unwanted === 0 ? bytes : bytes.subarray(unwanted);
    if (chunk.length === 0) return;
    const pending = this.#end - this.#start;
    if (pending === 0) {
      this.#bytes = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      this.#owned = false;
      return;
    }
    const needed = pending + chunk.length;
    if (!this.#owned || this.#end + chunk.length > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, pending * 2, 1024));
      this.#bytes.copy(grown, 0, this.#start, this.#end);
      this.#bytes = grown;
      this.#start = 0;
      this.#end = pending;
      this.#owned = true;
    }
    chunk.copy(this.#bytes, this.#end);
    this.#end += chunk.length;
  }

  /**
   * The next complete payload, or `undefined` until more arrives.
   * @throws FrameLengthError when the stream announces a length that is negative or too large.
   */
  next(): Buffer | undefined {
    const available = this.#end - this.#start;
    if (available < 4) return undefined;
    const length = this.#bytes.readInt32BE(this.#start);
    if (length < 0 || length > this.#maxFrameBytes) throw new FrameLengthError(length, this.#maxFrameBytes);
    if (available < 4 + length) return undefined;
    const from = this.#start + 4;
    this.#start = from + length;
    const payload = this.#bytes.subarray(from, this.#start);
    // Who has nothing to say for a while must not keep what his last words came with.
    if (this.#start === this.#end) this.#letGo();
    return payload;
  }

  #letGo(): void {
    this.#bytes = nothing;
    this.#start = 0;
    this.#end = 0;
    this.#owned = false;
  }

  /**
   * After `next` has thrown for a length that is too large: the first `bytes` of that payload, or `undefined` until so
   * many have arrived. The rest is left out, whatever of it is still to come, and the next frame is a whole one again.
   */
  nextBeginning(bytes: number): Buffer | undefined {
    const available = this.#end - this.#start;
    if (available < 4 + bytes) return undefined;
    const length = this.#bytes.readInt32BE(this.#start);
    // A copy: nothing is to keep alive what is left out.
    const beginning = Buffer.from(this.#bytes.subarray(this.#start + 4, this.#start + 4 + bytes));
    const here = Math.min(available, 4 + length);
    this.#start += here;
    this.#unwanted = 4 + length - here;
    if (this.#start === this.#end) this.#letGo();
    return beginning;
  }
}
