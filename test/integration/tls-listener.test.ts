/** Handshakes that are under way at the same time, also on more than one port, and those who keep silent. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { NodeTlsListener } from "@corral/io";
import { expect, test } from "vitest";
import { ca, server as certificate } from "../support/certificates.ts";

interface HeldHandshake {
  readonly carrier: Socket;
  readonly tls: TLSSocket;
  /** Lets the client see what the server has answered. */
  readonly finish: () => void;
}

/** Begins a handshake, and stops in the middle: the server has answered, and the client has not seen it. */
async function beginHandshake(port: number, localPort: number): Promise<HeldHandshake> {
  // With an address of its own the socket is bound as one whose port others may have, too.
  const carrier = connect({ host: "127.0.0.1", port, localAddress: "127.0.0.1", localPort });
  await once(carrier, "connect");
  const held = new Duplex({
    read: () => undefined,
    write: (chunk, _, done) => void carrier.write(chunk, () => done()),
  });
  const tls = connectTls({ socket: held, servername: "localhost", ca });
  const answer = await new Promise<Buffer>((resolve) => {
    carrier.once("data", (chunk: Buffer) => {
      carrier.pause();
      resolve(chunk);
    });
  });
  const finish = (): void => {
    held.push(answer);
    carrier.on("data", (chunk) => held.push(chunk));
    carrier.resume();
  };
  return { carrier, tls, finish };
}

test("one client's handshakes on two ports, from the same port of its own, do not end each other", async () => {
  const refused: string[] = [];
  const listener = new NodeTlsListener(certificate, {
    clientAuth: "none",
    handshakeMs: 120_000,
    maxHandshakes: 10,
    onRefused: (_, reason) => void refused.push(reason),
  });
  const remotePorts: number[] = [];
  let both = (): void => undefined;
  const through = new Promise<void>((resolve) => {
    both = resolve;
  });
  const listen = () =>
    listener.listener({ orPlain: false }).listen({ host: "127.0.0.1", port: 0 }, ({ remote }) => {
      remotePorts.push(remote.port);
      if (remotePorts.length === 2) both();
    });
  const ports = [await listen(), await listen()];
  const handshakes: HeldHandshake[] = [];
  for (const { address } of ports) {
    handshakes.push(await beginHandshake(address.port, handshakes[0]?.carrier.localPort ?? 0));
  }
  expect(listener.handshakes).toBe(2);
  for (const { finish } of handshakes) finish();
  await through;
  expect(new Set(remotePorts).size).toBe(1);
  // What is not over would be cut off when its time is up.
  expect([listener.handshakes, refused]).toEqual([0, []]);
  for (const { tls, carrier } of handshakes) {
    tls.destroy();
    carrier.destroy();
  }
  for (const port of ports) await port.close();
});

test("neither the silent nor stalled handshakes keep those out who speak without TLS; the longest silent one goes", async () => {
  const refused: string[] = [];
  const listener = new NodeTlsListener(certificate, {
    clientAuth: "none",
    handshakeMs: 120_000,
    maxHandshakes: 2,
    onRefused: (_, reason) => void refused.push(reason),
  });
  let onStream = (): void => undefined;
  const port = await listener.listener({ orPlain: true }).listen({ host: "127.0.0.1", port: 0 }, () => onStream());
  const sockets: Socket[] = [];
  const connected = async (): Promise<Socket> => {
    const socket = connect(port.address).on("error", () => undefined);
    sockets.push(socket);
    await once(socket, "connect");
    return socket;
  };
  for (const stalled of [await beginHandshake(port.address.port, 0), await beginHandshake(port.address.port, 0)]) {
    sockets.push(stalled.carrier);
    stalled.tls.on("error", () => undefined);
  }
  expect(listener.handshakes).toBe(2);
  const third = await connected();
  third.write(Buffer.from([0x16]));
  await once(third, "close");
  expect(refused.splice(0)).toEqual(["2 TLS handshakes are under way (limit maxHandshakes)"]);
  const silent = [await connected(), await connected()];
  const through = new Promise<void>((resolve) => {
    onStream = resolve;
  });
  (await connected()).write("ruok");
  await once(silent[0] as Socket, "close");
  await through;
  expect(refused).toEqual(["it was silent, and made room for others (limit maxHandshakes)"]);
  expect([silent[1]?.destroyed, listener.handshakes]).toEqual([false, 2]);
  for (const socket of sockets) socket.destroy();
  await port.close();
});

// They were waited for until their time was over, though the port was given up, and kept the process from ending.
test("a port that closes gives up at once who has not said a word, or is in the middle of a handshake", async () => {
  const listener = new NodeTlsListener(certificate, {
    clientAuth: "none",
    handshakeMs: 1_000_000_000,
    maxHandshakes: 10,
    onRefused: () => undefined,
  });
  const port = await listener.listener({ orPlain: true }).listen({ host: "127.0.0.1", port: 0 }, () => undefined);
  const silent = connect(port.address);
  await once(silent, "connect");
  // It came later, so that the silent one was accepted as well.
  const held = await beginHandshake(port.address.port, 0);
  expect(listener.handshakes).toBe(1);
  const ends = [silent, held.carrier].map((socket) => once(socket.resume(), "close"));
  await port.close();
  await Promise.all(ends);
  expect(listener.handshakes).toBe(0);
  held.tls.destroy();
});
