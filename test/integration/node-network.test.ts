/** Node's TCP: the contract of the `Dialer`, `Listener` and `ByteStream` ports on real sockets. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type ByteStream, type Listening, nodeDialer, nodeListener } from "@corral/io";
import { afterEach, describe, expect, it } from "vitest";

const signal = new AbortController().signal;
const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

/** What a stream has told its owner, and promises for what it will tell. */
class Log {
  readonly events: string[] = [];
  received = "";
  receivedBytes = 0;
  error: Error | undefined;
  readonly stream: ByteStream;
  readonly #waiting = new Set<() => void>();

  constructor(stream: ByteStream) {
    this.stream = stream;
    opened.push({ close: async () => stream.destroy() });
  }

  attach(): this {
    this.stream.attach({
      onData: (chunk) => {
        if (this.receivedBytes < 1_000) this.received += chunk.toString();
        this.receivedBytes += chunk.length;
        this.#note("data");
      },
      onDrain: () => this.#note("drain"),
      onClose: (error) => {
        this.error = error;
        this.#note("close");
      },
    });
    return this;
  }

  /** Resolves when the condition holds, which is looked at after each event. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!condition()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  closed(): Promise<void> {
    return this.until(() => this.events.includes("close"));
  }

  #note(event: string): void {
    this.events.push(event);
    for (const look of this.#waiting) look();
  }
}

/** A listener, and a promise for the next stream that it accepts. */
async function listen(): Promise<{ listening: Listening; port: number; accepted: () => Promise<Log> }> {
  const streams: ByteStream[] = [];
  const waiting: ((stream: ByteStream) => void)[] = [];
  const listening = await nodeListener.listen({ host: "127.0.0.1", port: 0 }, (stream) => {
    const next = waiting.shift();
    if (next) next(stream);
    else streams.push(stream);
  });
  opened.push(listening);
  const accepted = async () =>
    new Log(streams.shift() ?? (await new Promise<ByteStream>((resolve) => waiting.push(resolve))));
  return { listening, port: listening.address.port, accepted };
}

async function dial(port: number, host = "127.0.0.1"): Promise<Log> {
  return new Log(await nodeDialer.dial({ host, port }, { signal }));
}

async function rawSocket(port: number, options: { allowHalfOpen?: boolean } = {}): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port, ...options });
  socket.on("error", () => undefined);
  opened.push({ close: async () => void socket.destroy() });
  await once(socket, "connect");
  return socket;
}

