/**
 * The registry over HTTP and JSON, with the paths of Curator's discovery-server, for programs that speak nothing else.
 *
 *   GET    v1/service               [{ "name": … }]
 *   GET    v1/service/{name}        the instances; ?tag= ?zone= ?health= ?enabled= narrow them down
 *   GET    v1/service/{name}/{id}   one, or 404
 *   PUT    v1/service/{name}/{id}   registers a STATIC or PERMANENT one: 201; 400, or 409 if a session stands behind it
 *   DELETE v1/service/{name}/{id}   takes it out: 200, whether or not it was there
 *   GET    v1/anyservice/{name}     any that will do (switched on, passing or warning), narrowed down likewise, or 404
 *
 * A function from a Request to a Response of the Fetch API, so it fits wherever those are at home; `serveHttp` of
 * @corral/io puts it on a port. It checks nobody's identity: keep it where only friends can reach it.
 */
import { type Client, isCoordinationError } from "@corral/client";
import { isWaitTimeoutError } from "@corral/recipe-kit";
import { assess } from "./availability.ts";
import { noFailures } from "./down-policy.ts";
import { isInvalidPayloadError, isMalformedEntryError, isNameTakenError } from "./errors.ts";
import { filterFromQuery, instanceFromJson, instanceToJson } from "./http-json.ts";
import { type InstanceSpec, isDynamic } from "./instance.ts";
import type { ServiceRegistry } from "./registry.ts";
import { type Strategy, type StrategyName, strategyNamed } from "./strategies.ts";

/** How requests are answered. */
export interface HttpOptions {
  /** What stands before `v1/…` in the paths. Default `/`. */
  readonly root?: string | undefined;
  /** How `v1/anyservice` chooses. Default `random`. */
  readonly strategy?: StrategyName | Strategy | undefined;
  /** Longest wait for the registry, ms; then 503. Default 10 000. */
  readonly timeoutMs?: number | undefined;
  /** Longest body, in bytes; above that 413. Default 262 144. */
  readonly bodyBytesMax?: number | undefined;
}

/** What a request needs of a registry. */
export type Answering<In, Out> = Pick<ServiceRegistry<In, Out>, "names" | "instances" | "put" | "remove">;

/** What it needs of a client. */
export type Ports = Pick<Client, "random" | "logger">;

/** Answers a request. Never rejects. */
export type HttpHandler = (request: Request) => Promise<Response>;

/** The handler; see the head of this file. */
export function httpHandler<In, Out>(
  client: Ports,
  registry: Answering<In, Out>,
  options: HttpOptions = {},
): HttpHandler {
  const face = new HttpFace(client, registry, options);
  return (request) => face.answer(request);
}

class HttpFace<In, Out> {
  readonly #client: Ports;
  readonly #registry: Answering<In, Out>;
  readonly #root: string;
  readonly #strategy: Strategy;
  readonly #timeoutMs: number;
  readonly #bodyBytesMax: number;
  #memory: string | undefined;

  constructor(client: Ports, registry: Answering<In, Out>, options: HttpOptions) {
    const { root = "/", strategy = "random", timeoutMs = 10_000, bodyBytesMax = 262_144 } = options;
    this.#client = client;
    this.#registry = registry;
    this.#root = root.endsWith("/") ? root : `${root}/`;
    this.#strategy = typeof strategy === "string" ? strategyNamed(strategy) : strategy;
    this.#timeoutMs = timeoutMs;
    this.#bodyBytesMax = bodyBytesMax;
  }

  async answer(request: Request): Promise<Response> {
    try {
      return await this.#route(request);
    } catch (error) {
      return this.#refusal(error, request);
    }
  }

