/**
 * SASLprep (RFC 4013): names and passwords that look the same become the same bytes. What holds characters that the profile
 * forbids stays as it is, as PostgreSQL has it: a password that somebody already has must go on working. Characters that
 * Unicode 3.2 did not know are taken as they are, and texts that mix directions of writing are not refused.
 */

/** Tables C.1.2 and B.1 of RFC 3454. */
const otherSpaces = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g;
const nothing = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/g;
/** Tables C.2 to C.9. */
const forbidden =
  /\u0340|\u0341|[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u06dd\u070f\u180e\u2028\u2029\u2061-\u2063\u206a-\u206f\ufff9-\ufffd\u{1d173}-\u{1d17a}\u2ff0-\u2ffb\u200e\u200f\u202a-\u202e\u{e0001}\u{e0020}-\u{e007f}]/u;

/** The text by which names and passwords are compared and hashed. */
export function saslPrep(text: string): string {
  const mapped = text.replace(otherSpaces, " ").replace(nothing, "").normalize("NFKC");
  return forbidden.test(mapped) ? text : mapped;
}
