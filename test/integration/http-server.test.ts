/** The thin HTTP server of @corral/io, over real sockets. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { type HttpServer, type HttpServerOptions, NodeTlsListener, serveHttp } from "@corral/io";
import { afterEach, expect, test } from "vitest";
import { ca, server as certificate } from "../support/certificates.ts";

let server: HttpServer;
const errors: unknown[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
});

async function serving(handler: (request: Request) => Promise<Response>): Promise<string> {
  errors.length = 0;
  server = await serveHttp(handler, { onError: (error) => errors.push(error) });
  return server.url;
}

/** What is answered to `text`, sent as it is. */
async function raw(text: string): Promise<string> {
  const socket = connect(server.address);
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk.toString();
  });
  socket.end(text);
  await once(socket, "close");
  return answer;
}

test("hands on method, path, headers and body, and the response with all its headers", async () => {
  const url = await serving(async (request) => {
    const { pathname, search } = new URL(request.url);
    const told = `${request.method} ${pathname}${search} ${request.headers.get("x-a")} ${await request.text()}`;
    const headers = new Headers([
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ]);
    return new Response(told, { status: 201, headers });
  });
  const response = await fetch(`${url}/a%20b?c=d`, { method: "PUT", headers: { "x-a": "1" }, body: "é" });
  expect([response.status, await response.text()]).toEqual([201, "PUT /a%20b?c=d 1 é"]);
  expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
});

test("a handler that rejects is a 500 and is heard of; HEAD has no body", async () => {
  const url = await serving((request) =>
    request.method === "HEAD" ? Promise.resolve(new Response("body")) : Promise.reject(new Error("broken")),
  );
  expect((await fetch(url)).status).toBe(500);
  expect(errors).toEqual([new Error("broken")]);
  const head = await fetch(url, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
});

test("who asks on and on before there is an answer is cut off, and little of it is looked at", async () => {
  let asked = 0;
  await serving(() => {
    asked++;
    return new Promise(() => {});
  });
  const socket = connect(server.address);
  sockets.push(socket);
  socket.on("error", () => {});
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000));
  await once(socket, "close");
  expect(asked).toBe(8);
});

test("a body that nobody reads does not stand before the next request of the connection", async () => {
  await serving(async ({ method }) => new Response(method));
  const answer = await raw(
    "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
  );
  expect(answer.match(/^HTTP\/1.1 \d+/gm)).toEqual(["HTTP/1.1 200", "HTTP/1.1 200"]);
});

test("of a long body that nobody reads the rest is not waited for: the answer says so, and the connection ends", async () => {
  await serving(async () => new Response("no", { status: 401 }));
  const socket = connect(server.address);
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk.toString();
  });
  socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n");
  socket.write("x".repeat(100_000));
  await once(socket, "close");
  expect(answer).toMatch(/^HTTP\/1.1 401 /);
  expect(answer).toMatch(/^connection: close\r$/im);
  expect(errors).toEqual([]);
});

