import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { readThroughSharedBuffer } from "./shared-read-buffer.ts";

/** Both ends of a connection. */
async function pair(): Promise<{ readonly accepted: Socket; readonly dialled: Socket } & Disposable> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const dialled = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [accepted] = (await once(server, "connection")) as [Socket];
  server.close();
  return {
    accepted,
    dialled,
    [Symbol.dispose]: () => {
      accepted.destroy();
      dialled.destroy();
    },
  };
}

/** What arrives at `socket` up to its end. */
async function received(socket: Socket, chunks: readonly Buffer[]): Promise<Buffer> {
  socket.resume();
  await once(socket, "end");
  return Buffer.concat(chunks);
}

test("Node has what it takes, for both ends, in the versions that are known to", async () => {
  using ends = await pair();
  for (const socket of [ends.accepted, ends.dialled]) expect(readThroughSharedBuffer(socket, () => {})).toBe(true);
});

test("what two sockets receive in turn stays what it was", async () => {
  using a = await pair();
  using b = await pair();
  const kept = [a, b].map(({ accepted }) => {
    const chunks: Buffer[] = [];
    expect(readThroughSharedBuffer(accepted, (chunk) => chunks.push(chunk))).toBe(true);
    return { all: received(accepted, chunks), accepted };
  });
  const sent = [a, b].map(() => [] as Buffer[]);
  for (let i = 0; i < 200; i++) {
    // Beside short ones some that fill the buffer.
    const bytes = Buffer.alloc(i % 50 === 49 ? 300_000 : 1 + ((i * 37) % 5_000), i);
    sent[i % 2]?.push(bytes);
    await new Promise((resolve) => [a, b][i % 2]?.dialled.write(bytes, resolve));
  }
  a.dialled.end();
  b.dialled.end();
  for (const [i, { all }] of kept.entries()) expect((await all).equals(Buffer.concat(sent[i] ?? []))).toBe(true);
});

test("a socket that is paused reads nothing, and goes on where it was", async () => {
  using ends = await pair();
  const chunks: Buffer[] = [];
  const { accepted, dialled } = ends;
  readThroughSharedBuffer(accepted, (chunk) => {
    chunks.push(chunk);
    accepted.pause();
  });
  const sent = Buffer.from(Array.from({ length: 2_000_000 }, (_, i) => i % 251));
  accepted.resume();
  dialled.end(sent);
  let before = 0;
  while (Buffer.concat(chunks).length < sent.length) {
    await new Promise((resolve) => setImmediate(resolve));
    expect(chunks.length).toBeLessThanOrEqual(before + 1);
    before = chunks.length;
    accepted.resume();
  }
  expect(Buffer.concat(chunks).equals(sent)).toBe(true);
});

test("what was read before is not lost: such a socket is left alone", async () => {
  using ends = await pair();
  const { accepted, dialled } = ends;
  dialled.end("hello");
  await once(accepted, "readable");
  expect(readThroughSharedBuffer(accepted, () => {})).toBe(false);
  expect(String(accepted.read())).toBe("hello");
});