  async #route(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const segments = this.#segments(url);
    if (segments === undefined) return problem(404, "There is nothing at this path.");
    const [version, kind, name, id, ...rest] = segments;
    if (version !== "v1" || rest.length > 0) return problem(404, "There is nothing at this path.");
    const { method } = request;
    const isRead = method === "GET" || method === "HEAD";
    if (kind === "service" && name === undefined) return isRead ? await this.#names() : notAllowed("GET, HEAD");
    if (kind === "service" && name !== undefined && id === undefined) {
      return isRead ? await this.#instances(name, url) : notAllowed("GET, HEAD");
    }
    if (kind === "anyservice" && name !== undefined && id === undefined) {
      return isRead ? await this.#any(name, url) : notAllowed("GET, HEAD");
    }
    if (kind !== "service" || name === undefined || id === undefined) {
      return problem(404, "There is nothing at this path.");
    }
    if (isRead) return await this.#instance(name, id);
    if (method === "PUT") return await this.#put(request, name, id);
    if (method === "DELETE") return await this.#remove(name, id);
    return notAllowed("GET, HEAD, PUT, DELETE");
  }

  /** The path below the root, decoded; `undefined` if it is not below. */
  #segments({ pathname }: URL): string[] | undefined {
    if (!pathname.startsWith(this.#root)) return undefined;
    return pathname
      .slice(this.#root.length)
      .replace(/\/$/, "")
      .split("/")
      .map((segment) => decodeURIComponent(segment));
  }

  get #wait(): { readonly timeoutMs: number } {
    return { timeoutMs: this.#timeoutMs };
  }

  async #names(): Promise<Response> {
    const names = await this.#registry.names(this.#wait);
    return json(
      200,
      names.map((name) => ({ name })),
    );
  }

  async #instances(name: string, url: URL): Promise<Response> {
    const instances = await this.#registry.instances(name, filterFromQuery(url.searchParams), this.#wait);
    return json(200, instances.map(instanceToJson));
  }

  async #instance(name: string, id: string): Promise<Response> {
    // By the name of its node, which a sequential one alone has for itself.
    const where = ({ path }: { readonly path: string }): boolean => path.slice(path.lastIndexOf("/") + 1) === id;
    const [instance] = await this.#registry.instances(name, { where }, this.#wait);
    return instance === undefined ? problem(404, `There is no ${name}/${id}.`) : json(200, instanceToJson(instance));
  }

  async #any(name: string, url: URL): Promise<Response> {
    const { health = ["passing", "warning"], ...filter } = filterFromQuery(url.searchParams);
    const instances = await this.#registry.instances(name, {}, this.#wait);
    const wishes = { filter, health, zone: undefined, zoneAtLeast: 1 };
    const { candidates } = assess(instances, wishes, () => noFailures, 0);
    const [first, ...others] = candidates;
    if (first === undefined) return problem(404, `No instance of ${name} will do.`);
    const choice = this.#strategy([first, ...others], this.#memory, this.#client.random.fraction());
    this.#memory = choice.memory;
    return json(200, instanceToJson(choice.chosen.instance));
  }

  async #put(request: Request, name: string, id: string): Promise<Response> {
    const body = await readBody(request, this.#bodyBytesMax);
    if (body === undefined) return problem(413, `The body is longer than ${this.#bodyBytesMax} bytes.`);
    let parsed: unknown;
    try {
      parsed = JSON.parse(body);
    } catch {
      return problem(400, "The body is not JSON.");
    }
    const spec = instanceFromJson(parsed);
    if (spec.name !== name || spec.id !== id) return problem(400, "name and id must be those of the path.");
    if (isDynamic(spec.serviceType)) {
      return problem(400, "serviceType must be STATIC or PERMANENT: there is no session to go with.");
    }
    // Checked against the registry's schema before anything is written.
    await this.#registry.put(spec as InstanceSpec<In>, this.#wait);
    return new Response(null, { status: 201 });
  }

  async #remove(name: string, id: string): Promise<Response> {
    await this.#registry.remove(name, id, this.#wait);
    return new Response(null, { status: 200 });
  }

  #refusal(error: unknown, { method, url }: Request): Response {
    if (isMalformedEntryError(error) || isInvalidPayloadError(error)) return problem(400, error.message);
    if (error instanceof RangeError || error instanceof SyntaxError || error instanceof URIError) {
      return problem(400, error.message);
    }
    if (isNameTakenError(error)) return problem(409, error.message);
    if (isWaitTimeoutError(error) || isCoordinationError(error, "ClientClosed")) {
      return problem(503, "The registry does not answer.");
    }
    this.#client.logger.error({ err: error, method, url }, "a request to the registry failed");
    return problem(500, "The request failed.");
  }
}

/** The body as text; `undefined` if it is too long. */
async function readBody(request: Request, bytesMax: number): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > bytesMax) return undefined;
  }
  return Buffer.concat(chunks).toString("utf8");
}

function json(status: number, value: unknown): Response {
  return new Response(JSON.stringify(value), { status, headers: { "content-type": "application/json" } });
}

function problem(status: number, message: string): Response {
  return json(status, { error: message });
}

function notAllowed(allow: string): Response {
  const response = problem(405, `Only ${allow}.`);
  response.headers.set("allow", allow);
  return response;
}
