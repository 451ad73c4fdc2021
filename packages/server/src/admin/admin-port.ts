/**
 * The admin port: `/commands`, `/health` and `/metrics` over HTTP. It is open to this machine alone, or to those who show a
 * token; `/health` to all who can reach it, since those who ask for it seldom can show one.
 */
import { type HttpServer, type HttpServerOptions, type Logger, serveHttp } from "@corral/io";
import { sameSecret } from "../state/session-table.ts";
import { type AdminCommand, type CommandBody, CommandError } from "./admin-command.ts";
import type { AdminWitness, CommandOutcome } from "./admin-witness.ts";
import { adminCommands } from "./commands.ts";
import { healthOf, type Phase } from "./health.ts";
import { type JsonValue, toJson } from "./json.ts";
import { tokenRefusal } from "./state-commands.ts";
import { notServing, type Subject } from "./subject.ts";

/** Where to listen, and what to show. */
export interface AdminPortOptions {
  readonly host: string;
  readonly port: number;
  /** What callers must show as `Authorization: Bearer …`; undefined: nothing. */
  readonly token: string | undefined;
  /** TLS, if it is spoken. */
  readonly tls: HttpServerOptions["tls"];
  readonly maxConnections: number;
  readonly logger: Logger;
  readonly witness: AdminWitness;
  readonly phase: () => Phase;
  /** Undefined until the server has recovered. */
  readonly subject: () => Subject | undefined;
}

/** How long a snapshot may take to arrive, ms. */
const bodyMs = 3_600_000;

/** What requests may be made by. */
const methods: readonly string[] = ["GET", "HEAD", "POST"];

/** Listens; rejects with the operating system's error when the address cannot be had. */
export async function openAdminPort(options: AdminPortOptions): Promise<HttpServer> {
  const { host, port, tls, maxConnections, logger, witness } = options;
  // Now: loading the library takes tens of milliseconds, for which all clients would wait when somebody first asks for metrics.
  await import("./registry.ts");
  return serveHttp((request, remote) => answerAdminRequest(request, remote, options), {
    host,
    port,
    tls,
    maxConnections,
    onRefused: (remote, why) => witness.onRefused(remote, maxConnections, why),
    requestTimeoutMs: bodyMs,
    onAborted: (remote) =>
      logger.debug({ remote }, "a connection to the admin port ended in the middle of a request or its answer"),
    onError: (err) => logger.warn({ err }, "an answer on the admin port failed, or a connection to it"),
  });
}

/** What is answered to one request, which comes from the address `remote`. */
export async function answerAdminRequest(
  request: Request,
  remote: string,
  options: Pick<AdminPortOptions, "token" | "phase" | "subject" | "witness">,
): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  if (!methods.includes(request.method)) {
    return json({ error: "method not allowed" }, 405, { allow: methods.join(", ") });
  }
  const refusal = isForeign(request, options.token);
  if (refusal !== undefined) return json({ error: refusal }, 403);
  if (/^\/health(\/(live|ready))?\/?$/.test(pathname)) return answerHealth(pathname, options);
  const command = /^\/commands\/([^/]+)\/?$/.exec(pathname)?.[1];
  if (!isAuthorized(request, options.token)) {
    const asked = command === undefined ? pathname : decode(command);
    options.witness.onUnauthorized(remote, asked, request.headers.has("authorization"));
    return json({ error: "show the admin token as Authorization: Bearer TOKEN" }, 401, {
      "www-authenticate": "Bearer",
    });
  }
  const subject = options.subject();
  if (pathname === "/metrics") return answerMetrics(subject);
  if (/^\/commands\/?$/.test(pathname)) return listCommands();
  if (command !== undefined) {
    const onDone = (operation: string, outcome: CommandOutcome) =>
      options.witness.onCommand(remote, operation, outcome);
    return answerCommand(decode(command), { subject, token: options.token }, searchParams, request, onDone);
  }
  return json({ error: `there is no ${pathname}: try /commands, /health or /metrics` }, 404);
}

/** `%` signs that stand for nothing are left as they are. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Why a request is not for us: a page in somebody's browser sends it, or it names a host that is none of ours. Without a token
 * nothing else would keep web pages out of a port of this machine.
 */
