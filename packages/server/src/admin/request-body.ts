/** The body of a request, whole. */
import { constants } from "node:buffer";
import { CommandError } from "./admin-command.ts";

/**
 * Into one buffer, for to join many pieces, or to copy what there is into a longer buffer, would hold it twice. Where nobody tells the
 * length, that buffer is as long as a body may be: what is not written to takes no memory.
 *
 * @throws CommandError if it has more than `bytesMax` bytes; before it is read, where that is told
 */
export async function readBody(
  { body, headers }: Request,
  bytesMax: number,
  allocate: (bytes: number) => Buffer = Buffer.allocUnsafeSlow,
): Promise<Buffer> {
  const most = Math.min(bytesMax, constants.MAX_LENGTH);
  const told = Number(headers.get("content-length") ?? most);
  requireAtMost(most, told);
  const bytes = roomFor(body === null ? 0 : told, allocate);
  let length = 0;
  for await (const chunk of body ?? []) {
    requireAtMost(bytes.length, length + chunk.length);
    bytes.set(chunk, length);
    length += chunk.length;
  }
  return bytes.subarray(0, length);
}

function roomFor(bytes: number, allocate: (bytes: number) => Buffer): Buffer {
  try {
    return allocate(bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const remedy =
      "give the server more, tell the length of the body (Content-Length), or lower the limit maxRestoreBytes";
    throw new CommandError(`there is no memory for a body of ${bytes} bytes: ${remedy}`, 507);
  }
}

function requireAtMost(most: number, length: number): void {
  if (length > most)
    throw new CommandError(`the snapshot has more than ${most} bytes: raise the limit maxRestoreBytes`, 413);
}
