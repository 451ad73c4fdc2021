/** Asks a server one of the four-letter words, as `nc` would. */
import { connect } from "node:net";

/** Everything that it answers. */
export function fourLetterWord(port: number, word: string | Uint8Array, host = "127.0.0.1"): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ host, port }, () => socket.write(word));
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("close", () => resolve(Buffer.concat(chunks).toString()));
  });
}
