/** Bytes that are not what the wire says they should be. The only error that decoding throws. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  /** Where in the frame, in bytes from its start, the reader stood. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(`${message} (at byte ${offset} of the frame)`);
    this.offset = offset;
  }
}
