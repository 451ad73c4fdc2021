/** Co-operative revocation, as Curator writes it: a word in the holder's node. */

/** What is written into the holder's node to ask for the lock. */
export const revocationMark = "__REVOKE__";

/** Whether a holder's data asks it to give the lock up. */
export function isRevocation(data: Buffer | null): boolean {
  return data?.toString("utf8") === revocationMark;
}
