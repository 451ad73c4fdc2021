/** The HTTP face on a registry that is only a list. */
import { silentLogger } from "@corral/io";
import { describe, expect, test } from "vitest";
import { anInstance } from "../test-support/instances.ts";
import { InvalidPayloadError, NameTakenError } from "./errors.ts";
import { isWanted } from "./filter.ts";
import { type Answering, type HttpOptions, httpHandler } from "./http-handler.ts";
import type { InstanceSpec, ServiceInstance } from "./instance.ts";

const random = { bytes: (length: number) => new Uint8Array(length), fraction: () => 0 };

function face(instances: ServiceInstance[], options: HttpOptions = {}) {
  const put: InstanceSpec[] = [];
  const removed: string[] = [];
  const errors: unknown[] = [];
  const registry: Answering<unknown, unknown> = {
    names: async () => ["billing", "s"],
    instances: async (name, filter = {}) => instances.filter((one) => one.name === name && isWanted(one, filter)),
    put: async (spec) => {
      if (spec.id === "held") throw new NameTakenError(spec.name, { id: "held", holds: "id" });
      if (spec.payload === "wrong") throw new InvalidPayloadError("s/x", ["is wrong"]);
      if (spec.payload === "broken") throw new Error("broken");
      put.push(spec);
    },
    remove: async (name, id) => removed.push(`${name}/${id}`) > 0,
  };
  const logger = { ...silentLogger, error: ({ err }: { readonly err?: unknown }) => errors.push(err) };
  const handler = httpHandler({ random, logger }, registry, options);
  const ask = async (method: string, path: string, body?: unknown) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const response = await handler(
      new Request(`http://localhost${path}`, { method, ...(body !== undefined && { body: text }) }),
    );
    const answer = await response.text();
    return [response.status, answer === "" ? undefined : JSON.parse(answer)];
  };
  return { ask, handler, put, removed, errors };
}

const bare = { address: "10.0.0.1", port: 8080, registrationTimeUTC: 0, enabled: true, health: "passing" };

describe("reading", () => {
  const { ask } = face([
    anInstance("a", { tags: ["v2"], zone: "eu", payload: { version: "1" } }),
    anInstance("b", { health: "draining", sslPort: 8443, weight: 3 }),
  ]);

  test("the names", async () => {
    expect(await ask("GET", "/v1/service")).toEqual([200, [{ name: "billing" }, { name: "s" }]]);
  });

  const a = {
    name: "s",
    id: "a",
    ...bare,
    serviceType: "DYNAMIC",
    payload: { version: "1" },
    tags: ["v2"],
    zone: "eu",
  };
  const b = {
    name: "s",
    id: "b",
    ...bare,
    serviceType: "DYNAMIC",
    payload: null,
    health: "draining",
    sslPort: 8443,
    weight: 3,
  };

  test.each([
    ["/v1/service/s", [a, b]],
    ["/v1/service/s/", [a, b]],
    ["/v1/service/s?tag=v2&zone=eu", [a]],
    ["/v1/service/s?health=draining&health=critical", [b]],
    ["/v1/service/s?enabled=false", []],
    ["/v1/service/none", []],
    ["/v1/service/s/b", b],
    ["/v1/anyservice/s", a],
    ["/v1/anyservice/s?health=draining", b],
  ])("%s", async (path, expected) => expect(await ask("GET", path)).toEqual([200, expected]));

  test.each([
    "/v1/service/s/c",
    "/v1/anyservice/none",
    "/v1/anyservice/s?zone=us",
    "/",
    "/v2/service",
    "/v1/anyservice",
    "/v1/service/s/a/more",
  ])("%s is not there", async (path) => expect((await ask("GET", path))[0]).toBe(404));
});

describe("writing", () => {
  const wanted = { name: "s", id: "x", address: "10.0.0.9", port: 80, serviceType: "STATIC", payload: { a: 1 } };

  test("an instance that nobody stands behind", async () => {
    const { ask, put } = face([]);
    const all = { ...wanted, tags: ["t"], metadata: { m: "1" }, weight: 2, zone: "eu", uriSpec: "{scheme}://x" };
    expect(await ask("PUT", "/v1/service/s/x", { ...all, registrationTimeUTC: 5, later: true })).toEqual([
      201,
      undefined,
    ]);
    expect(put).toEqual([{ ...all, enabled: true, sslPort: undefined }]);
  });

  test.each<[string, unknown, number]>([
    ["/v1/service/s/y", wanted, 400],
    ["/v1/service/other/x", wanted, 400],
    ["/v1/service/s/x", { ...wanted, serviceType: "DYNAMIC" }, 400],
    ["/v1/service/s/x", { ...wanted, serviceType: "ODD" }, 400],
    ["/v1/service/s/x", { ...wanted, port: "80" }, 400],
    ["/v1/service/s/x", { ...wanted, tags: "t" }, 400],
    ["/v1/service/s/x", { ...wanted, payload: "wrong" }, 400],
    ["/v1/service/s/x", "{", 400],
    ["/v1/service/s/x", "[]", 400],
    ["/v1/service/s/held", { ...wanted, id: "held" }, 409],
    ["/v1/service/s/x", { ...wanted, payload: "x".repeat(300) }, 413],
    ["/v1/service/%E0%A4%A/x", wanted, 400],
  ])("%s %j: %i", async (path, body, status) => {
    const { ask, put, errors } = face([], { bodyBytesMax: 300 });
    expect((await ask("PUT", path, body))[0]).toBe(status);
    expect([put, errors]).toEqual([[], []]);
  });

  test("what goes wrong inside is logged, and nobody is told more than that", async () => {
    const { ask, errors } = face([]);
    expect(await ask("PUT", "/v1/service/s/x", { ...wanted, payload: "broken" })).toEqual([
      500,
      { error: "The request failed." },
    ]);
    expect(errors).toEqual([new Error("broken")]);
  });

  test("an entry is taken out", async () => {
    const { ask, removed } = face([]);
    expect(await ask("DELETE", "/v1/service/s/a%20b")).toEqual([200, undefined]);
    expect(removed).toEqual(["s/a b"]);
  });
});

test("other methods are refused, with those that are not", async () => {
  const { handler } = face([]);
  for (const [path, allow] of [
    ["/v1/service", "GET, HEAD"],
    ["/v1/service/s", "GET, HEAD"],
    ["/v1/anyservice/s", "GET, HEAD"],
    ["/v1/service/s/a", "GET, HEAD, PUT, DELETE"],
  ]) {
    const response = await handler(new Request(`http://localhost${path}`, { method: "POST" }));
    expect([response.status, response.headers.get("allow")]).toEqual([405, allow]);
  }
});

test("below a root of its own", async () => {
  const { ask } = face([], { root: "/registry" });
  expect((await ask("GET", "/registry/v1/service"))[0]).toBe(200);
  expect((await ask("GET", "/v1/service"))[0]).toBe(404);
});
