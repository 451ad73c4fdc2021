/** The thin HTTP server of @corral/io, over real sockets. */
import { once } from "node:events";
import { connect } from "node:net";
import { type HttpServer, serveHttp } from "@corral/io";
import { afterEach, expect, test } from "vitest";

let server: HttpServer;
const errors: unknown[] = [];
afterEach(() => server.close());

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

test("so many connections and no more; who is closed is told of, and who asks is known by his address", async () => {
  const refused: string[] = [];
  const asked: string[] = [];
  const answer = async (_: Request, remote: string): Promise<Response> => {
    asked.push(remote);
    return new Response("here");
  };
  server = await serveHttp(answer, { maxConnections: 1, onRefused: (remote) => refused.push(remote) });
  const first = connect(server.address);
  await once(first, "connect");
  // Its first answer shows that it was counted.
  first.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(first, "data");
  expect(server.connections).toBe(1);
  const second = connect(server.address);
  second.on("error", () => second.destroy());
  await once(second.resume(), "close");
  expect(refused).toEqual(["127.0.0.1"]);
  first.destroy();
  await expect.poll(() => server.connections).toBe(0);
  expect(await (await fetch(server.url)).text()).toBe("here");
  expect(asked).toEqual(["127.0.0.1", "127.0.0.1"]);
});