test("what the Fetch API has no words for is refused", async () => {
  await serving(async () => new Response("reached"));
  expect(await raw("TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).toMatch(/^HTTP\/1.1 400/);
  expect(await raw("GET http:// HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).toMatch(/^HTTP\/1.1 400/);
  expect(await raw("GET / HTTP/1.1\r\nHost: ::: \r\nConnection: close\r\n\r\n")).toMatch(/^HTTP\/1.1 200/);
});

test("closes when what is under way has been answered", async () => {
  let answer = (_response: Response): void => {};
  const asked = new Promise<void>((resolve) => {
    void serving(() => {
      resolve();
      return new Promise((settle) => {
        answer = settle;
      });
    }).then((url) => pending.push(fetch(url)));
  });
  const pending: Promise<Response>[] = [];
  await asked;
  const closed = server.close();
  answer(new Response("done"));
  expect(await (await pending[0])?.text()).toBe("done");
  await closed;
  await expect(fetch(server.url)).rejects.toThrow();
});

/** A connection that has been counted, with the text that it sends: its answer waits, or it asks for nothing. */
async function connection(text = "", options?: ConnectionOptions): Promise<Socket> {
  const counted = server.connections;
  const socket = options ? connectTls({ ...server.address, ...options }) : connect(server.address);
  sockets.push(socket);
  socket.on("error", () => socket.destroy());
  if (options) await once(socket, "secureConnect");
  if (text !== "") socket.write(text);
  await expect.poll(() => server.connections).toBe(counted + 1);
  return socket;
}

/** Not `once`, which rejects for who learns it by an error. */
const gone = (socket: Socket): Promise<void> => new Promise((resolve) => void socket.resume().once("close", resolve));

const request = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

/** More than the system takes of an answer that nobody reads. */
const largeBytes = 64 << 20;

/** Answers `/` at once and the others when it is told to, and keeps who was closed. */
async function servingFew(maxConnections: number, options: HttpServerOptions = {}) {
  const refused: [remote: string, why: string][] = [];
  const asked: string[] = [];
  let answer = (): void => undefined;
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const handler = async ({ url }: Request, remote: string): Promise<Response> => {
    asked.push(remote);
    if (new URL(url).pathname === "/later") await answered;
    return new Response(new URL(url).pathname === "/large" ? new Uint8Array(largeBytes) : "here");
  };
  const onRefused = (remote: string, why: string): void => void refused.push([remote, why]);
  server = await serveHttp(handler, { maxConnections, onRefused, ...options });
  return { refused, asked, answer };
}

test("so many connections and no more; who is closed is told of, and who asks is known by his address", async () => {
  const { refused, asked, answer } = await servingFew(1);
  const first = await connection(request("/later"));
  await expect.poll(() => asked).toEqual(["127.0.0.1"]);
  const second = connect(server.address);
  second.on("error", () => second.destroy());
  await gone(second);
  expect(refused).toEqual([["127.0.0.1", "new"]]);
  answer();
  await once(first, "data");
  first.destroy();
  await expect.poll(() => server.connections).toBe(0);
  expect(await (await fetch(server.url)).text()).toBe("here");
  expect(asked).toEqual(["127.0.0.1", "127.0.0.1"]);
});

test("who has asked for nothing for longest makes room for who comes; who waits for his answer stays", async () => {
  const { refused, asked, answer } = await servingFew(4);
  const idle = await connection(request("/"));
  await once(idle, "data");
  const silent = await connection();
  const waiting = await connection(request("/later"));
  await expect.poll(() => asked.length).toBe(2);
  const half = await connection("GET / HT");
  // Asked again, it is the last of them.
  idle.write(request("/"));
  await once(idle, "data");
  for (const leaving of [silent, half, idle]) {
    const left = gone(leaving);
    const newcomer = connect(server.address);
    sockets.push(newcomer);
    newcomer.write(request("/later"));
    await left;
  }
  expect(refused).toEqual(Array(3).fill(["127.0.0.1", "silent"]));
  await expect.poll(() => asked.length).toBe(6);
  expect(server.connections).toBe(4);
  answer();
  await once(waiting, "data");
});

test("who takes nothing of his answer for long makes room too, if nobody is silent; who still waits for his stays", async () => {
  const { refused, asked, answer } = await servingFew(2, { stalledMs: 50 });
  const waiting = await connection(request("/later"));
  const stalled = connect(server.address);
  sockets.push(stalled);
  stalled.on("error", () => undefined);
  stalled.pause().write(request("/large"));
  await expect.poll(() => asked.length).toBe(2);
  // Refused until the other one has been still for long enough.
  await expect.poll(async () => (await fetch(server.url)).text().catch(String), { timeout: 20_000 }).toBe("here");
  expect(refused.at(-1)).toEqual(["127.0.0.1", "stalled"]);
  expect(refused.slice(0, -1).every(([, why]) => why === "new")).toBe(true);
  answer();
  await once(waiting, "data");
});

test("so it is with TLS, in whose handshake one can be silent as well", async () => {
  const limits = { clientAuth: "none", handshakeMs: 1_000_000, maxHandshakes: 10, onRefused: () => undefined } as const;
  const tls = { orPlain: true, listener: new NodeTlsListener(certificate, limits) };
  const { refused, asked } = await servingFew(3, { tls });
  const silent = await connection();
  const half = await connection("GET / HT", { ca, servername: "localhost" });
  const waiting = await connection(request("/later"), { ca, servername: "localhost" });
  await expect.poll(() => asked.length).toBe(1);
  for (const leaving of [silent, half]) {
    const left = gone(leaving);
    const newcomer = connect(server.address);
    sockets.push(newcomer);
    newcomer.write(request("/later"));
    await left;
  }
  await expect.poll(() => asked.length).toBe(3);
  expect(refused).toEqual(Array(2).fill(["127.0.0.1", "silent"]));
  expect([server.connections, waiting.destroyed]).toEqual([3, false]);
});
