/** What is known of the output that the operating system has not taken. */
import { expect, test } from "vitest";
import type { ByteStream } from "../ports/network.ts";
import { nodeListener, tcpDialer } from "./network.ts";

test("the mark of the output does not move because more is written behind what nobody takes", async () => {
  let accept: (stream: ByteStream) => void = () => {};
  const accepted = new Promise<ByteStream>((resolve) => {
    accept = resolve;
  });
  const listening = await nodeListener.listen({ host: "127.0.0.1", port: 0 }, (stream) => accept(stream));
  const { signal } = new AbortController();
  // Nothing is attached to it, so it does not read.
  const client = await tcpDialer().dial(listening.address, { signal });
  const stream = await accepted;
  // More than the buffers of both sides take. What follows is one turn: nothing can be taken meanwhile.
  stream.write(Buffer.alloc(64 << 20));
  const mark = stream.outputMark;
  stream.write(Buffer.alloc(1_000));
  expect(stream.unsentBytes).toBe((64 << 20) + 1_000);
  expect(stream.outputMark).toBe(mark);
  for (const one of [stream, client]) one.destroy();
  await listening.close();
});
