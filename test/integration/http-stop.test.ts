/** How the HTTP server of @corral/io stops, whatever those who are connected do, and who leaves in the middle. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { type HttpHandler, type HttpServer, type HttpServerOptions, NodeTlsListener, serveHttp } from "@corral/io";
import { afterEach, expect, test } from "vitest";
import { ca, server as certificate } from "../support/certificates.ts";

/** Some twelve days: what waits for it does not come while a test lasts. */
const forever = 1_000_000_000;

let server: HttpServer;
const sockets: Socket[] = [];
const errors: unknown[] = [];
const aborted: string[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
});

async function serving(handler: HttpHandler, options: HttpServerOptions = {}): Promise<void> {
  errors.length = 0;
  aborted.length = 0;
  server = await serveHttp(handler, {
    onError: (error) => errors.push(error),
    onAborted: (remote) => aborted.push(remote),
    lastAnswersMs: forever,
    ...options,
  });
}

const tls = (orPlain: boolean): HttpServerOptions["tls"] => {
  const onRefused = (): void => undefined;
  const limits = { clientAuth: "none", handshakeMs: forever, maxHandshakes: 10 } as const;
  return { orPlain, listener: new NodeTlsListener(certificate, { ...limits, onRefused }) };
};

/** A connection that sends `text` and then nothing more. */
async function hostile(text = "", isTls = false): Promise<Socket> {
  const socket = isTls ? connectTls({ ...server.address, ca, servername: "localhost" }) : connect(server.address);
  sockets.push(socket);
  // Whom the server cuts off may learn it by an error.
  socket.on("error", () => socket.destroy());
  await once(socket, isTls ? "secureConnect" : "connect");
  if (text !== "") socket.write(text);
  return socket;
}

/** Not `once`, which rejects for who learns it by an error. */
const gone = (socket: Socket): Promise<void> => new Promise((resolve) => void socket.resume().once("close", resolve));

const request = (line: string, more = ""): string => `${line} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;

/** More than the buffers between two processes hold, and told when nobody wants the rest. */
function endless(): { body: ReadableStream<Uint8Array>; canceled: Promise<void>; started: Promise<void> } {
  let onCanceled = (): void => undefined;
  let onStarted = (): void => undefined;
  const canceled = new Promise<void>((resolve) => {
    onCanceled = resolve;
  });
  const started = new Promise<void>((resolve) => {
    onStarted = resolve;
  });
  // Not pulled before somebody reads.
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        onStarted();
        controller.enqueue(new Uint8Array(64 << 10));
      },
      cancel: () => onCanceled(),
    },
    { highWaterMark: 0 },
  );
  return { body, canceled, started };
}

// Each of these kept the server from closing for as long as the connection stood, or for Node's own time-outs of many seconds.
test("who has asked nothing, or not to the end, is closed at once", async () => {
  let reading = (): void => undefined;
  const isReading = new Promise<void>((resolve) => {
    reading = resolve;
  });
  let hasEnded = false;
  const unread = "Content-Length: 100000\r\n";
  await serving(async ({ method, body }) => {
    if (method === "PUT") {
      reading();
      try {
        for await (const _ of body ?? []);
      } finally {
        hasEnded = true;
      }
    }
    return new Response("here");
  });
  const silent = await hostile();
  const half = await hostile("GET / HTTP/1.1\r\nHos");
  const idle = await hostile(request("GET /"));
  await once(idle, "data");
  const wanted = await hostile(`${request("PUT /", unread)}abc`);
  await isReading;
  await expect.poll(() => server.connections).toBe(4);
  const all = [silent, half, idle, wanted].map(gone);
  await server.stop();
  expect(hasEnded).toBe(true);
  await server.close();
  await Promise.all(all);
  // The handler was in the middle of a body: that its sender is gone is nobody's fault here.
  expect([aborted, errors]).toEqual([["127.0.0.1"], []]);
});

test("so it is with TLS: without a word, without a request, and in clear where both are taken", async () => {
  await serving(async () => new Response("here"), { tls: tls(true) });
  const all = [await hostile(), await hostile("", true), await hostile("GET / HT"), await hostile("GET / HT", true)];
  await expect.poll(() => server.connections).toBe(4);
  const ends = all.map(gone);
  await server.close();
  await Promise.all(ends);
});

test.each([false, true])("who does not take his answer is cut off when his time is over (TLS: %s)", async (isTls) => {
  const { body, canceled, started } = endless();
  await serving(async () => new Response(body), { lastAnswersMs: 50, ...(isTls && { tls: tls(false) }) });
  const still = await hostile(request("GET /"), isTls);
  still.pause();
  await started;
  await server.close();
  await canceled;
  await expect.poll(() => aborted).toEqual(["127.0.0.1"]);
  expect(errors).toEqual([]);
});

test("stop waits for the handler, not for who takes the answer, and asks the handler nothing more", async () => {
  const { body, started } = endless();
  let answer = (_: Response): void => undefined;
  const asked: string[] = [];
  await serving(({ url }) => {
    asked.push(new URL(url).pathname);
    return new Promise((resolve) => {
      answer = resolve;
    });
  });
  const still = await hostile(request("GET /a"));
  await expect.poll(() => asked).toEqual(["/a"]);
  let hasStopped = false;
  const stopped = server.stop().then(() => {
    hasStopped = true;
  });
  still.write(request("GET /b"));
  // The port is given up when the stop has begun.
  await expect(once(connect(server.address), "connect")).rejects.toThrow();
  expect(hasStopped).toBe(false);
  answer(new Response(body));
  await stopped;
  await started;
  expect(server.connections).toBe(1);
  still.destroy();
  await server.close();
  expect(asked).toEqual(["/a"]);
});

test("an answer that had begun before the stop is finished, and its connection ends then", async () => {
  let rest: ReadableStreamDefaultController<string> | undefined;
  const body = new ReadableStream<string>({
    start(controller) {
      rest = controller;
      controller.enqueue("begun, ");
    },
  });
  await serving(async () => new Response(body.pipeThrough(new TextEncoderStream())));
  const reader = await hostile(request("GET /"));
  let text = "";
  reader.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  await once(reader, "data");
  const end = gone(reader);
  const closed = server.close();
  rest?.enqueue("and finished");
  rest?.close();
  await closed;
  await end;
  // Kept alive as it was when the answer began: the server ends it.
  expect(text).toMatch(/connection: keep-alive.*begun, .*and finished/is);
});

test("who leaves in the middle of his answer is no error, and what he had asked for behind it is let go", async () => {
  const bodies = [endless(), endless()];
  const waiting = [...bodies];
  await serving(async () => new Response(waiting.shift()?.body));
  const leaver = await hostile(request("GET /") + request("GET /"));
  leaver.pause();
  await Promise.all(bodies.map(({ started }) => started));
  leaver.resetAndDestroy();
  await Promise.all(bodies.map(({ canceled }) => canceled));
  await expect.poll(() => aborted).toEqual(["127.0.0.1"]);
  expect(errors).toEqual([]);
});

test("a body that cannot be made is an error, also if it fails as a connection does", async () => {
  await serving(async ({ url }) => {
    if (url.endsWith("/reset")) throw Object.assign(new Error("another connection"), { code: "ECONNRESET" });
    return new Response(new ReadableStream({ pull: (controller) => controller.error(new Error("EIO")) }));
  });
  expect((await fetch(`${server.url}/reset`)).status).toBe(500);
  await expect(fetch(server.url).then((response) => response.text())).rejects.toThrow();
  await expect.poll(() => errors).toMatchObject([{ message: "another connection" }, { message: "EIO" }]);
  expect(aborted).toEqual([]);
});
