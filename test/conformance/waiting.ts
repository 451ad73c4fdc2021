/** Lines of the list that are not tried here, and what they wait for. The run prints them. */

/** Lines with one reason. */
export interface Waiting {
  /** `E.6`, `F.5–8`, `L` for a whole section. */
  readonly lines: string;
  readonly why: string;
}

/** All of them. */
export const waiting: readonly Waiting[] = [{ lines: "E.6, F.5–8, L, M, N", why: "they need an ensemble" }];
