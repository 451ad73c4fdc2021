/** Making bytes fewer, reversibly. */
export interface Compression {
  /** What `bytes` compress to. */
  compress(bytes: Uint8Array): Promise<Buffer>;
  /**
   * What had been compressed to `bytes`. Rejects when they are no such thing, or when more than `bytesMax` come out: a few
   * bytes can stand for very many.
   */
  decompress(bytes: Uint8Array, bytesMax: number): Promise<Buffer>;
  /** Whether `bytes` begin like something that was compressed this way. */
  recognises(bytes: Uint8Array): boolean;
}
