/** What the log says of somebody whose frame has a length that none can have. */
import type { FrameDecoder, FrameLengthError } from "@corral/protocol";
import type { Limits } from "../limits.ts";

/** `limit`: what bounds the length. */
export function frameComplaint(
  { message, length }: FrameLengthError,
  { spoke, decoder }: { readonly spoke: boolean; readonly decoder: FrameDecoder },
  limit: keyof Limits,
): string {
  const guess = spoke ? "" : guessFrom(decoder.peek().subarray(0, 4));
  return message + (guess || (length > 0 ? ` (limit ${limit})` : ""));
}

/** What somebody who did not mean this port may have meant. */
function guessFrom(first: Buffer): string {
  if (first[0] === 0x16) return " (it looks like TLS, which this port does not speak)";
  const letters = first.toString("latin1");
  return /^[A-Za-z]{3,4} ?$/.test(letters) ? ` (it looks like text: ${JSON.stringify(letters)})` : "";
}
