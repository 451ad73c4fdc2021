/** Where unpredictable and merely varied numbers come from. The simulator passes a seeded one. */
export interface Random {
  /** `length` bytes that nobody can guess. */
  bytes(length: number): Uint8Array;
  /** A number in [0, 1), for jitter and shuffles. */
  fraction(): number;
}