describe("a stream", () => {
  it("carries bytes both ways and ends in order on both sides", async () => {
    const { port, accepted } = await listen();
    const client = (await dial(port, "localhost")).attach();
    const server = (await accepted()).attach();
    expect(client.stream.remote).toEqual({ host: "127.0.0.1", port });
    expect(server.stream.remote.host).toBe("127.0.0.1");
    for (const part of ["one ", "", "two ", "three"]) client.stream.write(Buffer.from(part));
    await server.until(() => server.received === "one two three");
    expect(server.events).toEqual(["data"]);
    server.stream.write(Buffer.from("answer"));
    server.stream.end();
    await Promise.all([client.closed(), server.closed()]);
    expect(client.received).toBe("answer");
    expect([client.error, server.error]).toEqual([undefined, undefined]);
    client.stream.write(Buffer.from("too late"));
    client.stream.end();
    client.stream.destroy();
    client.stream.pauseReading(false);
    expect(client.stream.unsentBytes).toBe(0);
  });

  it("keeps what comes before it is attached, also its end", async () => {
    const { port, accepted } = await listen();
    const socket = await rawSocket(port);
    socket.end("early");
    const server = await accepted();
    server.stream.pauseReading(true);
    server.stream.pauseReading(false);
    await new Promise((resolve) => setTimeout(resolve, 20));
    server.attach();
    expect(server.events).toEqual([]);
    await server.closed();
    expect(server.received).toBe("early");
    expect(() => server.attach()).toThrow(/once/);
  });

  it("tells of a reset that came before it was attached", async () => {
    const { port, accepted } = await listen();
    const socket = await rawSocket(port);
    const server = await accepted();
    socket.resetAndDestroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
    server.attach();
    expect(server.events).toEqual([]);
    await server.closed();
    expect(server.error).toMatchObject({ code: "ECONNRESET" });
  });

  it("closes once with the error when the other side resets it", async () => {
    const { port, accepted } = await listen();
    const socket = await rawSocket(port);
    const server = (await accepted()).attach();
    socket.write("x");
    await server.until(() => server.received === "x");
    socket.resetAndDestroy();
    await server.closed();
    server.stream.destroy();
    server.stream.destroy();
    await new Promise((resolve) => setImmediate(resolve));
    expect(server.error).toMatchObject({ code: "ECONNRESET" });
    expect(server.events).toEqual(["data", "close"]);
  });

  it("closes once, without an error, when it is destroyed here", async () => {
    const { port, accepted } = await listen();
    const client = (await dial(port)).attach();
    const server = (await accepted()).attach();
    client.stream.write(Buffer.alloc(1_000));
    client.stream.destroy();
    client.stream.destroy();
    expect(client.events).toEqual([]);
    await Promise.all([client.closed(), server.closed()]);
    expect(client.events).toEqual(["close"]);
    expect(client.error).toBeUndefined();
  });

  it("lets the other side feel that it is not read, counts what has not been taken, and says when it has", async () => {
    const { port, accepted } = await listen();
    const client = (await dial(port)).attach();
    const server = (await accepted()).attach();
    server.stream.pauseReading(true);
    let written = 0;
    while (client.stream.unsentBytes < 4_000_000) {
      client.stream.write(Buffer.alloc(100_000));
      written += 100_000;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(server.receivedBytes).toBe(0);
    const drainsBefore = client.events.length;
    server.stream.pauseReading(false);
    await client.until(() => client.events.length > drainsBefore && client.stream.unsentBytes === 0);
    expect(client.events.at(-1)).toBe("drain");
    await server.until(() => server.receivedBytes === written);
  });

  it("tells who reads slowly from who does not read, though nothing has left whole", async () => {
    const { port, accepted } = await listen();
    const { stream } = (await dial(port)).attach();
    const server = (await accepted()).attach();
    server.stream.pauseReading(true);
    stream.write(Buffer.alloc(64 << 20));
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    // Until the buffers between the two are full.
    for (let before: number | undefined = -1; before !== stream.outputMark; await turn()) before = stream.outputMark;
    const before = stream.outputMark;
    while (stream.outputMark === before) {
      server.stream.pauseReading(false);
      await turn();
      server.stream.pauseReading(true);
    }
    expect(stream.unsentBytes).toBe(64 << 20);
    stream.destroy();
  });

  it("still answers one that has said all it had to say", async () => {
    const { port, accepted } = await listen();
    const socket = await rawSocket(port, { allowHalfOpen: true });
    const server = (await accepted()).attach();
    socket.end("ruok");
    await server.until(() => server.received === "ruok");
    await new Promise((resolve) => setImmediate(resolve));
    server.stream.write(Buffer.from("imok"));
    const [answer] = await once(socket, "data");
    expect(String(answer)).toBe("imok");
    await server.closed();
    expect(server.error).toBeUndefined();
  });

  it("does not wait for ever for one that does not end its half", async () => {
    const { port, accepted } = await listen();
    const socket = await rawSocket(port, { allowHalfOpen: true });
    socket.resume();
    const server = (await accepted()).attach();
    server.stream.write(Buffer.from("bye"));
    server.stream.end();
    await once(socket, "end");
    await server.closed();
    expect(socket.destroyed).toBe(false);
  });

  it("does not wait at all for one that has nothing more to say, which gets everything", async () => {
    const { port, accepted } = await listen();
    const socket = await rawSocket(port, { allowHalfOpen: true });
    const server = (await accepted()).attach();
    server.stream.write(Buffer.from("bye"));
    server.stream.end(true);
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    // Far from the seconds that it would wait for the other half.
    for (let turns = 0; turns < 10; turns++) await turn();
    expect(server.events).toContain("close");
    expect(server.error).toBeUndefined();
    let received = "";
    for await (const chunk of socket) received += String(chunk);
    expect(received).toBe("bye");
  });

  it("sends what the other side has not taken yet before an end that is mutual, too", async () => {
    const { port, accepted } = await listen();
    const socket = await rawSocket(port);
    const server = (await accepted()).attach();
    server.stream.write(Buffer.alloc(16 << 20));
    server.stream.end(true);
    let bytes = 0;
    for await (const chunk of socket) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(16 << 20);
    await server.closed();
  });
});

describe("dialing", () => {
  it("rejects with the system's error, which names the address", async () => {
    const { listening, port } = await listen();
    await listening.close();
    const refused = expect.objectContaining({ code: "ECONNREFUSED", message: expect.stringContaining(`:${port}`) });
    await expect(dial(port)).rejects.toEqual(refused);
    await expect(dial(port, "localhost")).rejects.toEqual(refused);
    await expect(dial(port, "nowhere.invalid")).rejects.toMatchObject({
      code: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/),
    });
  });

  it("rejects with the signal's reason when that comes first, and leaves nothing open", async () => {
    const { port, accepted } = await listen();
    const reason = new Error("enough");
    await expect(nodeDialer.dial({ host: "127.0.0.1", port }, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    const controller = new AbortController();
    const dialing = nodeDialer.dial({ host: "127.0.0.1", port }, { signal: controller.signal });
    controller.abort(reason);
    await expect(dialing).rejects.toBe(reason);
    // The listener may have accepted what was given up; then it is told that it is over.
    const client = (await dial(port)).attach();
    client.stream.write(Buffer.from("only me"));
    let server = (await accepted()).attach();
    await server.until(() => server.events.length > 0);
    if (server.received === "") {
      expect(server.events).toEqual(["close"]);
      server = (await accepted()).attach();
    }
    await server.until(() => server.received === "only me");
  });
});

describe("listening", () => {
  it("rejects when the port is taken", async () => {
    const { port } = await listen();
    await expect(nodeListener.listen({ host: "127.0.0.1", port }, () => undefined)).rejects.toMatchObject({
      code: "EADDRINUSE",
    });
  });

  it("stops accepting, gives the port up at once, and lets accepted streams live on", async () => {
    const { listening, port, accepted } = await listen();
    const client = (await dial(port)).attach();
    const server = (await accepted()).attach();
    await listening.close();
    await listening.close();
    await expect(dial(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    client.stream.write(Buffer.from("still here"));
    await server.until(() => server.received === "still here");
    opened.push(await nodeListener.listen({ host: "127.0.0.1", port }, () => undefined));
  });
});
