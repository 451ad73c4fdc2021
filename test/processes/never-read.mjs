/**
 * Opens connections that say hello, then ask and ask, and read nothing but the first bytes that come. Prints `flooding` when
 * all have asked, and ends when nobody listens to it any more. One argument, JSON: `port`; `count`; `hello` and `flood`,
 * the frames that each says, base64.
 */
import { connect } from "node:net";

const { port, count, hello, flood } = JSON.parse(process.argv[2]);
const [helloBytes, floodBytes] = [Buffer.from(hello, "base64"), Buffer.from(flood, "base64")];
let flooding = 0;
for (let i = 0; i < count; i++) {
  const socket = connect({ host: "127.0.0.1", port });
  // It is cut off some day: that is the purpose.
  socket.on("error", () => socket.destroy());
  socket.once("data", () => {
    socket.pause();
    socket.write(floodBytes);
    if (++flooding === count) process.stdout.write("flooding\n");
  });
  socket.write(helloBytes);
}
process.stdin.resume().on("end", () => process.exit());