function isForeign(request: Request, token: string | undefined): string | undefined {
  if (token !== undefined) return undefined;
  // An image's request has no origin; what an operator types into a browser comes from no site.
  const site = request.headers.get("sec-fetch-site") ?? "none";
  if (request.headers.has("origin") || !["none", "same-origin"].includes(site))
    return "requests of web pages are refused";
  const name = (request.headers.get("host") ?? "").replace(/:\d+$/, "");
  if (name === "" || name === "localhost" || /^(\[[\da-f:.]+\]|[\d.]+)$/i.test(name)) return undefined;
  return `call this server by its address or as localhost, not as ${name}`;
}

function isAuthorized(request: Request, token: string | undefined): boolean {
  if (token === undefined) return true;
  const shown = /^Bearer (.*)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
  return sameSecret(Buffer.from(shown), Buffer.from(token));
}

function answerHealth(pathname: string, { phase, subject }: Pick<AdminPortOptions, "phase" | "subject">): Response {
  const health = healthOf(phase(), subject());
  const isGood = pathname.startsWith("/health/live") ? health.live : health.live && health.ready;
  return json({ ...health }, isGood ? 200 : 503);
}

async function answerMetrics(subject: Subject | undefined): Promise<Response> {
  if (subject === undefined) return json({ error: notServing }, 503);
  // Only servers with an admin port pay for the library.
  const { registryOf } = await import("./registry.ts");
  const registry = registryOf(subject);
  return new Response(await registry.metrics(), { headers: { "content-type": registry.contentType } });
}

function listCommands(): Response {
  const links = adminCommands.map(({ names: [name] }) => `<a href="/commands/${name}">${name}</a>\n<br/>\n`);
  return new Response(links.join(""), { headers: { "content-type": "text/html; charset=utf-8" } });
}

/**
 * With status 200 even for most errors, as the reference has it: `error` tells. Not so where a token is needed: what such a command
 * answers is kept as a backup, or taken as done, by programs that look at the status alone.
 */
async function answerCommand(
  name: string,
  { subject, token }: { readonly subject: Subject | undefined; readonly token: string | undefined },
  query: URLSearchParams,
  request: Request,
  onDone: (operation: string, outcome: CommandOutcome) => void,
): Promise<Response> {
  const command = adminCommands.find(({ names }) => names.includes(name));
  if (command === undefined) return json({ command: name, error: `Unknown command: ${name}` });
  const [fullName] = command.names;
  try {
    refuseUnlessAllowed(command, token, request);
    refuseStrangeParameters(command, query);
    if (subject === undefined || !subject.replica.serving) {
      throw command.needsToken
        ? new CommandError(notServing, 503, { "retry-after": "1" })
        : new CommandError(notServing);
    }
    const answer: CommandBody | Response = await command.run(subject, query, request);
    if (command.isAudited) onDone(fullName, { result: "success", zxid: zxidTold(answer) });
    return answer instanceof Response ? answer : json({ ...answer, command: fullName, error: null });
  } catch (error) {
    if (command.isAudited)
      onDone(fullName, { result: "failure", reason: error instanceof Error ? error.message : String(error) });
    if (!(error instanceof CommandError)) throw error;
    return json({ error: error.message, command: fullName }, error.status, error.headers);
  }
}

/** Up to which entry a snapshot goes, or which one a restore was. */
function zxidTold(answer: CommandBody | Response): number | undefined {
  const told = answer instanceof Response ? answer.headers.get("last_zxid") : answer.last_zxid;
  return typeof told === "string" ? Number(told) : undefined;
}

function refuseUnlessAllowed(
  { needsToken, method, names: [name] }: AdminCommand,
  token: string | undefined,
  request: Request,
): void {
  const refusal = needsToken ? tokenRefusal(token) : undefined;
  if (refusal !== undefined) throw new CommandError(refusal, 403);
  if (method === undefined || method === request.method) return;
  throw new CommandError(`${name} changes what the server holds: ask for it by ${method}`, 405, { allow: method });
}

/** Who misspells a parameter must not have something else done than he asked for. */
function refuseStrangeParameters({ names: [name], parameters }: AdminCommand, query: URLSearchParams): void {
  if (parameters === undefined) return;
  const known = parameters.length === 0 ? "it takes none" : `it takes ${parameters.join(", ")}`;
  for (const given of new Set(query.keys())) {
    if (!parameters.includes(given)) throw new CommandError(`${name} has no parameter ${given}: ${known}`, 400);
    if (query.getAll(given).length > 1) throw new CommandError(`${given} is given more than once`, 400);
  }
}

function json(
  body: Readonly<Record<string, JsonValue>>,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(`${toJson(body)}\n`, { status, headers: { "content-type": "application/json", ...headers } });
}
