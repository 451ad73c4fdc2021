/** Whatever the fault proxy does to a connection: what arrives is a beginning of what was sent, byte for byte. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { FaultProxy, type SeededRandom, seededRandom } from "@corral/testing";
import { afterEach, beforeEach, expect, test } from "vitest";

/** What came in at the server, one entry a connection. It sends everything back. */
let received: Buffer[][] = [];
let server: Server;

beforeEach(async () => {
  received = [];
  server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const chunks: Buffer[] = [];
    received.push(chunks);
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      socket.write(chunk);
    });
    socket.on("end", () => socket.end());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(async () => {
  server.close();
  // Nothing is left of any connection.
  await expect.poll(() => process.getActiveResourcesInfo().filter((one) => one.startsWith("TCP"))).toEqual([]);
});

/** Frames of any content, or (then the proxy must leave them alone) bytes that are no frames at all. */
function traffic(random: SeededRandom): Buffer {
  if (random.below(4) === 0) return Buffer.concat([Buffer.from("stat"), random.bytes(20_000)]);
  return Buffer.concat(
    Array.from({ length: 1 + random.below(60) }, () => {
      const payload = random.bytes(random.below(3_000));
      const length = Buffer.alloc(4);
      length.writeInt32BE(payload.length);
      return Buffer.concat([length, payload]);
    }),
  );
}

async function send(socket: Socket, bytes: Buffer, random: SeededRandom): Promise<void> {
  for (let at = 0; at < bytes.length && !socket.destroyed; ) {
    const end = at + 1 + random.below(5_000);
    socket.write(bytes.subarray(at, end));
    at = end;
    if (random.below(3) === 0) await delay(random.below(3));
  }
}

async function converse(
  proxy: FaultProxy,
  random: SeededRandom,
  harm: () => void,
): Promise<{ sent: Buffer; back: Buffer }> {
  const port = Number(proxy.connectString.split(":")[1]);
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true });
  const back: Buffer[] = [];
  socket.on("data", (chunk) => back.push(chunk));
  socket.on("error", () => socket.destroy());
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const sent = traffic(random);
  const harming = setInterval(harm, 2);
  await send(socket, sent, random);
  socket.end();
  clearInterval(harming);
  proxy.resume();
  proxy.latency(0);
  await closed;
  return { sent, back: Buffer.concat(back) };
}

test("held up and delayed, everything arrives, and the end after it", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = seededRandom(seed);
    await using proxy = await FaultProxy.start(`127.0.0.1:${(server.address() as AddressInfo).port}`, { random });
    received = [];
    const { sent, back } = await converse(proxy, random, () => {
      const direction = random.pick(["toClient", "toServer", "both"] as const);
      if (random.below(2) === 0) proxy.stall(direction);
      else proxy.resume(direction);
      proxy.latency({ minMs: 0, maxMs: random.below(5) }, direction);
    });
    expect(Buffer.concat(received[0] ?? []).equals(sent), `to the server, seed ${seed}`).toBe(true);
    expect(back.equals(sent), `to the client, seed ${seed}`).toBe(true);
    await expect.poll(() => proxy.counts).toMatchObject({ cut: 0, open: 0 });
  }
});

test("cut anywhere, by force or at a frame, a beginning arrives", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seededRandom(seed);
    await using proxy = await FaultProxy.start(`127.0.0.1:${(server.address() as AddressInfo).port}`, { random });
    received = [];
    if (random.below(2) === 0) proxy.dropRequest(() => random.below(20) === 0);
    if (random.below(2) === 0) proxy.dropReply(() => random.below(20) === 0);
    const { sent, back } = await converse(proxy, random, () => {
      const what = random.below(30);
      if (what === 0) proxy.cut();
      else if (what < 8) proxy.stall(random.pick(["toClient", "toServer", "both"] as const));
      else if (what < 20) proxy.resume();
    });
    const came = Buffer.concat(received[0] ?? []);
    expect(came.equals(sent.subarray(0, came.length)), `to the server, seed ${seed}`).toBe(true);
    expect(back.equals(sent.subarray(0, back.length)), `to the client, seed ${seed}`).toBe(true);
    expect(back.length).toBeLessThanOrEqual(came.length);
  }
});
